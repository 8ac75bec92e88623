"""Every address, by room. API paths have no trailing slash; with one they work as well."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "home.errors.bad_request"
handler403 = "home.errors.forbidden"
handler404 = "home.errors.not_found"
handler500 = "home.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.account.urls")),
]

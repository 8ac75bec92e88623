"""Every address, by room. API paths have no trailing slash; with one they work as well."""

from django.urls import URLPattern, URLResolver, include, path

from changes.urls import api_urls as changes_api
from home import health
from home.theme import choose_theme

handler400 = "home.errors.bad_request"
handler403 = "home.errors.forbidden"
handler404 = "home.errors.not_found"
handler500 = "home.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.MetricsView.as_view()),
    path("accounts/", include("allauth.account.urls")),
    path("theme", choose_theme, name="theme"),
    path("api/v1/", include(changes_api)),
]

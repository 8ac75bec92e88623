"""Every address, by room. API paths have no trailing slash; with one they work as well."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from accounts.contacts.urls import api_urls as contacts_api
from accounts.urls import settings_urls, sign_in_urls, welcome_urls
from catalog.urls import api_urls as catalog_api
from catalog.urls import settings_urls as catalog_settings
from changes.urls import api_urls as changes_api
from changes.urls import page_urls as changes_pages
from config.api_docs import OpenApiDocument, api_docs
from home import health
from home.landscape import landscape
from home.summaries.urls import page_urls as summaries_pages
from home.theme import choose_theme
from home.views import my_queue, now
from incidents.urls import api_urls as incidents_api
from incidents.urls import page_urls as incidents_pages
from oncall.sync.urls import api_urls as opsgenie_api
from oncall.sync.urls import page_urls as opsgenie_pages
from oncall.urls import api_urls as oncall_api
from oncall.urls import page_urls as oncall_pages
from public.urls import page_urls as public_pages

handler400 = "home.errors.bad_request"
handler403 = "home.errors.forbidden"
handler404 = "home.errors.not_found"
handler500 = "home.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    # First, because machines ask for it thousands of times as often as people ask for anything.
    path("api/v1/", include(changes_api)),
    path("api/v1/", include(catalog_api)),
    path("api/v1/", include(incidents_api)),
    path("api/v1/", include(oncall_api)),
    path("api/v1/", include(opsgenie_api)),
    path("api/v1/", include(contacts_api)),
    re_path(r"^api/v1/openapi\.json/?$", OpenApiDocument.as_view()),
    re_path(r"^api/docs/?$", api_docs, name="api_docs"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.MetricsView.as_view()),
    path("accounts/", include(sign_in_urls)),
    path("", include("notifications.urls")),
    path("theme", choose_theme, name="theme"),
    path("", include(welcome_urls)),
    path("", include(settings_urls(landscape))),
    path("", include(catalog_settings)),
    path("", now),
    path("queue", my_queue),
    path("", include(summaries_pages)),
    path("", include(opsgenie_pages)),
    path("", include(oncall_pages)),
    path("", include(changes_pages)),
    path("", include(incidents_pages)),
    path("", include(public_pages)),
    path("", include("public.outside")),
]

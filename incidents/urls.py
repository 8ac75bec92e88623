"""Addresses of incidents: pages and the API."""

from django.urls import path, re_path

from incidents import api, timeline_api, views
from incidents.alerts import api as alerts
from incidents.rca.urls import api_urls as rca_api
from incidents.rca.urls import page_urls as rca_pages
from incidents.reliability import api as reliability
from incidents.reliability import views as reliability_pages
from incidents.suspects import api as suspects
from incidents.suspects import views as suspect_pages

page_urls = [
    *rca_pages,
    path("reliability", reliability_pages.reliability),
    path("incidents", views.incidents),
    path("incidents/declare", views.declare),
    path("incidents/suspects", suspect_pages.backtest),
    path("incidents/<str:ref>", views.incident),
    path("incidents/<str:ref>/note", views.add_note),
    path("incidents/<str:ref>/note/<int:entry>", views.revise),
    path("incidents/<str:ref>/update", views.write_update),
    path("incidents/<str:ref>/update/<int:pk>/publish", views.publish),
    path("incidents/<str:ref>/do/<slug:name>", views.deed),
]

_ONE = r"^incidents/(?P<incident>[^/]+)"
_VERBS = {
    "acknowledge": api.Acknowledge,
    "advance": api.Advance,
    "mitigate": api.Mitigate,
    "resolve": api.Resolve,
    "reopen": api.Reopen,
    "close": api.Close,
    "cancel": api.Cancel,
    "merge": api.Merge,
    "roles": api.Roles,
    "invite": api.Invitations,
    "impacts": api.Impacts,
    "changes": api.MarkedChanges,
    "updates": api.Updates,
    "page": api.Pages,
    "suspects": suspects.Suspects,
}

api_urls = [
    *rca_api,
    re_path(r"^metrics/reliability/?$", reliability.ReliabilityMetrics.as_view()),
    re_path(r"^incidents/?$", api.Incidents.as_view()),
    re_path(rf"{_ONE}/?$", api.OneIncident.as_view()),
    *(re_path(rf"{_ONE}/{verb}/?$", view.as_view()) for verb, view in _VERBS.items()),
    re_path(rf"{_ONE}/updates/(?P<update>[0-9]{{1,18}})/publish/?$", api.Publication.as_view()),
    re_path(rf"{_ONE}/timeline/?$", timeline_api.IncidentTimeline.as_view()),
    re_path(rf"{_ONE}/timeline/(?P<entry>[0-9]{{1,18}})/?$", timeline_api.OneNote.as_view()),
    re_path(r"^alerts/?$", alerts.Alerts.as_view()),
    re_path(r"^hooks/alertmanager/?$", alerts.ManagedAlerts.as_view()),
]

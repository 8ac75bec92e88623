"""Addresses of incidents: pages and the API."""

from django.urls import re_path

from incidents import api, timeline_api
from incidents.alerts import api as alerts

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
}

api_urls = [
    re_path(r"^incidents/?$", api.Incidents.as_view()),
    re_path(rf"{_ONE}/?$", api.OneIncident.as_view()),
    *(re_path(rf"{_ONE}/{verb}/?$", view.as_view()) for verb, view in _VERBS.items()),
    re_path(rf"{_ONE}/updates/(?P<update>[0-9]{{1,18}})/publish/?$", api.Publication.as_view()),
    re_path(rf"{_ONE}/timeline/?$", timeline_api.IncidentTimeline.as_view()),
    re_path(rf"{_ONE}/timeline/(?P<entry>[0-9]{{1,18}})/?$", timeline_api.OneNote.as_view()),
    re_path(r"^alerts/?$", alerts.Alerts.as_view()),
    re_path(r"^hooks/alertmanager/?$", alerts.ManagedAlerts.as_view()),
]

"""Addresses of the synchronisation: pages and the API."""

from django.urls import URLPattern, path, re_path

from oncall.sync import api, views

PLAN = r"(?P<plan>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

api_urls: list[URLPattern] = [
    re_path(r"^opsgenie/plan/?$", api.Plans.as_view()),
    re_path(rf"^opsgenie/plans/{PLAN}/?$", api.OnePlan.as_view()),
    re_path(rf"^opsgenie/plans/{PLAN}/apply/?$", api.PlanApplication.as_view()),
]

page_urls: list[URLPattern] = [
    path("oncall/opsgenie", views.opsgenie),
    path("oncall/opsgenie/ask", views.ask),
    path("oncall/opsgenie/people", views.people),
    path("oncall/opsgenie/plan", views.make_plan),
    path("oncall/opsgenie/plans/<uuid:pk>", views.plan),
    path("oncall/opsgenie/plans/<uuid:pk>/apply", views.apply_plan),
]

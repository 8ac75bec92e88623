"""Addresses of the watch: pages and the API."""

from django.urls import URLPattern, path, re_path

from oncall import api, views
from oncall.alerting.api import OpsgenieHook
from oncall.paging import api as paging_api
from oncall.paging import views as paging

SLUG = r"(?P<slug>[-a-zA-Z0-9_]+)"
PAGE = r"(?P<page>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"

api_urls: list[URLPattern] = [
    re_path(r"^oncall/?$", api.OnCallNow.as_view()),
    re_path(r"^schedules/?$", api.Schedules.as_view()),
    re_path(rf"^schedules/{SLUG}/?$", api.OneSchedule.as_view()),
    re_path(rf"^schedules/{SLUG}\.ics/?$", api.ScheduleFeed.as_view()),
    re_path(rf"^schedules/{SLUG}/oncall/?$", api.ScheduleOnCall.as_view()),
    re_path(rf"^schedules/{SLUG}/overrides/?$", api.Overrides.as_view()),
    re_path(r"^pages/?$", paging_api.Pages.as_view()),
    re_path(rf"^pages/{PAGE}/?$", paging_api.OnePage.as_view()),
    re_path(rf"^pages/{PAGE}/acknowledge/?$", paging_api.PageAcknowledgement.as_view()),
    re_path(rf"^pages/{PAGE}/cancel/?$", paging_api.PageCancellation.as_view()),
    re_path(r"^hooks/opsgenie/?$", OpsgenieHook.as_view()),
    re_path(r"^escalations/?$", paging_api.Escalations.as_view()),
    re_path(rf"^escalations/{SLUG}/?$", paging_api.OneEscalation.as_view()),
    re_path(rf"^schedules/{SLUG}/overrides/(?P<id>[0-9]{{1,18}})/?$", api.OneOverride.as_view()),
]

page_urls: list[URLPattern] = [
    path("pages", paging.pages),
    path("pages/<uuid:key>", paging.one_page),
    path("pages/<uuid:key>/acknowledge", paging.acknowledge),
    path("pages/<uuid:key>/cancel", paging.cancel),
    path("answer/<str:token>", paging.answer),
    path("escalations", paging.escalations),
    path("escalations/new", paging.edit_escalation),
    path("escalations/<slug:slug>", paging.escalation),
    path("escalations/<slug:slug>/edit", paging.edit_escalation),
    path("oncall", views.oncall),
    path("oncall/new", views.new_schedule),
    path("oncall/links", views.links),
    path("oncall/links/<int:pk>/revoke", views.revoke),
    path("oncall/feeds/<str:key>.ics", views.feed),
    path("oncall/swaps/<int:pk>/answer", views.answer),
    path("oncall/<slug:slug>", views.schedule),
    path("oncall/<slug:slug>/rotations/new", views.rotation),
    path("oncall/<slug:slug>/rotation/<str:name>", views.rotation),
    path("oncall/<slug:slug>/take", views.take),
    path("oncall/<slug:slug>/other", views.other),
    path("oncall/<slug:slug>/overrides/<int:pk>/cancel", views.cancel),
    path("oncall/<slug:slug>/note", views.note),
]

"""Addresses of the watch: pages and the API."""

from django.urls import URLPattern, path, re_path

from oncall import api, views

SLUG = r"(?P<slug>[-a-zA-Z0-9_]+)"

api_urls: list[URLPattern] = [
    re_path(r"^oncall/?$", api.OnCallNow.as_view()),
    re_path(r"^schedules/?$", api.Schedules.as_view()),
    re_path(rf"^schedules/{SLUG}/?$", api.OneSchedule.as_view()),
    re_path(rf"^schedules/{SLUG}\.ics/?$", api.ScheduleFeed.as_view()),
    re_path(rf"^schedules/{SLUG}/oncall/?$", api.ScheduleOnCall.as_view()),
    re_path(rf"^schedules/{SLUG}/overrides/?$", api.Overrides.as_view()),
    re_path(rf"^schedules/{SLUG}/overrides/(?P<id>[0-9]{{1,18}})/?$", api.OneOverride.as_view()),
]

page_urls: list[URLPattern] = [
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

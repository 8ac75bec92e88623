"""Addresses of the calendar: pages, feeds and the API."""

from django.urls import path, re_path

from changes.calendar import api, views

page_urls = [
    path("calendar", views.calendar),
    path("calendar/links", views.links),
    path("calendar/links/<int:pk>/revoke", views.revoke),
    path("calendar/<str:key>.ics", views.personal_feed),
]

api_urls = [
    re_path(r"^calendar/?$", api.CalendarView.as_view()),
    re_path(r"^calendar\.ics/?$", api.CalendarFeed.as_view()),
]

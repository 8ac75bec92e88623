"""Addresses of the calendar: pages, feeds and the API."""

from django.urls import path

from changes.calendar import views

page_urls = [
    path("calendar", views.calendar),
]

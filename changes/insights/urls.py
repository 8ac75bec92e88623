"""Addresses of insights: pages and the API."""

from django.urls import path, re_path

from changes.insights import api, views

page_urls = [
    path("insights", views.insights),
    path("insights/<slug:service>/<slug:metric>", views.metric),
]

api_urls = [
    re_path(r"^metrics/delivery/?$", api.DeliveryMetrics.as_view()),
]

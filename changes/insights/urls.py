"""Addresses of insights: pages and the API."""

from django.urls import re_path

from changes.insights import api

api_urls = [
    re_path(r"^metrics/delivery/?$", api.DeliveryMetrics.as_view()),
]

"""Addresses of the summaries."""

from django.urls import path

from home.summaries.policy import Kind
from home.summaries.views import preview, summaries

page_urls = [
    path("summaries", summaries),
    *(path(f"summaries/{kind}", preview, {"kind": kind}) for kind in Kind),
]

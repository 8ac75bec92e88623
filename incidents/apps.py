"""Incidents as a Django application."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Incidents and root causes, later."""

    name = "incidents"

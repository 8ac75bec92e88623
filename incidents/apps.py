"""Incidents as a Django application."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Incidents, root causes, corrective actions."""

    name = "incidents"

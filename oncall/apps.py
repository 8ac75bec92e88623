"""On call as a Django application."""

from django.apps import AppConfig


class OncallConfig(AppConfig):
    """Schedules, rotations and escalations."""

    name = "oncall"

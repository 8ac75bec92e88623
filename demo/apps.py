"""The demo as a Django application."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Only a command."""

    name = "demo"

"""The signed-in pages across rooms as a Django application."""

from django.apps import AppConfig


class HomeConfig(AppConfig):
    """Now, search, settings."""

    name = "home"

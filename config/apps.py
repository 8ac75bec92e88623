"""Registers the start-up checks."""

from django.apps import AppConfig
from django.core import checks

from config.checks import settings_are_right


class ConfigConfig(AppConfig):
    """The wiring room as an application, so that its checks run with every command."""

    name = "config"

    def ready(self) -> None:
        """Register the settings checks; every management command runs them."""
        checks.register(settings_are_right)

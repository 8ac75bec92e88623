"""The public pages as a Django application."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    """Status page and change log, later."""

    name = "public"

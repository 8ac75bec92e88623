"""The public pages as a Django application."""

from django.apps import AppConfig


class PublicConfig(AppConfig):
    """Everything that somebody outside can see."""

    name = "public"

"""The outbox as a Django application."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Messages and their delivery."""

    name = "notifications"

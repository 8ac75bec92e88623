"""Change management as a Django application."""

from django.apps import AppConfig


class ChangesConfig(AppConfig):
    """Changes, pipelines, runs, freezes."""

    name = "changes"

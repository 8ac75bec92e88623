"""The kernel as a Django application."""

from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    """Owns the ledger and the stored replies."""

    name = "workflow"

"""Wiring only: settings, URLs, Celery and the checks that stop a wrong start."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

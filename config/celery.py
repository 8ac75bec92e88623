"""The Celery application and its static schedule.

Celery carries work; it owns nothing. Whatever must not be lost is a row in the database before a task is
published, so every task here may be dropped, repeated or late without harm.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("decklog")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

"""The Celery application and its static schedule.

Celery carries work; it owns nothing. Whatever must not be lost is a row in the database before a task is
published, so every task here may be dropped, repeated or late without harm. Every worker also sweeps the outbox by
itself (`notifications.sweeper`), whether or not its broker is there.
"""

import os

from celery import Celery
from celery.loaders.app import AppLoader

from config.checks import refuse_wrong_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Loader(AppLoader):
    """Celery's own, which also stops a worker or beat that was started with wrong settings."""

    def on_worker_init(self) -> None:
        """Raise WrongStart; Celery runs Django's checks by itself, and ignores what they find."""
        refuse_wrong_start()


app = Celery("decklog", loader="config.celery:Loader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# By name: the step imports models, which are not ready while this module is imported.
app.steps["worker"].add("notifications.sweeper:Sweeping")

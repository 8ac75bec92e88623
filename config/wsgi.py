"""The WSGI entry point. A wrong setting stops the start with a sentence instead of a failing first request."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402 - loads the settings that the line above names

from config.checks import refuse_wrong_start  # noqa: E402 - needs the settings that the line above has loaded
from workflow.bodies import MeasuredBodies  # noqa: E402 - as above
from workflow.charsets import OnlyUtf8  # noqa: E402 - as above
from workflow.straight import MachinesFirst  # noqa: E402 - as above

refuse_wrong_start()
# Who reports errors elsewhere wants Django's own handler, to which the reports are tied.
application = MeasuredBodies(OnlyUtf8(WSGIHandler() if settings.SENTRY_DSN else MachinesFirst()))

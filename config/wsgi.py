"""The WSGI entry point. A wrong setting stops the start with a sentence instead of a failing first request."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_wsgi_application()

from config.checks import refuse_wrong_start  # noqa: E402 - needs the settings that the line above has loaded
from workflow.bodies import MeasuredBodies  # noqa: E402 - as above
from workflow.charsets import OnlyUtf8  # noqa: E402 - as above

refuse_wrong_start()
application = MeasuredBodies(OnlyUtf8(django_application))

"""The WSGI entry point. A wrong setting stops the start with a sentence instead of a failing first request."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from config.checks import refuse_wrong_start  # noqa: E402 - needs the settings that the line above has loaded

refuse_wrong_start()

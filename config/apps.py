"""Registers the start-up checks, and says which static files are served."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.core import checks

from config.checks import settings_are_right


class ConfigConfig(AppConfig):
    """The wiring room as an application, so that its checks run with every command."""

    name = "config"

    def ready(self) -> None:
        """Register the settings checks; every management command runs them."""
        checks.register(settings_are_right)


class StaticFiles(StaticFilesConfig):
    """Django's static files, without what the packages bring beside the one style sheet and the Latin letters in use.

    Some of the style sheets left out refer to pictures that are not served, which `collectstatic` refuses.
    """

    ignore_patterns = (
        *StaticFilesConfig.ignore_patterns,
        *("tabler-*", "tabler.css*", "tabler.rtl*"),
        *("inter-cyrillic*", "inter-greek*", "inter-vietnamese*", "inter-*-italic.woff2", "*-opsz-*", "*-standard-*"),
    )

"""Reports unexpected errors to whoever SENTRY_DSN names. Installed, and loaded, only when it is set.

What is sent must not contain what the log would hide: the SDK collects little to begin with, and `scrubbed` takes out
what is left of what people and machines sent.
"""

from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
import structlog
from django.apps import AppConfig
from django.conf import settings
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.integrations.threading import ThreadingIntegration
from sentry_sdk.types import Event, Hint

from workflow.logs import SECRET_NAMES, SECRET_TEXT
from workflow.middleware import RESET_LINK

UNSENT = ("breadcrumbs", "extra", "modules", "user")


class ReportingConfig(AppConfig):
    """Starts the reporting, in every process."""

    name = "config.reporting"

    def ready(self) -> None:
        """Catch what web requests, tasks, threads and commands fail of."""
        sentry_sdk.init(
            dsn=settings.SENTRY_DSN,
            before_send=scrubbed,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            # Nothing is added to requests to other systems, nor to tasks.
            trace_propagation_targets=[],
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                AtexitIntegration(callback=lambda pending, timeout: None),
                CeleryIntegration(propagate_traces=False),
                DedupeIntegration(),
                DjangoIntegration(transaction_style="url", middleware_spans=False, signals_spans=False),
                ExcepthookIntegration(),
                ThreadingIntegration(propagate_scope=False),
            ],
        )


def scrubbed(event: Event, hint: Hint) -> Event:
    """The report without secrets, with the id under which the log knows the request."""
    report: dict[str, Any] = {name: value for name, value in event.items() if name not in UNSENT}
    request = report.pop("request", None)
    if request:
        path = urlsplit(str(request.get("url", ""))).path
        report["request"] = {
            "method": request.get("method", ""),
            "url": f"{RESET_LINK}…" if RESET_LINK in path else path,
        }
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        report["tags"] = {"request_id": request_id}
    return _without_secrets(report)  # type: ignore[no-any-return]  # a mapping comes back as one


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET_TEXT.sub("[hidden]", value)
    if isinstance(value, dict):
        return {
            name: "[hidden]" if SECRET_NAMES.search(str(name)) else _without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    return value

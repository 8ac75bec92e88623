"""Opsgenie as the pager, and any other call to it, by the vendor's SDK, which only this file imports.

The SDK by itself waits forever, retries what may have arrived, shares one key between all clients and gives errors
three shapes. Everything of that is tamed in `Account`.
"""

import json
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import urllib3
from django.conf import settings
from opsgenie_sdk import AlertApi, ApiClient, Configuration
from opsgenie_sdk.exceptions import OpenApiException
from tenacity import RetryError

from notifications.providers.answers import one_line, seconds_of, shortened
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent, Verdict

TIMEOUTS = (3, 5)
"""Seconds to connect and to be silent; the SDK ignores anything but whole numbers."""
SECONDS = 10.0
"""How long an attempt asks whether the alert exists; less than the relay gives it."""
FIRST_LOOK, LONGEST_LOOK = 0.1, 1.0
"""Seconds between two questions about a request, from the first on, doubling."""
PATIENCE = 10.0
"""How long to wait when Opsgenie says that it is asked too often, but not for how long."""
LONGEST_MESSAGE, LONGEST_DESCRIPTION = 130, 15_000
KINDS = {"schedule": "name", "team": "name", "escalation": "name", "user": "username"}
"""What may be paged, and the word by which Opsgenie knows it."""


class Refused(Exception):
    """Opsgenie answered with an error."""

    def __init__(self, status: int, message: str, wait: float | None) -> None:
        super().__init__(message)
        self.status, self.message, self.wait = status, message, wait


class Account:
    """An Opsgenie account with one key on one host. Raises Refused, or NoAnswer when there was no answer to read."""

    def __init__(self, host: str, key: str) -> None:
        configuration = Configuration()
        configuration.host = host
        # A dictionary of its own: the SDK copies its defaults shallowly, so all clients would share the key.
        configuration.api_key = {"Authorization": key}
        configuration.retry_enabled = False
        self._key = key
        self._client = ApiClient(configuration)

    def ask(self, method: str, path: str, *, query: Sequence[tuple[str, Any]] = (), body: Any = None) -> dict[str, Any]:
        """Any call, for which the SDK has no class: the whole answer. `path` is quoted already."""

        def call(body: Any, **more: Any) -> Any:
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            settled = {"response_type": "object", "auth_settings": ["GenieKey"], "_return_http_data_only": True}
            given = {"query_params": list(query), "header_params": headers, "body": body}
            return self._client.call_api(path, method, **given, **settled, **more)

        return dict(self._ask(call, body) or {})

    def _ask(self, call: Any, subject: Any) -> Any:
        try:
            return call(subject, _request_timeout=TIMEOUTS)
        except RetryError as ended:
            # The SDK wraps every error so, even when it is told not to retry.
            raise self._understood(ended.last_attempt.exception()) from None
        except (OpenApiException, urllib3.exceptions.HTTPError, ValueError) as failure:
            raise self._understood(failure) from None

    def _understood(self, failure: BaseException | None) -> Exception:
        status = getattr(failure, "status", None)
        if not status:
            return NoAnswer(f"No answer of Opsgenie: {type(failure).__name__}.")
        headers = {name.lower(): value for name, value in dict(getattr(failure, "headers", None) or {}).items()}
        wait = seconds_of(headers.get("retry-after") or headers.get("x-ratelimit-period-in-sec"))
        return Refused(int(status), self._words(_message_in(getattr(failure, "body", "") or "")), wait)

    def _words(self, text: str) -> str:
        return one_line(text, secrets=[self._key])


class Alerts(Account):
    """Opsgenie's alerts, by the SDK's own class."""

    def __init__(self, host: str, key: str) -> None:
        super().__init__(host, key)
        self._api = AlertApi(self._client)

    def create(self, alert: dict[str, Any]) -> str:
        """Ask for an alert and return the id of the request. One open alert exists for each alias."""
        return str(self._ask(self._api.create_alert, alert).request_id)

    def outcome(self, request: str) -> tuple[bool, str, str] | None:
        """Whether a request succeeded, Opsgenie's words and the alert's id; None while it is not processed."""
        try:
            found = self._ask(self._api.get_request_status, request).data
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return bool(found.is_success), self._words(found.status or ""), str(found.alert_id or "")


class OpsgenieProvider:
    """Pages a schedule, team, escalation or user, as in `schedule:payments-primary`, and waits until the alert exists.

    The message's key is the alert's alias, so an attempt whose answer got lost makes no second alert.
    """

    def deliver(self, parcel: Parcel) -> Verdict:
        """Create the alert; raises NoAnswer when it should be tried again."""
        kind, _, name = parcel.recipient.partition(":")
        if kind not in KINDS or not name:
            return Rejected(f"Nobody can be paged as “{parcel.recipient}”. Write it like schedule:payments-primary.")
        give_up_at = time.monotonic() + SECONDS
        alerts = _alerts(settings.OPSGENIE_API_URL, settings.OPSGENIE_API_KEY)
        try:
            request = alerts.create(_alert(parcel, {"type": kind, KINDS[kind]: name}))
            return _confirmed(alerts, request, give_up_at)
        except Refused as refused:
            return _judge(refused)


@lru_cache(maxsize=4)
def _alerts(host: str, key: str) -> Alerts:
    return Alerts(host, key)


def _alert(parcel: Parcel, responder: dict[str, str]) -> dict[str, Any]:
    return {
        "message": shortened(" ".join(parcel.title.split()), LONGEST_MESSAGE),
        "alias": parcel.dedup_key,
        "description": shortened(parcel.text, LONGEST_DESCRIPTION),
        "responders": [responder],
        "priority": "P1" if parcel.is_page else "P3",
        "entity": parcel.subject,
        "source": "Decklog",
        "details": {"about": parcel.subject, "decklog": settings.BASE_URL},
    }


def _confirmed(alerts: Alerts, request: str, give_up_at: float) -> Verdict:
    """Ask about an accepted request until it is done: 202 says only that Opsgenie will try."""
    look = FIRST_LOOK
    while time.monotonic() + look < give_up_at:
        time.sleep(look)
        look = min(2 * look, LONGEST_LOOK)
        outcome = alerts.outcome(request)
        if outcome is None:
            continue
        is_done, words, alert = outcome
        return Sent(ref=alert, answer=words) if is_done else Rejected(f"Opsgenie could not do it: {words}")
    raise NoAnswer(f"Opsgenie took the alert, but did not confirm it within {SECONDS:.0f} seconds.")


def _judge(refused: Refused) -> Verdict:
    if refused.status == 429:
        wait = PATIENCE if refused.wait is None else refused.wait
        return RetryAfter(wait, f"429 Opsgenie is asked too often. {refused.message}".strip())
    if refused.status >= 500 or refused.status == 408:
        raise NoAnswer(f"{refused.status} from Opsgenie. {refused.message}".strip())
    if refused.status in {401, 403}:
        return Rejected(f"{refused.status} Opsgenie does not let OPSGENIE_API_KEY do this. {refused.message}".strip())
    return Rejected(f"{refused.status} Opsgenie refuses the alert. {refused.message}".strip())


def _message_in(body: str) -> str:
    """Opsgenie's own sentence about an error, with the fields it is about."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    fields = [f"{name}: {words}" for name, words in errors.items()] if isinstance(errors, dict) else []
    return " ".join([str(answer.get("message", "")), *fields])

"""From the query string to a list of changes. Shape only; the same names in the API and in the address of the page."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict

from changes.queries import ChangeList
from changes.states import Authorization, Origin, Outcome, Risk, State, Type, Verdict
from workflow.errors import InvalidFields
from workflow.paging import read_cursor, read_page_size

PAGING = ("q", "cursor", "page_size")
CHANGE_FILTERS = (
    *("type", "origin", "authorization", "state", "outcome", "verdict", "risk", "service", "environment", "team"),
    *("pipeline", "requester", "sha", "customer_impacting", "since", "until", "window_from", "window_to"),
)
DEPLOYMENT_FILTERS = ("service", "environment", "pipeline", "sha", "outcome", "verdict", "since", "until")
CHOICES: dict[str, list[str]] = {
    "type": Type.values,
    "origin": Origin.values,
    "authorization": Authorization.values,
    "state": State.values,
    "outcome": Outcome.values,
    "verdict": Verdict.values,
    "risk": Risk.values,
}


def read_list(query: QueryDict, *, allowed: tuple[str, ...], fixed: Mapping[str, Any] | None = None) -> ChangeList:
    """The list that a query string asks for; raises InvalidFields (400) that names each parameter it cannot read."""
    errors = [
        (name, "unknown_parameter", f"“{name[:40]}” is no filter of this list. Known: {', '.join(allowed)}, q.")
        for name in query
        if name not in allowed and name not in PAGING
    ]
    filters: dict[str, Any] = dict(fixed or {})
    for name in allowed:
        text = query.get(name, "")
        if not text:
            continue
        value, complaint = READERS.get(name, _text)(name, text)
        if complaint:
            errors.append((name, "invalid", complaint))
        filters[name] = value
    if "\x00" in query.get("q", ""):
        errors.append(("q", "invalid", "A search cannot contain a NUL character."))
    if errors:
        raise InvalidFields(errors, status=400)
    return ChangeList(
        filters=filters,
        q=query.get("q", "")[:200],
        cursor=read_cursor(query.get("cursor", "")),
        size=read_page_size(query.get("page_size", "")),
    )


Read = tuple[Any, str]


def _text(name: str, text: str) -> Read:
    if "\x00" in text or len(text) > 254 or not text.isprintable():
        return "", f"{name} holds characters that no {name} has."
    return text, ""


def _choice(name: str, text: str) -> Read:
    known = CHOICES[name]
    return (text, "") if text in known else ("", f"“{text[:40]}” is no {name}. Choose from {', '.join(known)}.")


def _moment(name: str, text: str) -> Read:
    # A plus sign in an address arrives as a space.
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None, f"“{text[:40]}” is no time. Write it as 2026-11-24 or 2026-11-24T09:00:00Z."
    if not 1900 <= at.year <= 2200:
        return None, "The year must be between 1900 and 2200."
    return (at if at.tzinfo else at.replace(tzinfo=UTC)), ""


def _yes_or_no(name: str, text: str) -> Read:
    known = {"true": True, "1": True, "false": False, "0": False}
    return known.get(text.lower()), "" if text.lower() in known else f"Write {name}=true or {name}=false."


READERS: dict[str, Callable[[str, str], Read]] = {
    **dict.fromkeys(CHOICES, _choice),
    **dict.fromkeys(("since", "until", "window_from", "window_to"), _moment),
    "customer_impacting": _yes_or_no,
}

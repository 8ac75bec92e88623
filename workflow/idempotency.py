"""`Idempotency-Key`: the same request twice has one effect and one answer.

The answer is stored in the transaction of the effect, and the key is held by that transaction too. So there is never
one without the other, and a request that dies halfway leaves nothing behind that its repetition would have to wait for.
Source of the rules: the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import functools
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from workflow.doors import refused
from workflow.errors import Conflict, Malformed, RuleViolation, TooMany, Unprocessable
from workflow.models import StoredReply
from workflow.statements import fetch
from workflow.wire import JSON, write_json

KEPT_FOR = timedelta(hours=24)

Handler = Callable[..., Response]


def answers_once(handler: Handler) -> Callable[..., Response | HttpResponse]:
    """Wrap a DRF `post` method: with the header, a repetition replays the first answer byte for byte."""

    @functools.wraps(handler)
    def post(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > 200 or not key.isprintable():
            raise Malformed("idempotency_key", "Idempotency-Key must be 1 to 200 printable characters.")
        fingerprint = _fingerprint(request)
        return reply_once(
            credential=view.credential(request),
            key=key,
            fingerprint=fingerprint,
            work=lambda: handler(view, request, *args, **kwargs),
        )

    post.answers_once = True  # type: ignore[attr-defined]  # a test asks every POST route for it
    return post


def _fingerprint(request: Request) -> str:
    body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    # With a slash at the end it is the same address.
    return hashlib.sha256(request.path.rstrip("/").encode() + b"\n" + body).hexdigest()


def reply_once(*, credential: str, key: str, fingerprint: str, work: Callable[[], Response]) -> HttpResponse:
    """Do `work` unless (credential, key) already has an answer; then return that one.

    Raises Unprocessable("idempotency_mismatch") when the key was used with another body,
    Conflict("idempotency_in_flight") while the first request is still being worked on. Refusals are answers too, but
    for TooMany, which passes.
    Whatever ends halfway, the process included, leaves the key free at once.
    """
    with transaction.atomic():
        _take_turn(credential, key)
        first = StoredReply.objects.filter(credential=credential, key=key).first()
        if first is not None:
            return _replay(first, fingerprint)
        answer, refusal = _answer_of(work)
        if isinstance(refusal, TooMany):
            raise refusal
        StoredReply(
            credential=credential,
            key=key,
            fingerprint=fingerprint,
            status=answer.status_code,
            body=answer.content,
            content_type=answer.headers["Content-Type"],
            created_at=timezone.now(),
        ).save(force_insert=True)
    if refusal is not None:
        raise refusal
    return answer


def _take_turn(credential: str, key: str) -> None:
    """Hold the key until the transaction ends. SQLite needs nothing: it lets one writing transaction in at a time."""
    if connection.vendor != "postgresql":
        return
    if not fetch("SELECT pg_try_advisory_xact_lock(%s::bigint)", [_number_of(credential, key)])[0][0]:
        raise Conflict(
            "idempotency_in_flight", "The first request with this key is still running. Try again in a moment."
        )


def _replay(first: StoredReply, fingerprint: str) -> HttpResponse:
    if first.fingerprint != fingerprint:
        raise Unprocessable("idempotency_mismatch", "This Idempotency-Key was used with another body. Make a new key.")
    return HttpResponse(bytes(first.body), status=first.status, content_type=first.content_type)


def _answer_of(work: Callable[[], Response]) -> tuple[HttpResponse, RuleViolation | None]:
    """The answer to keep, and the refusal if it is one: then nothing else that `work` did stays."""
    try:
        with transaction.atomic():
            answer = work()
    except RuleViolation as refusal:
        return refused(refusal), refusal
    return HttpResponse(write_json(answer.data), status=answer.status_code, content_type=JSON), None


def said_once(*, credential: str, key: str, work: Callable[[], str]) -> str:
    """What `work` returns, or what it returned to the first who asked with this (credential, key).

    For forms: a second press of the same button waits for the first and gets its answer. A refusal is not kept.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            fetch("SELECT pg_advisory_xact_lock(%s::bigint)", [_number_of(credential, key)])
        first = StoredReply.objects.filter(credential=credential, key=key).first()
        if first is not None:
            return bytes(first.body).decode()
        said = work()
        StoredReply(
            credential=credential,
            key=key,
            fingerprint="",
            status=200,
            body=said.encode(),
            content_type="text/plain",
            created_at=timezone.now(),
        ).save(force_insert=True)
        return said


def _number_of(credential: str, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{credential} {key}".encode()).digest()[:8], signed=True)


def forget_old_replies(*, now: datetime) -> int:
    """Delete the replies that are older than 24 hours and return how many there were."""
    return StoredReply.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]

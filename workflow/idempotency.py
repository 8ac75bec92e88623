"""`Idempotency-Key`: the same request twice has one effect and one answer.

The answer is stored in the transaction of the effect, so there is never one without the other. Source of the rules:
the IETF draft "The Idempotency-Key HTTP Header Field".
"""

import functools
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from workflow.doors import PROBLEM, refusal_body
from workflow.errors import Conflict, Malformed, RuleViolation, Unprocessable
from workflow.models import StoredReply
from workflow.wire import JSON, write_json

KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""After this long without an answer the first request is taken for dead, and the next one does the work."""

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
    return hashlib.sha256(request.path.encode() + b"\n" + body).hexdigest()


def reply_once(*, credential: str, key: str, fingerprint: str, work: Callable[[], Response]) -> HttpResponse:
    """Do `work` unless (credential, key) already has an answer; then return that one.

    Raises Unprocessable("idempotency_mismatch") when the key was used with another body,
    Conflict("idempotency_in_flight") while the first request is still being worked on. Refusals are answers too;
    after a crash the key is free again.
    """
    claim, stored = _claim(credential, key, fingerprint, now=timezone.now())
    if stored is not None:
        return stored
    try:
        with transaction.atomic():
            answer = work()
            body = write_json(answer.data)
            _store(claim, answer.status_code, body, JSON)
    except RuleViolation as refusal:
        body = orjson.dumps(refusal_body(refusal))
        _store(claim, refusal.status, body, PROBLEM)
        raise
    except BaseException:
        StoredReply.objects.filter(pk=claim.pk, status=0).delete()
        raise
    return HttpResponse(body, status=answer.status_code, content_type=JSON)


def _claim(credential: str, key: str, fingerprint: str, *, now: datetime) -> tuple[StoredReply, HttpResponse | None]:
    reply = StoredReply(credential=credential, key=key, fingerprint=fingerprint, created_at=now)
    try:
        with transaction.atomic():
            reply.save(force_insert=True)
        return reply, None
    except IntegrityError:
        first = StoredReply.objects.get(credential=credential, key=key)
    if first.fingerprint != fingerprint:
        raise Unprocessable("idempotency_mismatch", "This Idempotency-Key was used with another body. Make a new key.")
    if first.status:
        return first, HttpResponse(bytes(first.body), status=first.status, content_type=first.content_type)
    dead = {"status": 0, "created_at": first.created_at, "created_at__lt": now - LEASE}
    took_over = StoredReply.objects.filter(pk=first.pk, **dead)
    if not took_over.update(created_at=now):
        raise Conflict(
            "idempotency_in_flight", "The first request with this key is still running. Try again in a moment."
        )
    return first, None


def _store(claim: StoredReply, status: int, body: bytes, content_type: str) -> None:
    StoredReply.objects.filter(pk=claim.pk).update(status=status, body=body, content_type=content_type)


def forget_old_replies(*, now: datetime) -> int:
    """Delete the replies that are older than 24 hours and return how many there were."""
    return StoredReply.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]

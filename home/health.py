"""What machines ask: is the process up, does everything move, and the numbers."""

import ipaddress
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from rest_framework import permissions
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import BearerToken, HasScope
from notifications import policy, queries
from notifications.metrics import OutboxCollector

SILENT_AFTER = 30.0
"""Seconds without a sweep after which messages may be stuck; a worker sweeps every 5."""
PAGE_LATE_AFTER = policy.PAGE_LATE_AFTER.total_seconds()
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_HOST", "HTTP_VIA")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up and is the one that was started as `instance`. Touches no database."""
    return JsonResponse({"status": "ok", "instance": settings.INSTANCE})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers, a worker sweeps and no page is late; else 503 with the reasons in `because`."""
    health = _health()
    problems = _problems(health)
    answer: dict[str, Any] = {
        "status": "unready" if problems else "ready",
        "database": health is not None,
        "outbox_oldest_seconds": round(health.oldest_seconds, 1) if health else None,
        "page_oldest_seconds": round(health.oldest_page_seconds, 1) if health else None,
        "sweeper_age_seconds": _rounded(health.sweeper_age_seconds) if health else None,
        "dead": health.dead if health else None,
        "paused": health.is_paused if health else None,
        **_canary(health),
        "because": problems,
    }
    return JsonResponse(answer, status=503 if problems else 200)


def _canary(health: queries.Health | None) -> dict[str, float | None]:
    """How long ago the last canary arrived, and how long ago a ping of HEARTBEAT_URL was taken; None for never."""
    found = health.watched if health else None
    return {
        "canary_age_seconds": _rounded(_ago(found.arrived_at, found.now)) if found else None,
        "heartbeat_age_seconds": _rounded(_ago(found.pinged_at, found.now)) if found else None,
    }


def _ago(moment: datetime | None, now: datetime) -> float | None:
    return max(0.0, (now - moment).total_seconds()) if moment else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _health() -> queries.Health | None:
    """The outbox's health; None when the database is away. A connection that has gone stale gets a second chance."""
    for _ in range(2):
        try:
            return queries.health()
        except (OperationalError, InterfaceError):
            connection.close()
    return None


def _problems(health: queries.Health | None) -> list[str]:
    if health is None:
        return ["The database does not answer."]
    problems = []
    age = health.sweeper_age_seconds
    if age is None:
        problems.append("No worker has looked after the messages yet. Start one.")
    elif age > SILENT_AFTER:
        problems.append(f"No worker has looked after the messages for {age:.0f} seconds. Start one.")
    if health.oldest_page_seconds > PAGE_LATE_AFTER:
        problems.append(f"A page has been waiting for {health.oldest_page_seconds:.0f} seconds.")
    return problems


class LoopbackPeer(permissions.BasePermission):
    """Lets a program on this machine pass, if it called by itself.

    Only the address of the connection counts. Behind a proxy on this machine every connection comes from loopback, so a
    request that carries any trace of a proxy is not local, whatever the trace says.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is on this machine."""
        if any(name in request.META for name in FORWARDED):
            return False
        try:
            peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
        except ValueError:
            return False
        mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
        return (mapped or peer).is_loopback


class MetricsView(APIView):
    """`/metrics` in Prometheus' text format, for this machine and for tokens with the scope read."""

    authentication_classes = (BearerToken,)
    permission_classes = (LoopbackPeer | HasScope,)
    scopes: ClassVar = {"GET": "read"}
    schema = None

    def get(self, request: Request) -> HttpResponse:
        """The numbers."""
        return HttpResponse(_web_numbers() + _outbox_numbers(), content_type=CONTENT_TYPE_LATEST)


def _web_numbers() -> bytes:
    if not settings.METRICS_FOLDER:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared, path=settings.METRICS_FOLDER)  # type: ignore[no-untyped-call]  # its stubs lack it
    return generate_latest(shared)


def _outbox_numbers() -> bytes:
    """The outbox's families, and whether the database could be asked for them."""
    outbox = CollectorRegistry()
    try:
        outbox.register(OutboxCollector())
        return generate_latest(outbox) + _database_up(1)
    except (OperationalError, InterfaceError):
        connection.close()
        return _database_up(0)


def _database_up(value: int) -> bytes:
    # In words, because a Gauge would be kept in METRICS_FOLDER too and come back once for each process.
    name = "decklog_database_up"
    return f"# HELP {name} Whether the database answered this scrape.\n# TYPE {name} gauge\n{name} {value}.0\n".encode()

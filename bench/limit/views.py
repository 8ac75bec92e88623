"""The limit's views: one statement each, and no rule."""

import hashlib
import time
from datetime import datetime
from typing import Any

import orjson
import psycopg
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bench.limit.statements import COLUMNS, FILTERED, FOUND, INSERT, NEWEST

STATUSES = {"started", "succeeded", "failed", "rolled_back", "cancelled"}
REMEMBERED_FOR = 30.0
_actors: dict[bytes, tuple[float, str]] = {}


def deploys(request: HttpRequest) -> HttpResponse:
    """POST one, or GET the 50 newest that are filtered or found."""
    actor = _actor(request.META.get("HTTP_AUTHORIZATION", ""))
    if not actor:
        return HttpResponse(status=401)
    if request.method == "POST":
        return _create(request, actor)
    asked = request.GET
    if "q" in asked:
        rows = _fetch(FOUND, (asked["q"],))
    else:
        rows = _fetch(FILTERED, (asked["service"], asked["status"], asked["since"], asked["until"]))
    return _json({"results": [dict(zip(COLUMNS, row, strict=True)) for row in rows]}, status=200)


def page(request: HttpRequest) -> HttpResponse:
    """The 50 newest as a page, for somebody who is signed in."""
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _fetch(NEWEST, ())]
    return render(request, "list.html", {"deploys": rows, "user": request.user})


def _create(request: HttpRequest, actor: str) -> HttpResponse:
    sent = orjson.loads(request.body)
    if sent["status"] not in STATUSES:
        return HttpResponse(status=422)
    row = {name: sent[name] for name in COLUMNS if name not in {"id", "actor", "extra"}}
    started_at = datetime.fromisoformat(sent["started_at"])
    values = (row["service"], row["environment"], row["status"], row["version"], row["title"], row["description"],
        row["url"], actor, started_at, orjson.dumps(sent["extra"]).decode())  # fmt: skip
    row["id"] = _fetch(INSERT, values)[0][0]
    return _json(row, status=201)


def _fetch(sql: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql.encode(), parameters, prepare=True).fetchall()


def _json(content: object, *, status: int) -> HttpResponse:
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


def _actor(header: str) -> str:
    digest = hashlib.sha256(header.removeprefix("Bearer ").encode()).digest()
    known = _actors.get(digest)
    if known is None or time.monotonic() - known[0] > REMEMBERED_FOR:
        found = _fetch("SELECT actor FROM token WHERE digest = %s", (digest.hex(),))
        known = _actors[digest] = (time.monotonic(), found[0][0] if found else "")
    return known[1]

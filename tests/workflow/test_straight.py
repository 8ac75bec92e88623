"""Machines go past Django's signals about requests, and notice nothing of it."""

import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from rest_framework.test import APIClient

from tests.conftest import token_client
from tests.factories import make_shop
from workflow.straight import MachinesFirst

DEPLOY = {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "status": "succeeded"}
TIMES = {"started_at": "2026-11-24T09:00:00Z", "finished_at": "2026-11-24T09:04:00Z"}
Answer = tuple[str, set[str], bytes]


def ask(handler: WSGIHandler | MachinesFirst, machine: APIClient, path: str, *, body: bytes = b"") -> Answer:
    """The status, the names of the headers, and the body that the web server gets to see."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST" if body else "GET",
        "PATH_INFO": path,
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        **machine._credentials,  # type: ignore[attr-defined]  # the header that every request of this client has
    }
    setup_testing_defaults(environ)
    said: list[Any] = []
    answer = handler(environ, lambda *words: said.extend(words))  # type: ignore[arg-type]  # nobody writes here
    return said[0], {name for name, _ in said[1]}, b"".join(answer)


def test_a_machine_gets_what_the_ordinary_way_would_answer(ci: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    # As with Django's own client: the connection belongs to the test, which left it in the middle of a transaction.
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
    short, ordinary = MachinesFirst(), WSGIHandler()
    for path in ("/api/v1/deployments", "/api/v1/deployments?service=", "/api/v1/nothing", "/api/v1/changes/CHG-0"):
        assert ask(short, ci, path) == ask(ordinary, ci, path), path
    body = json.dumps({**DEPLOY, **TIMES, "run_id": "1"}).encode()
    assert ask(short, ci, "/api/v1/deployments", body=body)[0] == "201 Created"
    status, headers, _ = ask(ordinary, ci, "/api/v1/deployments", body=body)
    assert status == "200 OK"
    assert headers == ask(short, ci, "/api/v1/deployments", body=body)[1]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_costs_a_machine_one_request() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection that breaks")
    handler, machine = MachinesFirst(), token_client(make_shop().ann, "read")
    ask(handler, machine, "/api/v1/deployments")
    connection.connection.close()
    assert [ask(handler, machine, "/api/v1/deployments")[0][:3] for _ in range(2)] == ["503", "200"]

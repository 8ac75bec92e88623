"""A disk is full: answers are clean, and nothing is lost."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from rest_framework.test import APIClient

from tests.factories import deployment


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_told_as_such_and_never_a_false_success(ci: APIClient) -> None:
    if settings.IS_POSTGRES:
        pytest.skip("only SQLite can be told how large it may become")
    heard: list[tuple[int, str]] = []
    with _full_disk():
        for number in range(300):
            answer: Any = ci.post("/api/v1/deployments", deployment(run_id=f"r{number}"), format="json")
            heard.append((answer.status_code, f"r{number}"))
            if answer.status_code != 201:
                break
    assert heard[-1][0] == 503
    assert answer["Retry-After"]
    kept = {row["run_id"] for row in ci.get("/api/v1/deployments").json()["results"]}
    assert kept == {run_id for status, run_id in heard if status == 201}
    assert ci.post("/api/v1/deployments", deployment(run_id=heard[-1][1]), format="json").status_code == 201


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages + 4}")
        try:
            yield
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")

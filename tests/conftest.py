"""What every test may use: an API client, a signed-in browser client, and a ledger that the test runner may empty."""

import gc
import os
import time
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.db import connection

os.environ.setdefault("SECRET_KEY", "only-for-the-test-suite-0123456789abcdefghijkl")

from rest_framework.test import APIClient

from accounts.actions import TokenTerms, create_token
from public.shelf import SHELF
from tests import factories
from tests.tables import Tables

# What a property test is worth must not depend on how busy the machine is.
hypothesis.settings.register_profile("decklog", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("decklog")


HALF_HOUR, SECONDS_CLEAR = 1800.0, 5.0

OF_DATABASE = {"django_db_setup", "either_database"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever may find out which database it runs on; `make test` runs the others once instead of twice."""
    for item in items:
        if item.get_closest_marker("django_db") or OF_DATABASE & {*getattr(item, "fixturenames", ())}:
            item.add_marker("database")


def pytest_collection_finish() -> None:
    """What was loaded stays to the end; no collection of garbage need look through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def either_database() -> None:
    """For fixtures that make a database of their own, of the kind that this run of the tests is about."""


@pytest.fixture(autouse=True)
def _clear_of_the_turn() -> None:
    # Slots, days and turns on call begin on the half-hour in every zone. A test that a slow machine draws out over one
    # would see two of them, so none begins in the last seconds before. A run meets it once in half an hour.
    left = HALF_HOUR - time.time() % HALF_HOUR
    if left < SECONDS_CLEAR:
        time.sleep(left + 0.01)


@pytest.fixture(autouse=True)
def _quick_and_local(settings: Any) -> None:
    # The real hash is slow by design; four people per test would make the suite ten times as long.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    # Each test client builds the middleware anew, and WhiteNoise would look at every static file each time.
    settings.WHITENOISE_AUTOREFRESH = True
    # What one test saw of a public page must not be what the next one sees.
    settings.PUBLIC_COPIES = ""
    SHELF.forget()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[None]:
    """Where several workers share a run, one of them migrates and the others copy its tables."""
    shared = getattr(request.config, "workerinput", None)
    if shared is None:
        yield
        return
    tables = Tables(tmp_path_factory.getbasetemp().parent, run=shared["testrunuid"])
    tables.stand_in()
    yield
    with django_db_blocker.unblock():
        tables.forget()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """SQLite empties tables with DELETE, which the ledger refuses; the flush between tests lifts the triggers."""
    with django_db_blocker.unblock():
        if connection.vendor != "sqlite":
            return
        triggers = _ledger_triggers()
        flush = connection.ops.sql_flush

        def sql_flush(*args: Any, **kwargs: Any) -> list[str]:
            statements = flush(*args, **kwargs)
            return [*(f"DROP TRIGGER IF EXISTS {name}" for name, _ in triggers), *statements, *(s for _, s in triggers)]

        connection.ops.sql_flush = sql_flush  # type: ignore[method-assign]  # for this run of the tests only


def _ledger_triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'workflow_entry'")
        return list(cursor.fetchall())


@pytest.fixture
def shop(db: None) -> factories.Shop:
    """A small organisation: two teams, people, services, environments and a trusted pipeline."""
    return factories.make_shop()


@pytest.fixture
def ci(shop: factories.Shop) -> APIClient:
    """An API client with a token that may log deploys and read."""
    return token_client(shop.ann, "deploy", "read")


def token_client(owner: Any, *scopes: str, **terms: Any) -> APIClient:
    """An API client that carries a fresh token of `owner`."""
    _, text = create_token(
        owner, TokenTerms(name=f"token {len(scopes)} {os.urandom(3).hex()}", scopes=[*scopes], **terms)
    )
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def ann(shop: factories.Shop, client: Any) -> Any:
    """A browser in which Ann, a team lead, is signed in."""
    client.force_login(shop.ann)
    return client

"""A browser, two running installations, and people who are signed in."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.running import Running
from tests.factories import PASSWORD

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
]
ORGANISATION = Path(__file__).parent / "organisation.yaml"
# Patience costs nothing where all is well, and a busy machine is no fault of a page.
expect.set_options(timeout=20_000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one browser and at one installation; only the walk through all pages is shared."""
    for item in items:
        if item.path.parent == ORGANISATION.parent and item.path.stem != "test_every_page":
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """The browser that `make test` found, or the one on PATH."""
    path = os.environ.get("TEST_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("TEST_CHROMIUM names no browser; `make test` finds one")
    libraries = os.environ.get("TEST_CHROMIUM_LIBRARY_PATH", "")
    env = {**os.environ, **({"LD_LIBRARY_PATH": libraries} if libraries else {})}
    return {"executable_path": path, "args": FLAGS, "env": env}


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and nobody in it, to be copied."""
    with Running(tmp_path_factory.mktemp("tables")) as running:
        running.manage("migrate -v0")
        return running.database


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Running]:
    """An installation that nobody has opened yet."""
    with Running(tmp_path_factory.mktemp("untouched")) as running:
        shutil.copy(empty_database, running.database)
        # Nothing in it has to be sent.
        running.start(only="web")
        yield running


@pytest.fixture(scope="session")
def decklog(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Running]:
    """An installation with the people of `organisation.yaml`; every test uses runs of its own there."""
    with Running(tmp_path_factory.mktemp("decklog")) as running:
        shutil.copy(empty_database, running.database)
        running.manage(f"apply_organisation {ORGANISATION} --tokens {running.folder}/tokens.json")
        # The real hash is slow by design, so one serves everybody.
        running.write("UPDATE accounts_user SET password = ?", make_password(PASSWORD))
        running.start()
        yield running


@pytest.fixture(scope="session")
def tokens(decklog: Running) -> dict[str, str]:
    """The tokens of the organisation by name."""
    found: dict[str, str] = json.loads((decklog.folder / "tokens.json").read_text())
    return found


Opens = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opens]:
    """Opens a window of its own at an installation; afterwards no window may have met an error or a broken policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(url: str, *, expected: str = "", **options: Any) -> Page:
        sized = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "Europe/Berlin"}
        context = browser.new_context(base_url=url, **{**sized, **options})
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: complaints.extend(_complaint(said, expected)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def _complaint(said: Any, expected: str) -> list[str]:
    is_expected = bool(expected) and expected in said.text
    return [f"{said.location['url']}: {said.text}"] if said.type in {"error", "warning"} and not is_expected else []


@pytest.fixture(scope="session")
def _sessions(decklog: Running) -> dict[str, Any]:
    return decklog.sessions()


@pytest.fixture
def signed_in(decklog: Running, open_page: Opens, _sessions: dict[str, Any]) -> Opens:
    """Opens a window in which somebody of the organisation is signed in, at Now."""

    def open_as(email: str, **options: Any) -> Page:
        page = open_page(decklog.url, **options)
        page.context.add_cookies([_sessions[email]])
        page.goto("/")
        return page

    return open_as


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Sign in on the page and arrive at Now."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Now", exact=True)).to_be_visible()

"""Every variable, empty, from a file or wrong: a start goes on with the default or ends with a sentence."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.environment import WrongStart
from config.settings import ROOT

SETTINGS = ROOT / "config" / "settings.py"
NAMES = re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', SETTINGS.read_text())
WRONG = {
    "DECKLOG_EMBEDDED": "ture",
    "BASE_URL": "https://decklog.example.com:port",
    "TRUSTED_PROXIES": "-1",
    "SENTRY_DSN": "sesame",
    "DATABASE_URL": "postgres://decklog:sesame@host:port/name",
    "REDIS_URL": "http://:sesame@host",
    "EMAIL_URL": "mail://user:sesame@host",
    "LOG_LEVEL": "loud",
    "PROMETHEUS_MULTIPROC_DIR": "/nowhere/at/all",
}
OTHERS_WRONG = {
    "BASE_URL": ["http://", "decklog.example.com", "http://[::1"],
    "TRUSTED_PROXIES": ["two", "1.5"],
    "DATABASE_URL": ["sesame", "mysql://a:sesame@b/c", "postgres://a:sesame@b/", "postgres://[::1/sesame", "//"],
    "EMAIL_URL": ["sesame", "smtp://u:sesame@h:port", "smtp://[::1"],
    "REDIS_URL": ["sesame", "redis://:sesame@h:port", "redis://"],
}


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def start() -> dict[str, Any]:
    """The settings as a fresh process would have them."""
    found = runpy.run_path(str(SETTINGS))
    return {name: value for name, value in found.items() if name.isupper()}


def test_there_are_variables_to_look_at() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "BASE_URL", "SENTRY_DSN", *WRONG} <= {*NAMES}


@pytest.mark.parametrize("empty", ["", "  \n"])
@pytest.mark.parametrize("ending", ["", "_FILE"])
def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, empty: str, ending: str) -> None:
    unset = start()
    for name in NAMES:
        monkeypatch.setenv(name + ending, empty)

    assert start() == unset
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


@pytest.mark.parametrize(
    ("name", "value"),
    [*WRONG.items(), *((name, value) for name, values in OTHERS_WRONG.items() for value in values)],
)
def test_a_wrong_value_ends_the_start_with_a_sentence_that_names_the_variable_and_no_password(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(WrongStart) as ended:
        start()

    said = str(ended.value)
    assert said.startswith(f"{name} must ")
    assert "sesame" not in said + "".join(str(warning.message) for warning in recwarn)


def test_one_start_names_all_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WRONG.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(WrongStart) as ended:
        start()

    assert all(f"{name} must " in str(ended.value) for name in WRONG)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "PROMETHEUS_MULTIPROC_DIR"])
def test_a_file_that_does_not_hold_the_value_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for file in ("missing", "empty", "binary", "."):
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / file))
        with pytest.raises(WrongStart, match=f"{name}_FILE names "):
            start()


def test_a_value_from_a_file_is_read_without_the_end_of_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = {
        "SECRET_KEY": "$" + "0123456789" * 4,
        "DATABASE_URL": "postgres://decklog:p%40ss@db:5432/decklog",
        "TRUSTED_PROXIES": "1",
        "ALLOWED_HOSTS": "one.example, two.example,",
    }
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))

    found = start()

    assert found["SECRET_KEY"] == values["SECRET_KEY"]
    assert found["DATABASES"]["default"]["PASSWORD"] == "p@ss"
    assert found["TRUSTED_PROXIES"] == 1
    assert found["ALLOWED_HOSTS"] == ["one.example", "two.example"]


@pytest.mark.parametrize("program", ["-m config.serve", "-m celery -A config beat", "manage.py migrate"])
def test_the_sentence_is_all_that_a_program_says(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, *program.split()],
        cwd=ROOT,
        env={"TRUSTED_PROXIES": "two"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, "TRUSTED_PROXIES must be a whole number, 0 or more.\n")


def test_over_https_cookies_are_secure_and_only_a_trusted_proxy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://decklog.example.com/")
    alone = start()
    monkeypatch.setenv("TRUSTED_PROXIES", "1")
    behind = start()

    assert alone["SESSION_COOKIE_SECURE"] is alone["CSRF_COOKIE_SECURE"] is True
    assert alone["SECURE_PROXY_SSL_HEADER"] is None
    assert behind["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert not alone.get("USE_X_FORWARDED_HOST")

"""What the launcher decides: the port, what to restart and when, what was installed, what the tests counted."""

import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from launch import children, holds, ports, serve, stamps, suite, supervisor, vigil
from launch.console import Refusal
from launch.layout import ROOT


def test_a_taken_port_gives_way_to_the_next_free_one() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        assert not ports.is_free(taken)
        assert taken < ports.choose_port(taken) <= taken + ports.TRIES


def test_a_free_port_is_taken_as_asked() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        free = other.getsockname()[1]
    assert ports.choose_port(free) == free


@pytest.mark.parametrize("text", ["", "http", "0", "-1", "65536", "8000 ", "²"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="PORT must be a number"):
        ports.read_port(text)


def test_a_stamp_is_fresh_for_one_lock_only(tmp_path: Path) -> None:
    lock, stamp = tmp_path / "lock", tmp_path / "stamp"
    lock.write_text("django==5.2")
    assert not stamps.is_fresh(stamp, stamps.digest([lock]))
    stamps.write(stamp, stamps.digest([lock]))
    assert stamps.is_fresh(stamp, stamps.digest([lock]))
    lock.write_text("django==5.3")
    assert not stamps.is_fresh(stamp, stamps.digest([lock]))
    assert stamps.digest([lock]) != stamps.digest([lock], also="with tests")


def test_the_lock_for_tests_holds_the_lock_for_running() -> None:
    pins = {
        name: set(re.findall(r"^([a-z0-9._-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE | re.IGNORECASE))
        for name in ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")
    }
    assert pins["requirements.txt"] <= pins["requirements-dev.txt"]
    assert pins["requirements-node.txt"] <= pins["requirements-dev.txt"]


WITHOUT_TEST_PACKAGES = """
import importlib, re, sys
from importlib.metadata import packages_distributions
from pathlib import Path

def plain(name):
    return re.sub("[-_.]+", "-", name).lower()

lock = {plain(name) for name in re.findall(r"^([\\w.-]+)==", Path("requirements.txt").read_text(), re.MULTILINE)}
for module, owners in packages_distributions().items():
    if not lock & {plain(owner) for owner in owners} and not Path(module).is_dir():
        sys.modules[module] = None  # as if it were not installed
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


def test_running_needs_nothing_that_only_the_lock_for_tests_brings() -> None:
    modules = ["config.wsgi", "config.urls", "kombu.transport.redis", "celery.bin.celery", "granian.cli"]
    env = {**os.environ, "SECRET_KEY": "only for tests, never for an installation", "DECKLOG_EMBEDDED": "1"}
    command = [sys.executable, "-c", WITHOUT_TEST_PACKAGES, *modules]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_locks_name_no_addresses() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        assert "://" not in lock.read_text(), lock.name
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_pauses_grow_to_a_limit() -> None:
    pauses = [supervisor.pause_after(failures) for failures in range(1, 8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    ("is_web_well", "readiness", "restarted"),
    [
        (True, {"database": True, "sweeper_age_seconds": 3.0}, ()),
        (True, {"database": True, "sweeper_age_seconds": 60.0}, ()),
        (True, {"database": True, "sweeper_age_seconds": 61.0}, ("worker", "beat")),
        (True, {"database": True, "sweeper_age_seconds": None}, ("worker", "beat")),
        (True, {"database": False, "sweeper_age_seconds": None}, ()),
        (True, None, ()),
        (False, None, ("web",)),
    ],
)
def test_silence_restarts_once_and_then_has_patience(
    is_web_well: bool, readiness: dict[str, Any] | None, restarted: tuple[str, ...]
) -> None:
    watch = vigil.Vigil(quiet_until=0.0)
    times = (0.0, 10.0, 20.0, 30.0, 40.0)
    answers = [watch.judge(now=at, is_web_well=is_web_well, readiness=readiness) for at in times]
    assert answers == [(), (), restarted, (), ()]


def test_one_good_answer_forgives_what_was_before() -> None:
    watch = vigil.Vigil(quiet_until=0.0)
    for age in (100.0, 100.0, 1.0, 100.0, 100.0):
        assert watch.judge(now=1.0, is_web_well=True, readiness={"sweeper_age_seconds": age}) == ()


class Impostor(http.server.BaseHTTPRequestHandler):
    """Another program that says ok on our port."""

    def do_GET(self) -> None:
        """Answer as our own program would, but for the instance."""
        self.send_response(503 if self.path == "/readyz" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "ok", "instance": "theirs"}).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_another_program_on_the_port_is_not_taken_for_ours() -> None:
    with http.server.HTTPServer((ports.HOST, 0), Impostor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert vigil.is_ready(port, instance="theirs")
        assert not vigil.is_ready(port, instance="ours")
        assert vigil.read_json(port, "/readyz") is not None
        server.shutdown()
    assert not vigil.is_ready(port, instance="theirs")


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_URL", "https://decklog.example.org")
    monkeypatch.setenv("SECRET_KEY_FILE", "secret")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("DECKLOG_INSTANCE", raising=False)
    env = serve.variables(port=8123)
    assert env["BASE_URL"] == "https://decklog.example.org"
    assert "SECRET_KEY" not in env
    assert serve.variables(port=8123)["DECKLOG_INSTANCE"] != env["DECKLOG_INSTANCE"]


def test_a_long_log_is_set_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    with log.open("a") as writer:
        print("first", file=writer, flush=True)
        children.set_aside(log, limit=3)
        print("second", file=writer, flush=True)
    assert (tmp_path / "web.log.old").read_text() == "first\n"
    assert log.read_text() == "second\n"


def test_a_second_start_in_the_checkout_is_told_where_the_first_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "RUN", tmp_path / "run.lock")
    first = holds.run_hold()
    holds.note_run(first, url="http://127.0.0.1:8003")
    with pytest.raises(Refusal, match=re.escape("already runs in this checkout: http://127.0.0.1:8003")):
        holds.run_hold()


def test_errors_count_as_failed_and_a_missing_report_as_nothing(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>')
    assert str(suite.read_tally(report) + suite.Tally(passed=1)) == "4 passed, 3 failed, 3 skipped"
    assert suite.read_tally(tmp_path / "missing.xml") == suite.Tally()


def test_what_touches_no_database_runs_once_and_everything_runs_when_a_run_is_wanted_alone() -> None:
    both = ["sqlite", "postgres"]
    assert "database" not in " ".join(suite.words_of("sqlite", wanted=both))
    assert "and database" in " ".join(suite.words_of("postgres", wanted=both))
    assert suite.words_of("postgres", wanted=["postgres"]) == suite.RUNS["postgres"]

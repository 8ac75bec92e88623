"""`make test`: the tests on SQLite, on PostgreSQL and in a browser, with servers of our own."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from launch import broker, browser, console, environment, layout, postgres, setup, steps
from launch.children import Children

NO_TEST_RAN = 5
"""pytest's exit code for a selection that is empty, as a narrow ARGS makes it for some of the runs."""

_REAL = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SENTRY_DSN", "BASE_URL", "DECKLOG_EMBEDDED", "DECKLOG_INSTANCE")
"""What a person may have set for a real installation, also as the name of a file; no test may touch that."""

WORKERS = str(min(8, max(3, (os.cpu_count() or 1) + 1)))
"""One more than there are processors, since some tests wait for processes that they started."""

RUNS: dict[str, tuple[str, ...]] = {
    "sqlite": ("-m", "not browser and not fault", "-n", WORKERS),
    "postgres": ("-m", "not browser and not fault", "-n", WORKERS),
    "browser": ("-m", "browser"),
}
SECOND = ("-m", "not browser and not fault and database", "-n", WORKERS)
"""The run on PostgreSQL after the one on SQLite: what touches no database would only do the same again."""


@dataclass(frozen=True)
class Tally:
    """What pytest counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run() -> int:
    """Run the wanted runs one after another; 0 if none failed and anything ran. The last line is the tally."""
    wanted = (os.environ.get("RUNS") or " ".join(RUNS)).replace(",", " ").split()
    if unknown := set(wanted) - set(RUNS):
        raise console.Refusal(f"RUNS knows {', '.join(RUNS)}, not {', '.join(sorted(unknown))}.")
    setup.install(with_tests=True)
    total, status = Tally(), 0
    with Children() as children:
        env = provide(children, with_browser="browser" in wanted)
        for name in wanted:
            console.say(f"\n--- {name} ---")
            code, tally = _run_pytest(
                words_of(name, wanted=wanted), env=_variables_of(name, env=env), report=layout.VAR / f"{name}.xml"
            )
            total += tally
            status = status or (0 if code == NO_TEST_RAN else code)
    if total == Tally():
        console.say("No test ran.")
        status = status or 1
    console.say(f"\n{total}")
    return status


def provide(children: Children, *, with_browser: bool = False, is_durable: bool = False) -> dict[str, str]:
    """Start PostgreSQL and Redis, find a browser if asked, and return the environment that names them."""
    env = {name: value for name, value in environment.variables().items() if name.removesuffix("_FILE") not in _REAL}
    programs, env["TEST_POSTGRES_URL"] = postgres.start(children, is_durable=is_durable)
    env["TEST_POSTGRES_PROGRAMS"] = str(programs)
    _, env["TEST_REDIS_URL"] = broker.start(children)
    env.setdefault("SECRET_KEY", "only for tests, never for an installation that anybody reaches")
    if with_browser:
        env |= browser.find_browser().variables()
    return env


def words_of(name: str, *, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return what pytest is told in the run *name* of those that are *wanted*."""
    return SECOND if name == "postgres" and "sqlite" in wanted else RUNS[name]


def arguments() -> list[str]:
    """Return the words of ARGS, split as a shell would."""
    try:
        return shlex.split(os.environ.get("ARGS", ""))
    except ValueError as error:
        raise console.Refusal(f"ARGS cannot be read: {error}.") from error


def _variables_of(name: str, *, env: Mapping[str, str]) -> dict[str, str]:
    if name == "postgres":
        return {**env, "DATABASE_URL": env["TEST_POSTGRES_URL"], "REDIS_URL": env["TEST_REDIS_URL"]}
    if name == "browser":
        # Playwright keeps an event loop in the thread of the tests, which Django would take for asynchronous code.
        return {**env, "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    return dict(env)


def _run_pytest(words: Sequence[str], *, env: Mapping[str, str], report: Path) -> tuple[int, Tally]:
    report.unlink(missing_ok=True)
    command = [str(layout.PYTHON), "-m", "pytest", *words, f"--junitxml={report}", *arguments()]
    code = steps.run_in_sight(command, env=env)
    return code, read_tally(report)


def read_tally(report: Path) -> Tally:
    """Return what the report counts; nothing if pytest did not get far enough to write one."""
    try:
        suites = ElementTree.parse(report).getroot().iter("testsuite")
    except (OSError, ElementTree.ParseError):
        return Tally()
    total = Tally()
    for each in suites:
        tests, failures, errors, skipped = (
            int(each.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        total += Tally(tests - failures - errors - skipped, failures + errors, skipped)
    return total

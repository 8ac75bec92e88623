"""Where everything is. Nothing outside the checkout is written, except short-lived folders for sockets."""

import os
import sys
import tempfile
from pathlib import Path

from launch.console import Refusal

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
LOGS = VAR / "log"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE_MODULES = ROOT / "node_modules"

SOCKET_LIMIT = 100
"""Systems allow 104 to 108 bytes for the path of a Unix socket; a longer one fails in obscure ways."""


def make_state_folders() -> None:
    """Have `var/` and its log folder, or say in a sentence why not."""
    try:
        LOGS.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"{VAR} cannot be made ({error.strerror}); Decklog keeps its data there.") from error
    if not (os.access(VAR, os.W_OK) and os.access(LOGS, os.W_OK)):
        raise Refusal(f"{VAR} belongs to another user; make it yours, or do this as that user.")


def short_folder() -> Path:
    """Make a folder whose path leaves room for a socket's name within the limit."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > SOCKET_LIMIT // 2:
        parent = "/tmp"
    return Path(tempfile.mkdtemp(prefix="decklog-", dir=parent))


def program(name: str) -> str:
    """Return the path of *name* among the programs of the environment.

    Give scripts to its Python: the first line of a script names the folder that the checkout was in when it was made.
    """
    return str(VENV / "bin" / name)


def site_packages() -> Path:
    """Return the folder of the environment's packages."""
    found = sorted((VENV / "lib").glob("python3.*/site-packages"))
    return found[-1] if found else VENV / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

"""Python packages: `.venv` and what the locks put into it."""

import importlib.util
import re
import sys
from pathlib import Path

from launch import console, environment, layout, stamps, steps

RUN_LOCK = layout.ROOT / "requirements.txt"
TEST_LOCK = layout.ROOT / "requirements-dev.txt"
"""Holds everything of `RUN_LOCK` too, at the same versions."""
NODE_LOCK = layout.ROOT / "requirements-node.txt"

UNFINISHED = layout.VENV / "installing"
"""There while pip works. Found at a start, pip was interrupted and the environment is not to be trusted."""

HOW_TO_GET_VENV = "on Debian or Ubuntu: apt install python3-venv"

_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Name or service not known"
    r"|Temporary failure in name resolution|Network is unreachable|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT"
)


def install(*, with_tests: bool = False) -> None:
    """Have `.venv` with the packages of one lock, checked against their hashes; nothing to do when it is so."""
    _make_environment()
    lock = TEST_LOCK if with_tests else RUN_LOCK
    install_lock(lock)
    if with_tests:
        stamps.write(_stamp(RUN_LOCK), _fingerprint(RUN_LOCK))


def install_lock(lock: Path) -> None:
    """Install *lock* into `.venv`, unless a stamp says that it is."""
    if stamps.is_fresh(_stamp(lock), _fingerprint(lock)):
        return
    timer = steps.Timer()
    count = len(re.findall(r"^[a-z0-9]", lock.read_text(), re.MULTILINE | re.IGNORECASE))
    console.say(f"Installing {count} Python packages into .venv, once; about half a minute.")
    log = layout.LOGS / "pip.log"
    command = [str(layout.PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    UNFINISHED.touch()
    code = steps.run_quietly(command, env=_pip_variables(), log=log)
    UNFINISHED.unlink()
    if code != 0:
        raise console.Refusal(why_it_failed(log, what="pip"))
    stamps.write(_stamp(lock), _fingerprint(lock))
    console.say(f"Python packages are installed ({timer}).")


def why_it_failed(log: Path, *, what: str) -> str:
    """Return the sentence that best explains a failed installation, read off its *log*."""
    lines = console.last_lines(log, count=400)
    text = "\n".join(lines)
    if "DO NOT MATCH THE HASHES" in text or "EINTEGRITY" in text:
        return f"A package is not the one that the lock names, so nothing of it is used; {what}'s words: {log}"
    if _NO_NETWORK.search(text):
        return f"No package registry could be reached; the first start needs the network. {what}'s words: {log}"
    if "No space left" in text or "ENOSPC" in text:
        return f"The disk is full; {what}'s words: {log}"
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"{what} could not install the packages: {last[:200]} - more in {log}"


def _stamp(lock: Path) -> Path:
    return layout.VENV / f"{lock.stem}.stamp"


def _fingerprint(lock: Path) -> str:
    # pyvenv.cfg names the Python: another one needs other wheels.
    return stamps.digest([lock, layout.VENV / "pyvenv.cfg"])


def _pip_variables() -> dict[str, str]:
    env = environment.variables(PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        env.pop(name, None)
    return env


def is_usable() -> bool:
    """True if `.venv` is whole and its Python, which may have been removed since, still runs."""
    if UNFINISHED.exists():
        return False
    probe = "import sys, importlib.util as u; sys.exit(sys.version_info < (3, 11) or not u.find_spec('pip'))"
    return steps.output_of([str(layout.PYTHON), "-c", probe]) is not None


def _make_environment() -> None:
    if is_usable():
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise console.Refusal(f"Python's venv module is not complete here; {HOW_TO_GET_VENV}.")
    if layout.VENV.exists():
        console.say("The environment in .venv is unfinished or its Python is gone; making it anew.")
    # Started from inside the environment, this Python must not rebuild the floor it stands on.
    python = getattr(sys, "_base_executable", "") or sys.executable
    log = layout.LOGS / "venv.log"
    command = [python, "-m", "venv", "--clear", str(layout.VENV)]
    if steps.run_quietly(command, env=environment.variables(), log=log) != 0:
        console.show_log(log)
        raise console.Refusal(f"Python could not make an environment in .venv; {HOW_TO_GET_VENV}.")

"""An Opsgenie of this machine beside the demo, for `make run SIMULATOR=1`; what it holds is gone when it ends."""

import os
from collections.abc import MutableMapping

from launch import environment, layout, ports
from launch.children import Children, Program

NAME = "opsgenie"
FIRST_PORT = 8890
KEY = "0fake000-key0-of00-the0-simulator000"


def is_wanted() -> bool:
    """Whether SIMULATOR says so."""
    return (os.environ.get("SIMULATOR") or "0").lower() in {"1", "yes", "true", "on"}


def start(children: Children, env: MutableMapping[str, str]) -> Program:
    """Start it, and let *env* name it as the Opsgenie of every process, whatever it named before."""
    port = ports.choose_port(FIRST_PORT)
    words = ("-m", "tests.opsgenie_simulator", "--port", str(port), "--seed", "demo", "--key", KEY)
    program = Program(NAME, (str(layout.PYTHON), *words))
    children.start(program, env=environment.variables())
    for name in ("OPSGENIE_API_KEY_FILE", "OPSGENIE_API_URL_FILE"):
        env.pop(name, None)
    env.update({"OPSGENIE_API_URL": f"http://{ports.HOST}:{port}", "OPSGENIE_API_KEY": KEY})
    return program

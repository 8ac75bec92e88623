"""`make run`: one command from a bare checkout to a page."""

import os
import secrets
import time
from collections.abc import Callable, Mapping

from launch import broker, console, environment, holds, layout, ports, setup, simulator, steps, vigil
from launch.children import Children, Program
from launch.supervisor import Supervisor

PREPARATIONS = ("migrate --no-input --verbosity 0",)
"""What `manage.py` does before the first request. Static files need nothing: they are served where they lie."""

_MANAGE = """
import os, sys, django
from django.core.management import CommandError, call_command
django.setup()
sys.stdout = open(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
try:
    for words in sys.argv[2:]:
        call_command(*words.split())
except CommandError as error:
    sys.exit(str(error))
"""
SECONDS_TO_READY = 45.0
HOPELESS = 3
"""Failures in a row of the web server before its first page after which the start is given up."""
PROBE_EVERY = 10.0


def run() -> int:
    """Prepare, start and supervise until told to end; return 0 then."""
    wanted = ports.read_port(os.environ.get("PORT") or "8000")
    setup.install()
    hold = holds.run_hold()
    port = ports.choose_port(wanted)
    if port != wanted:
        console.say(f"Port {wanted} is taken; using {port}.")
    with Children(keep=[hold]) as children:
        try:
            _serve(children, hold=hold, port=port)
        except console.Stopped:
            console.say("\nEnding.")
    return 0


def variables(*, port: int) -> dict[str, str]:
    """Return the environment of every process of this installation; what the user has set stays."""
    chosen: dict[str, Callable[[], str]] = {
        "SECRET_KEY": environment.secret_key,
        "DECKLOG_EMBEDDED": lambda: "1",
        "DECKLOG_INSTANCE": lambda: secrets.token_hex(8),
        "BASE_URL": lambda: f"http://{ports.HOST}:{port}",
    }
    env = environment.variables()
    return env | {name: choose() for name, choose in chosen.items() if not (env.get(name) or env.get(f"{name}_FILE"))}


def programs(*, port: int) -> list[Program]:
    """Return what serves, first, and what works and keeps time; each is one process with a few threads."""
    web = f"config.serve --host {ports.HOST} --port {port} --workers 1 --threads 4"
    worker = "celery -A config --skip-checks worker -P threads -c 4 --loglevel INFO --without-gossip --without-mingle"
    beat = "celery -A config --skip-checks beat --loglevel WARNING --pidfile="
    module = (str(layout.PYTHON), "-m")
    return [
        Program("web", (*module, *web.split())),
        Program("worker", (*module, *worker.split())),
        Program("beat", (*module, *beat.split(), "--schedule", str(layout.VAR / "beat-schedule"))),
    ]


def _serve(children: Children, *, hold: int, port: int) -> None:
    timer = steps.Timer()
    env = variables(port=port)
    supervisor = Supervisor(children, env=env)
    if simulator.is_wanted():
        supervisor.adopt(simulator.start(children, env))
    if not (env.get("REDIS_URL") or env.get("REDIS_URL_FILE")):
        server, env["REDIS_URL"] = broker.start(children, keep_in=layout.VAR / "broker")
        supervisor.adopt(server)
    account = _prepare(env)
    web, *others = programs(port=port)
    supervisor.start([web])
    _wait_for_the_page(supervisor, children, port=port, instance=env["DECKLOG_INSTANCE"])
    # Only now, so that on a small machine the page does not wait for them.
    supervisor.start(others)
    holds.note_run(hold, url=env["BASE_URL"])
    _announce(env["BASE_URL"], account=account, timer=timer)
    _watch(supervisor, port=port, instance=env["DECKLOG_INSTANCE"])


def _prepare(env: Mapping[str, str]) -> str:
    """Bring the database up to date and return the lines on how to sign in."""
    is_demo = (os.environ.get("DEMO") or "1").lower() not in {"0", "no", "false", "off"}
    commands = [*PREPARATIONS, *(["demo"] if is_demo else [])]
    # Apart from the log, and only for a moment: it may hold a password.
    account = layout.VAR / "account"
    log = layout.LOGS / "prepare.log"
    try:
        # One process for all of them: loading Django is most of what each would cost.
        code = steps.run_quietly([str(layout.PYTHON), "-c", _MANAGE, str(account), *commands], env=env, log=log)
        said = account.read_text() if code == 0 else ""
    finally:
        account.unlink(missing_ok=True)
    if code != 0:
        console.show_log(log)
        raise console.Refusal("The database could not be prepared, so Decklog does not start.")
    return said.strip() if is_demo else "The page asks for the first administrator."


def _wait_for_the_page(supervisor: Supervisor, children: Children, *, port: int, instance: str) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_READY
    while not vigil.is_ready(port, instance=instance):
        supervisor.look()
        if supervisor.failures("web") >= HOPELESS or time.monotonic() > give_up_at:
            console.show_log(children.log("web"))
            raise console.Refusal("The web server does not start.")
        time.sleep(0.1)


def _announce(url: str, *, account: str, timer: steps.Timer) -> None:
    console.say(f"\nDecklog runs at {url} (ready after {timer}; Ctrl-C ends it; logs in {layout.LOGS})")
    console.say(account)


def _watch(supervisor: Supervisor, *, port: int, instance: str) -> None:
    """Look after everything until `Stopped`."""
    watch = vigil.Vigil(quiet_until=time.monotonic() + vigil.PATIENCE)
    probe_at = time.monotonic() + PROBE_EVERY
    terminal = console.Terminal()
    while True:
        terminal.check()
        supervisor.look()
        if time.monotonic() >= probe_at:
            is_web_well = vigil.is_ready(port, instance=instance)
            readiness = vigil.read_json(port, "/readyz")
            for name in watch.judge(now=time.monotonic(), is_web_well=is_web_well, readiness=readiness):
                supervisor.restart(name, because="has been silent")
            probe_at = time.monotonic() + PROBE_EVERY
        time.sleep(0.3)

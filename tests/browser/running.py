"""A Decklog that runs as `make run` starts it: broker, web server, worker and beat, with a mail server beside it."""

import contextlib
import dataclasses
import json
import secrets
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from launch import broker, environment, serve, vigil
from launch.children import Children
from launch.steps import run_quietly
from tests.faults.conftest import free_port
from tests.mail_server import MailServer

_MANAGE = """
import sys, django
from django.core.management import call_command
django.setup()
for words in sys.argv[1:]:
    call_command(*words.split())
"""
_SIGN_IN = """
import json, sys, django
django.setup()
from django.conf import settings
from django.test import Client
from accounts.models import User
cookies = {}
for user in User.objects.all():
    client = Client()
    client.force_login(user)
    cookies[user.email] = client.cookies[settings.SESSION_COOKIE_NAME].value
open(sys.argv[1], "w").write(json.dumps({"name": settings.SESSION_COOKIE_NAME, "of": cookies}))
"""


class Running:
    """One installation in a folder of its own, on SQLite. Use it in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mail = MailServer()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "decklog.sqlite3"
        self._instance = secrets.token_hex(8)
        self._children = Children(logs=folder, grace=2.0)
        self._env = environment.variables(
            DATABASE_URL=f"sqlite:///{self.database}",
            BASE_URL=self.url,
            EMAIL_URL=f"smtp://127.0.0.1:{self.mail.port}",
            SECRET_KEY=secrets.token_hex(32),
            DECKLOG_EMBEDDED="1",
            DECKLOG_INSTANCE=self._instance,
        )

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self._children.end_all()
        self.mail.close()

    def manage(self, *commands: str) -> None:
        """Run several commands of manage.py in one process."""
        log = self.folder / "manage.log"
        code = run_quietly([sys.executable, "-c", _MANAGE, *commands], env=self._env, log=log)
        assert code == 0, log.read_text()

    def sessions(self) -> dict[str, dict[str, str]]:
        """A session cookie for everybody, as the browser keeps it; signing in costs a second each, by design."""
        path = self.folder / "sessions.json"
        log = self.folder / "sessions.log"
        assert run_quietly([sys.executable, "-c", _SIGN_IN, str(path)], env=self._env, log=log) == 0, log.read_text()
        found = json.loads(path.read_text())
        return {email: {"name": found["name"], "value": value, "url": self.url} for email, value in found["of"].items()}

    def start(self, *, only: str = "") -> None:
        """Start everything, or `only` one of `web`, `worker` and `beat`; return once the page answers."""
        _, self._env["REDIS_URL"] = broker.start(self._children)
        for program in serve.programs(port=self.port):
            if only not in {"", program.name}:
                continue
            # Its beat would keep its notes in the checkout.
            words = [str(self.folder / "beat") if "beat-schedule" in word else word for word in program.command[1:]]
            own = dataclasses.replace(program, command=(sys.executable, *words))
            self._children.start(own, env=self._env)
        self.wait_until(lambda: vigil.is_ready(self.port, instance=self._instance), seconds=120)

    def wait_until(self, is_so: Callable[[], Any], *, seconds: float = 30) -> Any:
        """Wait until something is so, and return what it is; fail with the logs after so many seconds."""
        give_up_at = time.monotonic() + seconds
        while not (found := is_so()):
            if time.monotonic() > give_up_at:
                logs = {log.name: log.read_text()[-2000:] for log in self.folder.glob("*.log")}
                pytest.fail("\n".join([f"It was not so within {seconds} s.", *(f"{k}\n{v}" for k, v in logs.items())]))
            time.sleep(0.05)
        return found

    def post(self, body: Mapping[str, Any], *, token: str) -> dict[str, Any]:
        """Log a deploy as a pipeline does, and return the answer; fail unless it was taken."""
        return self.call("deployments", body, token=token)

    def call(self, path: str, body: Mapping[str, Any], *, token: str) -> dict[str, Any]:
        """POST to the API and return the answer; fail unless it was taken."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=30) as answer:
                said: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refusal:
            pytest.fail(f"{refusal.code}: {refusal.read().decode()}")
        return said

    def mail_to(self, email: str, *, about: str) -> Message:
        """The newest mail to somebody whose subject contains *about*; waits for it."""

        def found() -> Message | None:
            fitting = [mail for mail in self.mail.mails if email in mail["To"] and about in mail["Subject"]]
            return fitting[-1] if fitting else None

        mail: Message = self.wait_until(found)
        return mail

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query on the database: for what no page shows."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as connection:
            return connection.execute(question, values).fetchall()

    def write(self, statement: str, *values: object) -> None:
        """Run a statement on the database: for what only the passing of time would do."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            connection.execute(statement, values)


# No proxy of this machine has any business between us and our own child.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

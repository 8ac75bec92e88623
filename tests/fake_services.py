"""Slack, Opsgenie and a webhook's endpoint on loopback, as far as Decklog uses them.

Every call is kept, and each service can be told to be slow, busy, broken, or to hang up after it took what was sent.
"""

import contextlib
import json
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Call:
    """One request: what came, and when by the monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def body(self) -> dict[str, Any]:
        """The body, whether it was JSON or a form."""
        if "json" in self.headers.get("content-type", ""):
            found: dict[str, Any] = json.loads(self.raw)
            return found
        return dict(parse_qsl(self.raw.decode()))


@dataclass
class Answer:
    """What to say instead of the usual."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


HANG_UP = Answer(status=0)
"""Takes what was sent, acts upon it, and resets the connection instead of answering."""


class FakeService:
    """A server on a free port of loopback.

    `answers` are given instead of the next usual ones; `drip` is the number of seconds between two bytes of an answer,
    `delay` the number before it. With a `certificate` and its key in one file it speaks HTTPS.
    """

    def __init__(self, *, certificate: Path | None = None) -> None:
        self.calls: list[Call] = []
        self.answers: deque[Answer] = deque()
        self.delay = self.drip = 0.0
        self._is_ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Talk)
        self._server.daemon_threads = True
        self._server.keeper = self  # type: ignore[attr-defined]  # how the handler finds us
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop taking connections, and end what still drips."""
        self._is_ending.set()
        self._server.shutdown()
        self._server.server_close()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the test."""
        self._is_ending.wait(seconds)

    def usual(self, call: Call) -> Answer:
        """What the service does and says when nothing is wrong."""
        return Answer(200, {"ok": True})

    def answer(self, call: Call) -> Answer:
        """What is said to this call; a queued HANG_UP still lets the service do its work."""
        self.calls.append(call)
        self.pause(self.delay)
        told = self.answers.popleft() if self.answers else None
        if told is None:
            return self.usual(call)
        if told is HANG_UP:
            self.usual(call)
        return told


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        """Serve one connection; whoever sends may be killed at any moment, which is what some tests are about."""
        with contextlib.suppress(OSError):
            super().handle()

    def _serve(self) -> None:
        keeper: FakeService = self.server.keeper  # type: ignore[attr-defined]  # set by FakeService
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = keeper.answer(Call(self.command, self.path, headers, raw))
        with contextlib.suppress(OSError):
            if answer.status == 0:
                self.connection.shutdown(2)
                self.close_connection = True
                return
            self._say(keeper, answer)

    do_GET = do_POST = _serve  # noqa: N815 - the base class looks for these names

    def _say(self, keeper: FakeService, answer: Answer) -> None:
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        kind = "text/html" if isinstance(answer.body, str) else "application/json"
        self.send_response(answer.status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text.encode())), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not keeper.drip:
            self.wfile.write(text.encode())
            return
        for byte in text.encode():
            self.wfile.write(bytes([byte]))
            keeper.pause(keeper.drip)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Tests read the calls instead."""


class FakeSlack(FakeService):
    """Slack's Web API with one channel, #changes (C1), and one token."""

    TOKEN = "xoxb-1-fake-token-of-the-tests"

    def __init__(self) -> None:
        super().__init__()
        self.channels = {"#changes": "C1", "C1": "C1", "#payments": "C2", "C2": "C2"}
        self.messages: dict[str, dict[str, Any]] = {}
        """What people see, by channel and timestamp."""

    def usual(self, call: Call) -> Answer:
        """chat.postMessage and chat.update."""
        if call.headers.get("authorization") != f"Bearer {self.TOKEN}":
            return self.refusal("invalid_auth")
        channel = self.channels.get(call.body["channel"])
        if channel is None:
            return self.refusal("channel_not_found")
        ts = call.body.get("ts") or f"17000000{len(self.messages):02}.000100"
        if call.path.endswith("chat.update") and f"{channel}:{ts}" not in self.messages:
            return self.refusal("message_not_found")
        self.messages[f"{channel}:{ts}"] = call.body
        return Answer(200, {"ok": True, "channel": channel, "ts": ts})

    @staticmethod
    def refusal(code: str) -> Answer:
        """Slack says no with a 200."""
        return Answer(200, {"ok": False, "error": code})


class FakeOpsgenie(FakeService):
    """Opsgenie's alerts: a request is accepted at once, and processed at the `processed_at_look`-th look at it."""

    KEY = "0fake000-key0-of00-the0-tests0000000"

    def __init__(self) -> None:
        super().__init__()
        self.processed_at_look = 2
        self.failure = ""
        """Opsgenie's words when processing fails."""
        self.alerts: dict[str, list[dict[str, Any]]] = {}
        """What was asked for, by alias: several times the same alias is one alert that was counted up."""
        self._looks: dict[str, int] = {}

    def usual(self, call: Call) -> Answer:
        """POST /v2/alerts and GET /v2/alerts/requests/{id}."""
        if call.headers.get("authorization") != f"GenieKey {self.KEY}":
            return Answer(403, {"message": "Api Key is not valid", "took": 0.0, "requestId": "r"})
        if call.method == "POST":
            alias = call.body["alias"]
            self.alerts.setdefault(alias, []).append(call.body)
            request = f"request-{len(self._looks) + 1}-{alias}"
            self._looks[request] = 0
            return Answer(202, {"result": "Request will be processed", "took": 0.3, "requestId": request})
        return self._status(urlsplit(call.path).path.rpartition("/")[2])

    def _status(self, request: str) -> Answer:
        request = dict.fromkeys([one for one in self._looks if _quoted(one) == request]).popitem()[0]
        self._looks[request] += 1
        if self._looks[request] < self.processed_at_look:
            headers = {"X-Opsgenie-Errortype": "RequestNotProcessed"}
            return Answer(404, {"message": "Request not found. It might not be processed, yet."}, headers)
        alias = request.split("-", 2)[2]
        is_done = not self.failure
        found = {
            "success": is_done,
            "isSuccess": is_done,
            "action": "Create",
            "processedAt": "2026-11-24T14:24:20.844Z",
            "integrationId": "i",
            "status": self.failure or "Created alert",
            "alertId": f"alert-{alias}" if is_done else "",
            "alias": alias,
        }
        return Answer(200, {"data": found, "took": 0.02, "requestId": "r"})


def _quoted(text: str) -> str:
    return text.replace(":", "%3A").replace("#", "%23")

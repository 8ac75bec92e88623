"""A small mail server on loopback for tests: it keeps what it takes and answers as told.

Not aiosmtpd: that imports a package named `public`, which here is a room of Decklog.
"""

import contextlib
import socketserver
import threading
import time
from email import message_from_bytes
from email.message import Message

GREETING = "220 mail.example ESMTP"


class MailServer:
    """Takes mail on `port`. `answers` says what to reply instead of accepting, by verb: `{"RCPT": "550 unknown"}`.

    `CONNECT` and `DATA` count as verbs too (`DATA` is answered after the text). An answer of "" hangs up. `delay` is
    how many seconds it takes over each mail.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.answers: dict[str, str] = {}
        self.mails: list[Message] = []
        self.delay = 0.0
        self._server = _Server(("127.0.0.1", port), _Talk)
        self._server.keeper = self
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop taking connections."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    keeper: MailServer


class _Talk(socketserver.StreamRequestHandler):
    """One connection."""

    server: _Server

    def handle(self) -> None:
        # Whoever sends may be killed at any moment; that is what the tests are about.
        with contextlib.suppress(ConnectionError):
            self._talk()

    def _talk(self) -> None:
        keeper = self.server.keeper
        if not self._say(keeper.answers.get("CONNECT", GREETING)):
            return
        while line := self.rfile.readline():
            verb = line[:4].decode().strip().upper()
            if verb == "DATA":
                self._say("354 go on")
                answer = self._take(keeper)
            else:
                answer = keeper.answers.get(verb, "221 bye" if verb == "QUIT" else "250 OK")
            if not self._say(answer) or verb == "QUIT":
                return

    def _take(self, keeper: MailServer) -> str:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        time.sleep(keeper.delay)
        answer = keeper.answers.get("DATA", "250 OK")
        if answer.startswith("2"):
            keeper.mails.append(message_from_bytes(b"".join(lines)))
        return answer

    def _say(self, answer: str) -> bool:
        if answer:
            self.wfile.write(answer.encode() + b"\r\n")
        return bool(answer)


def plain_text(mail: Message) -> str:
    """What a mail says without its HTML."""
    part = next(one for one in mail.walk() if one.get_content_type() == "text/plain")
    said = part.get_payload(decode=True)
    assert isinstance(said, bytes)
    return said.decode().replace("\r\n", "\n")

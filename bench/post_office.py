"""A mail server on loopback that takes a fixed time over each mail and remembers when it came.

One thread, so that it costs little beside what is measured.
"""

import asyncio
import re
import threading
import time

SUBJECT = re.compile(rb"^Subject: (.*?)\r\n", re.MULTILINE)


class PostOffice:
    """Takes mail on `port`, each after `delay` seconds; any number at once."""

    def __init__(self, *, delay: float) -> None:
        self.delay = delay
        self.arrived: dict[str, float] = {}
        """When each mail was taken for the first time (time.time), by its subject."""
        self.taken = 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=200))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, name="post-office", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        try:
            while line := await reader.readline():
                writer.write(await self._answer(line[:4].upper().strip(), reader, writer))
                if line[:4].upper() == b"QUIT":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, verb: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await self._take(await reader.readuntil(b"\r\n.\r\n"))
        return b"221 bye\r\n" if verb == b"QUIT" else b"250 OK\r\n"

    async def _take(self, mail: bytes) -> None:
        await asyncio.sleep(self.delay)
        self.taken += 1
        found = SUBJECT.search(mail)
        self.arrived.setdefault(found.group(1).decode() if found else "", time.time())

"""A light load generator: keep-alive HTTP/1.1 over raw sockets.

It runs in one thread and does little for an answer, since it shares the cores with what it measures. Run by itself it
plays a pipeline:

    python bench/load.py http://127.0.0.1:8000 --token dlk_... --pipeline checkout-deploy --service checkout
"""

import argparse
import gc
import hashlib
import itertools
import json
import os
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

Address = tuple[str, int]
Script = Iterator[bytes]
"""The requests that one connection sends, one after another, each after the answer to the one before."""
READ_SIZE = 256 * 1024
PATIENCE = 30.0


class WrongAnswer(Exception):
    """The server's answer is broken, missing, or has a status that the workload does not expect."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: its status, its body, and how many bytes of the stream it took."""

    status: int
    body: bytes
    length: int


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds that each answer took, and seconds from the first request to the last answer."""

    times: list[float]
    elapsed: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What runs brought: milliseconds of the median and of the slowest hundredth, and answers per second."""

    p50: float
    p99: float
    per_second: float
    count: int

    @classmethod
    def of(cls, runs: Sequence["Run"]) -> "Timing":
        """Sum up one or more runs of the same thing."""
        ordered = sorted(seconds for run in runs for seconds in run.times)
        if not ordered:
            raise WrongAnswer("No answer came within the time of the run.")
        p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        elapsed = sum(run.elapsed for run in runs)
        return cls(statistics.median(ordered) * 1000, p99 * 1000, len(ordered) / elapsed, len(ordered))


# --- Requests and answers as bytes -----------------------------------------------------------------------------------


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A whole request; Host and Content-Length are added."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_answer(stream: bytes | bytearray) -> Answer | None:
    """The first answer in `stream`, or None while it is incomplete; raises WrongAnswer when it is no HTTP/1.1."""
    head_end = stream.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    head = bytes(stream[:head_end]).lower()
    if not head.startswith(b"http/1.1 ") or not head[9:12].isdigit():
        raise WrongAnswer(f"This is no HTTP/1.1 answer: {head[:60]!r}")
    status, start = int(head[9:12]), head_end + 4
    length = _header(head, b"content-length")
    if length is not None:
        end = start + int(length)
        return Answer(status, bytes(stream[start:end]), end) if len(stream) >= end else None
    if _header(head, b"transfer-encoding") == b"chunked":
        return _read_chunks(stream, status=status, start=start)
    if status in {204, 304}:
        return Answer(status, b"", start)
    raise WrongAnswer("The answer does not say how long it is.")


def _header(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    value_at = at + len(name) + 3
    end = head.find(b"\r\n", value_at)
    return head[value_at : end if end >= 0 else len(head)].strip()


def _read_chunks(stream: bytes | bytearray, *, status: int, start: int) -> Answer | None:
    body = bytearray()
    while (line_end := stream.find(b"\r\n", start)) >= 0:
        size = int(bytes(stream[start:line_end]).split(b";")[0], 16)
        chunk_end = line_end + 2 + size
        if len(stream) < chunk_end + 2:
            return None
        body += stream[line_end + 2 : chunk_end]
        start = chunk_end + 2
        if size == 0:
            return Answer(status, bytes(body), start)
    return None


# --- Connections -----------------------------------------------------------------------------------------------------


class Caller:
    """One keep-alive connection with the requests that it plays."""

    def __init__(self, address: Address, script: Script) -> None:
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._script = script
        self._stream = bytearray()
        self._sent_at = 0.0

    def send(self) -> bool:
        """Send the next request; False when the script is over."""
        message = next(self._script, None)
        if message is None:
            return False
        self._sent_at = time.perf_counter()
        self.socket.sendall(message)
        return True

    def receive(self) -> tuple[Answer, float] | None:
        """Read once; the answer and the seconds it took when it is complete, else None."""
        piece = self.socket.recv(READ_SIZE)
        if not piece:
            raise WrongAnswer("The server closed a connection that it should have kept.")
        self._stream += piece
        answer = read_answer(self._stream)
        if answer is None:
            return None
        seconds = time.perf_counter() - self._sent_at
        del self._stream[: answer.length]
        return answer, seconds

    def wait(self) -> tuple[Answer, float]:
        """Read until the answer is complete."""
        while (received := self.receive()) is None:
            pass
        return received


def ask(address: Address, message: bytes) -> Answer:
    """Send one request on a connection of its own and return the answer."""
    caller = Caller(address, iter([message]))
    try:
        caller.send()
        return caller.wait()[0]
    finally:
        caller.socket.close()


def play(
    address: Address,
    script: Callable[[], Script],
    *,
    concurrency: int,
    seconds: float,
    expected: frozenset[int] = frozenset({200}),
) -> Run:
    """Keep `concurrency` connections busy for `seconds`, each with a script of its own, and time every answer.

    A script that ends earlier ends its connection. Raises WrongAnswer at the first answer whose status is not expected.
    """
    callers = [Caller(address, script()) for _ in range(concurrency)]
    gc.collect()
    gc.disable()
    try:
        loop = _one_by_one if concurrency == 1 else _side_by_side
        started_at = time.perf_counter()
        times = loop(callers, until=started_at + seconds, expected=expected)
        return Run(times, time.perf_counter() - started_at)
    finally:
        gc.enable()
        for caller in callers:
            caller.socket.close()


def _one_by_one(callers: list[Caller], *, until: float, expected: frozenset[int]) -> list[float]:
    (caller,) = callers
    times = []
    while time.perf_counter() < until and caller.send():
        answer, seconds = caller.wait()
        _check(answer, expected)
        times.append(seconds)
    return times


def _side_by_side(callers: list[Caller], *, until: float, expected: frozenset[int]) -> list[float]:
    times = []
    with select.epoll() as poll:
        busy = {caller.socket.fileno(): caller for caller in callers if caller.send()}
        for number in busy:
            poll.register(number, select.EPOLLIN)
        while busy:
            ready = poll.poll(PATIENCE)
            if not ready:
                raise WrongAnswer(f"No answer for {PATIENCE:.0f} s.")
            for number, _ in ready:
                received = busy[number].receive()
                if received is None:
                    continue
                answer, seconds = received
                _check(answer, expected)
                times.append(seconds)
                if time.perf_counter() >= until or not busy[number].send():
                    poll.unregister(number)
                    del busy[number]
    return times


def _check(answer: Answer, expected: frozenset[int]) -> None:
    if answer.status not in expected:
        raise WrongAnswer(f"Status {answer.status}: {answer.body[:300].decode(errors='replace')}")


# --- A pipeline ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Whose deploys are logged, where to, and by which token."""

    token: str
    pipeline: str
    service: str
    environment: str

    def started(self, run_id: str, *, at: datetime) -> dict[str, object]:
        """What it says when a deploy begins."""
        sha = hashlib.sha1(run_id.encode()).hexdigest()
        return {
            "service": self.service,
            "environment": self.environment,
            "pipeline": self.pipeline,
            "run_id": run_id,
            "attempt": 1,
            "status": "started",
            "sequence": 1,
            "version": "2.14.0",
            "sha": sha,
            "started_at": _moment(at),
            "title": f"Deploy {self.service} 2.14.0",
            "run_url": f"https://ci.example.com/runs/{run_id}",
            "public_note": "Faster checkout for carts with many lines, a clearer message when a card is declined, "
            "and a fix for rounding in two currencies.",
            "customer_impacting": False,
            "tickets": ["SP-123"],
        }

    def finished(self, run_id: str, *, at: datetime) -> dict[str, object]:
        """What it says at the end, with the evidence; enough by itself when nothing was said at the start."""
        said = self.started(run_id, at=at - timedelta(minutes=4))
        sha = said["sha"]
        commit = {"sha": sha, "authored_at": _moment(at - timedelta(hours=3)), "author": "ann@example.com",
            "reviewed_by": ["bo@example.com"]}  # fmt: skip
        evidence = {
            "tests": {"passed": 412, "failed": 0, "sha": sha, "url": f"https://ci.example.com/runs/{run_id}/tests"},
            "smoke_test": {"status": "passed", "at": _moment(at), "url": f"https://ci.example.com/runs/{run_id}/smoke"},
            "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
        }
        return said | {"status": "succeeded", "sequence": 2, "finished_at": _moment(at), "commits": [commit],
            "evidence": evidence}  # fmt: skip

    def post(self, deploy: dict[str, object]) -> bytes:
        """The request that logs `deploy`."""
        body = json.dumps(deploy, separators=(",", ":")).encode()
        return request("POST", "/api/v1/deployments", {"Authorization": f"Bearer {self.token}"}, body)

    def pairs(self, numbers: Iterator[int], *, prefix: str) -> Script:
        """Started, then finished, for one run after another."""
        for number in numbers:
            run_id, now = f"{prefix}-{number}", datetime.now(UTC)
            yield self.post(self.started(run_id, at=now - timedelta(minutes=4)))
            yield self.post(self.finished(run_id, at=now))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def forever(message: bytes) -> Callable[[], Script]:
    """Scripts that repeat one request."""
    return lambda: itertools.repeat(message)


def main() -> int:
    """Play runs of a pipeline against a running Decklog and print what it took."""
    words = argparse.ArgumentParser(description="Log deploys as a pipeline does: started, then finished with evidence.")
    words.add_argument("url", help="where Decklog runs, as in http://127.0.0.1:8000")
    words.add_argument("--token", required=True)
    words.add_argument("--pipeline", required=True)
    words.add_argument("--service", required=True)
    words.add_argument("--environment", default="production")
    words.add_argument("--runs", type=int, default=100)
    words.add_argument("--concurrency", type=int, default=4)
    chosen = words.parse_args()
    where = urlsplit(chosen.url)
    player = Pipeline(chosen.token, chosen.pipeline, chosen.service, chosen.environment)
    # Connections take their runs from one pile, so that all of them are busy to the end.
    numbers, prefix = iter(range(chosen.runs)), f"bench-{os.getpid()}-{int(time.time())}"
    run = play(
        (where.hostname or "127.0.0.1", where.port or 80),
        lambda: player.pairs(numbers, prefix=prefix),
        concurrency=chosen.concurrency,
        seconds=3600,
        expected=frozenset({200, 201}),
    )
    timing = Timing.of([run])
    print(f"{timing.count} answers, {timing.per_second:.0f}/s, median {timing.p50:.2f} ms, p99 {timing.p99:.2f} ms")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

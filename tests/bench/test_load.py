"""The load generator: what it counts are whole answers, and a wrong one stops it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.load import Address, Pipeline, WrongAnswer, forever, play, read_answer, request

LENGTH = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("stream", "status", "body"), [(LENGTH, 201, b"hello"), (CHUNKS, 200, b"hello"), (EMPTY, 204, b"")]
)
def test_an_answer_ends_where_it_says_and_the_next_one_begins_there(stream: bytes, status: int, body: bytes) -> None:
    answer = read_answer(bytearray(stream + LENGTH))
    assert answer is not None
    assert (answer.status, answer.body) == (status, body)
    assert read_answer((stream + LENGTH)[answer.length :]) == read_answer(LENGTH)


@pytest.mark.parametrize("stream", [LENGTH, CHUNKS, EMPTY])
def test_no_beginning_of_an_answer_is_taken_for_all_of_it(stream: bytes) -> None:
    assert all(read_answer(stream[:end]) is None for end in range(len(stream)))


@pytest.mark.parametrize("stream", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"])
def test_an_answer_without_an_end_is_refused_instead_of_waited_for(stream: bytes) -> None:
    with pytest.raises(WrongAnswer):
        read_answer(stream)


class Echo(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[int, str]] = []  # noqa: RUF012 - one list for all, which the fixture empties

    def do_GET(self) -> None:
        """Answer at once."""
        self.seen.append((self.client_address[1], self.path))
        self.send_response(int(self.path[1:4]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[Address]:
    Echo.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        # A caller that stops early resets its connections, which is no news here.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


@pytest.mark.parametrize("concurrency", [1, 3])
def test_every_request_of_every_script_is_sent_once_and_each_connection_is_kept(
    address: Address, concurrency: int
) -> None:
    messages = [request("GET", f"/200/{number}", {}) for number in range(4)]
    run = play(address, lambda: iter(messages), concurrency=concurrency, seconds=30)
    assert len(run.times) == len(Echo.seen) == 4 * concurrency
    assert len({connection for connection, _ in Echo.seen}) == concurrency


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_refusal_is_never_counted_as_a_fast_answer(address: Address, concurrency: int) -> None:
    with pytest.raises(WrongAnswer, match="Status 429"):
        play(address, forever(request("GET", "/429", {})), concurrency=concurrency, seconds=30)


def test_a_pipeline_says_the_same_natural_key_at_start_and_end_and_brings_proof_with_the_end() -> None:
    player = Pipeline("dlk_x", "checkout-deploy", "checkout", "production")
    at = datetime(2026, 11, 24, tzinfo=UTC)
    started, finished = player.started("r-1", at=at), player.finished("r-1", at=at)
    key = ("pipeline", "run_id", "attempt", "service", "environment")
    assert [started[name] for name in key] == [finished[name] for name in key]
    assert (started["status"], finished["status"]) == ("started", "succeeded")
    assert "evidence" in finished
    assert "evidence" not in started

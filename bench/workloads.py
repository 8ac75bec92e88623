"""What is asked of each side, as bytes, and how a right answer looks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlencode

from bench.distribution import ENVIRONMENTS, RARE_WORD, SERVICES, SINCE, UNTIL
from bench.load import Answer, Pipeline, Script, WrongAnswer, ask, forever, request
from bench.sides import DECKLOG, LIMIT, Server

SERVICE = SERVICES[7]
SHOWN = 50
NUMBER = b"0000000000000"
"""Stands in a request's template where the number of the run goes; as long as every number."""
Scripts = Callable[[Server], Callable[[], Script]]


@dataclass(frozen=True)
class Workload:
    """The requests of both sides, and the check of one answer before anything is timed."""

    name: str
    scripts: dict[str, Scripts]
    check: Callable[[Server, Answer], None]
    expected: frozenset[int] = frozenset({200})

    def prove(self, server: Server) -> None:
        """Ask once and raise WrongAnswer unless the server does what the workload is about."""
        script = self.scripts[server.place.side](server)()
        answer = ask(server.address, next(script))
        if answer.status not in self.expected:
            raise WrongAnswer(f"{self.name}, {server.place.side}: {answer.status} {answer.body[:500]!r}")
        self.check(server, answer)


def _bearer(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.place.token}"}


def _numbered(templates: Sequence[Sequence[bytes]], numbers: "count[int]") -> Callable[[], Script]:
    """Number the runs; each is of another service or environment than the one before."""
    return lambda: (
        template.replace(NUMBER, b"%013d" % number)
        for number in numbers
        for template in templates[number % len(templates)]
    )


# --- W1: log one deploy ----------------------------------------------------------------------------------------------


def _pipelines(server: Server) -> list[Pipeline]:
    return [
        Pipeline(server.place.token, f"{service}-deploy", service, environment)
        for environment in ENVIRONMENTS
        for service in SERVICES
    ]


def _decklog_post(server: Server) -> Callable[[], Script]:
    now = datetime.now(UTC)
    players = _pipelines(server)
    return _numbered([[player.post(player.finished(NUMBER.decode(), at=now))] for player in players], server.numbers)


def _decklog_pairs(server: Server) -> Callable[[], Script]:
    now, run_id = datetime.now(UTC), NUMBER.decode()
    pairs = [
        [player.post(player.started(run_id, at=now)), player.post(player.finished(run_id, at=now))]
        for player in _pipelines(server)
    ]
    return _numbered(pairs, server.numbers)


def _limit_post(server: Server) -> Callable[[], Script]:
    return _numbered([[_limit_deploy(server, player)] for player in _pipelines(server)], server.numbers)


def _limit_deploy(server: Server, player: Pipeline) -> bytes:
    said = player.finished(NUMBER.decode(), at=datetime.now(UTC))
    names = ("service", "environment", "status", "version", "title", "started_at")
    deploy = {name: said[name] for name in names} | {
        "description": said["public_note"],
        "url": said["run_url"],
        "extra": {"sha": said["sha"], "tests": {"passed": 412, "failed": 0}},
    }
    body = json.dumps(deploy, separators=(",", ":")).encode()
    return request("POST", "/deploys", _bearer(server), body)


def _is_exempt(server: Server, answer: Answer) -> None:
    if server.place.side == DECKLOG and json.loads(answer.body)["verdict"]["result"] != "exempt":
        raise WrongAnswer(f"The deploy is not exempt: {answer.body[:500]!r}")


# --- W2, W4: lists as JSON; W3: a page -------------------------------------------------------------------------------


def _get(paths: dict[str, str], query: dict[str, dict[str, str]]) -> dict[str, Scripts]:
    def script(server: Server) -> Callable[[], Script]:
        path = f"{paths[server.place.side]}?{urlencode(query[server.place.side])}"
        return forever(request("GET", path, _bearer(server)))

    return {LIMIT: script, DECKLOG: script}


def _has_fifty(_: Server, answer: Answer) -> None:
    results = json.loads(answer.body)["results"]
    if len(results) != SHOWN:
        raise WrongAnswer(f"{len(results)} results instead of {SHOWN}.")


def _page(path: str, cookie: str) -> Scripts:
    return lambda server: forever(request("GET", path, {"Cookie": f"{cookie}={server.place.session}"}))


def _has_rows(_: Server, answer: Answer) -> None:
    rows = answer.body.count(b"<time ")
    if rows < SHOWN:
        raise WrongAnswer(f"The page has {rows} times instead of one for each of {SHOWN} rows.")


JSON_LISTS = {LIMIT: "/deploys", DECKLOG: "/api/v1/deployments"}
RANGE = {"service": SERVICE, "since": SINCE.isoformat(), "until": UNTIL.isoformat()}
LOG_ONE = Workload("log one", {LIMIT: _limit_post, DECKLOG: _decklog_post}, _is_exempt, frozenset({201}))
LOG_PAIR = Workload("log a pair", {LIMIT: _limit_post, DECKLOG: _decklog_pairs}, lambda *_: None, frozenset({200, 201}))
FILTERED = Workload(
    "filtered list",
    _get(JSON_LISTS, {LIMIT: {**RANGE, "status": "succeeded"}, DECKLOG: {**RANGE, "outcome": "succeeded"}}),
    _has_fifty,
)
PAGE = Workload("page", {LIMIT: _page("/list", "sessionid"), DECKLOG: _page("/changes", "decklog_session")}, _has_rows)
SEARCH = Workload("search", _get(JSON_LISTS, {LIMIT: {"q": RARE_WORD}, DECKLOG: {"q": RARE_WORD}}), _has_fifty)

"""The account over HTTP, on loopback."""

import json
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.opsgenie_simulator import clock
from tests.opsgenie_simulator.account import Account, Refused, ahead

Query = dict[str, str]
Body = dict[str, Any]
Answered = tuple[int, Any]
ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Answered]]] = []


def route(method: str, path: str) -> Callable[[Callable[..., Answered]], Callable[..., Answered]]:
    """Let a function answer these calls; its arguments are account, query, body and the parts of the path."""

    def put(function: Callable[..., Answered]) -> Callable[..., Answered]:
        ROUTES.append((method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path) + r"\Z"), function))
        return function

    return put


def _schedule(account: Account, query: Query, identifier: str, word: str = "scheduleIdentifierType") -> Body:
    return account.found("schedules", identifier, query.get(word, "id"))


def _whole(one: Body, query: Query) -> Body:
    shown = {name: value for name, value in one.items() if name not in {"overrides", "rotations"}}
    return {**shown, "rotations": one["rotations"] if "rotation" in query.get("expand", "") else []}


def _parent(one: Body) -> Body:
    return {"id": one["id"], "name": one["name"], "enabled": one["enabled"]}


@route("GET", "/v2/account")
def _account(account: Account, query: Query, body: Body) -> Answered:
    return 200, {"name": "simulator", "userCount": len(account.users), "plan": {"name": "Enterprise"}}


# --- People and teams ------------------------------------------------------------------------------------------------


@route("GET", "/v2/users")
def _users(account: Account, query: Query, body: Body) -> Answered:
    limit, offset = min(int(query.get("limit", 100)), 100), int(query.get("offset", 0))
    rows = list(account.users.values())
    paging = {}
    if offset + limit < len(rows):
        paging["next"] = f"https://api.opsgenie.com/v2/users?limit={limit}&offset={offset + limit}"
    return 200, {"_whole": {"totalCount": len(rows), "data": rows[offset : offset + limit], "paging": paging}}


@route("POST", "/v2/users")
def _add_user(account: Account, query: Query, body: Body) -> Answered:
    one = account.add_user(body)
    return 201, {"id": one["id"], "name": one["fullName"]}


@route("GET", "/v2/users/{who}")
def _user(account: Account, query: Query, body: Body, who: str) -> Answered:
    return 200, account.user(who)


@route("DELETE", "/v2/users/{who}")
def _remove_user(account: Account, query: Query, body: Body, who: str) -> Answered:
    account.remove_user(who)
    return 200, None


@route("GET", "/v2/(teams|escalations)")
def _lists(account: Account, query: Query, body: Body, kind: str) -> Answered:
    hidden = {"members"} if kind == "teams" else set()
    rows = getattr(account, kind).values()
    return 200, [{name: value for name, value in one.items() if name not in hidden} for one in rows]


@route("POST", "/v2/(teams|escalations)")
def _add(account: Account, query: Query, body: Body, kind: str) -> Answered:
    one = account.add(kind, body)
    return 201, {"id": one["id"], "name": one["name"]}


@route("GET", "/v2/(teams|escalations)/{id}")
def _one(account: Account, query: Query, body: Body, kind: str, identifier: str) -> Answered:
    return 200, account.found(kind, identifier, query.get("identifierType", "id"))


@route("DELETE", "/v2/(teams|escalations)/{id}")
def _remove(account: Account, query: Query, body: Body, kind: str, identifier: str) -> Answered:
    one = account.found(kind, identifier, query.get("identifierType", "id"))
    del getattr(account, kind)[one["id"]]
    return 200, None


@route("POST", "/v2/teams/{id}/members")
def _add_member(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    team = account.found("teams", identifier, query.get("teamIdentifierType", "id"))
    found = account.user(body["user"].get("id") or body["user"].get("username", ""))
    member = {"user": {"id": found["id"], "username": found["username"]}, "role": body.get("role", "user")}
    team.setdefault("members", []).append(member)
    return 200, {"id": team["id"], "name": team["name"]}


# --- Schedules -------------------------------------------------------------------------------------------------------


@route("GET", "/v2/schedules")
def _schedules(account: Account, query: Query, body: Body) -> Answered:
    return 200, [_whole(one, query) for one in account.schedules.values()]


@route("POST", "/v2/schedules")
def _add_schedule(account: Account, query: Query, body: Body) -> Answered:
    return 201, _parent(account.add_schedule(body))


@route("GET", "/v2/schedules/on-calls")
def _all_on_calls(account: Account, query: Query, body: Body) -> Answered:
    return 200, [_on_calls_of(account, query, one) for one in account.schedules.values()]


@route("GET", "/v2/schedules/{id}")
def _one_schedule(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    found = _schedule(account, query, identifier, "identifierType")
    return 200, _whole(found, {"expand": "rotation"})


@route("PATCH", "/v2/schedules/{id}")
def _patch_schedule(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    return 200, _parent(account.patch_schedule(_schedule(account, query, identifier, "identifierType"), body))


@route("DELETE", "/v2/schedules/{id}")
def _remove_schedule(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    account.remove_schedule(_schedule(account, query, identifier, "identifierType"))
    return 200, None


@route("GET", "/v2/schedules/{id}/timeline")
def _timeline(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    one = _schedule(account, query, identifier, "identifierType")
    start = clock.read(query["date"]) if query.get("date") else datetime.now(UTC)
    start = start.replace(minute=30 if start.minute >= 30 else 0, second=0, microsecond=0)
    end = start + ahead(int(query.get("interval", 1)), query.get("intervalUnit", "weeks"))
    final = {"rotations": account.timeline(one, start, end)}
    window = {"startDate": clock.write(start), "endDate": clock.write(end)}
    return 200, {"_parent": _parent(one), **window, "finalTimeline": final}


@route("GET", "/v2/schedules/{id}/on-calls")
def _on_calls(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    return 200, _on_calls_of(account, query, _schedule(account, query, identifier))


def _on_calls_of(account: Account, query: Query, one: Body) -> Body:
    people = account.people_at(one, _moment(query))
    if query.get("flat") == "true":
        return {"_parent": _parent(one), "onCallRecipients": [each["name"] for each in people]}
    return {"_parent": _parent(one), "onCallParticipants": people}


def _moment(query: Query) -> datetime:
    return clock.read(query["date"]) if query.get("date") else datetime.now(UTC)


@route("GET", "/v2/schedules/{id}/next-on-calls")
def _next(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    one = _schedule(account, query, identifier)
    people, at = account.next_people(one, _moment(query))
    is_flat = query.get("flat") == "true"
    # Opsgenie's names are swapped: strings are participants, objects are recipients.
    word = "Participants" if is_flat else "Recipients"
    shown = [each["name"] for each in people] if is_flat else people
    found = {f"nextOnCall{word}": shown, f"exactNextOnCall{word}": shown}
    return 200, {"_parent": _parent(one), **found, "nextOnCallTime": clock.write(at) if at else None}


@route("GET", "/v2/schedules/{id}/rotations")
def _rotations(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    return 200, _schedule(account, query, identifier)["rotations"]


@route("POST", "/v2/schedules/{id}/rotations")
def _add_rotation(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    one = account.add_rotation(_schedule(account, query, identifier), body)
    return 201, {"id": one["id"], "name": one["name"]}


@route("GET", "/v2/schedules/{id}/rotations/{rotation}")
def _rotation(account: Account, query: Query, body: Body, identifier: str, rotation: str) -> Answered:
    return 200, account.rotation(_schedule(account, query, identifier), rotation)


@route("PATCH", "/v2/schedules/{id}/rotations/{rotation}")
def _patch_rotation(account: Account, query: Query, body: Body, identifier: str, rotation: str) -> Answered:
    one = account.patch_rotation(_schedule(account, query, identifier), rotation, body)
    return 200, {"id": one["id"], "name": one["name"]}


@route("DELETE", "/v2/schedules/{id}/rotations/{rotation}")
def _remove_rotation(account: Account, query: Query, body: Body, identifier: str, rotation: str) -> Answered:
    account.remove_rotation(_schedule(account, query, identifier), rotation)
    return 200, None


@route("GET", "/v2/schedules/{id}/overrides")
def _overrides(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    return 200, account.overrides(_schedule(account, query, identifier))


@route("POST", "/v2/schedules/{id}/overrides")
def _add_override(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    one = _schedule(account, query, identifier)
    alias = body.get("alias") or str(uuid.uuid4())
    if alias in one["overrides"]:
        raise Refused(409, f"Override with alias [{alias}] already exists.")
    account.put_override(one, alias, body)
    return 201, {"_parent": _parent(one), "alias": alias}


@route("GET", "/v2/schedules/{id}/overrides/{alias}")
def _override(account: Account, query: Query, body: Body, identifier: str, alias: str) -> Answered:
    one = _schedule(account, query, identifier)["overrides"].get(alias)
    if one is None:
        raise Refused(404, f"No override exists with alias [{alias}]")
    return 200, one


@route("PUT", "/v2/schedules/{id}/overrides/{alias}")
def _put_override(account: Account, query: Query, body: Body, identifier: str, alias: str) -> Answered:
    account.put_override(_schedule(account, query, identifier), alias, body)
    return 200, {"alias": alias}


@route("DELETE", "/v2/schedules/{id}/overrides/{alias}")
def _remove_override(account: Account, query: Query, body: Body, identifier: str, alias: str) -> Answered:
    _override(account, query, body, identifier, alias)
    del _schedule(account, query, identifier)["overrides"][alias]
    return 200, None


# --- Alerts and heartbeats -------------------------------------------------------------------------------------------


def _accepted(request: str) -> Answered:
    return 202, {"_whole": {"result": "Request will be processed"}, "_request": request}


@route("POST", "/v2/alerts")
def _alert(account: Account, query: Query, body: Body) -> Answered:
    return _accepted(account.alert(body))


@route("GET", "/v2/alerts/requests/{id}")
def _request(account: Account, query: Query, body: Body, name: str) -> Answered:
    return 200, account.request(name)


@route("GET", "/v2/alerts/{id}")
def _one_alert(account: Account, query: Query, body: Body, identifier: str) -> Answered:
    return 200, account.alert_found(identifier, query.get("identifierType", "id"))


@route("POST", "/v2/alerts/{id}/(acknowledge|close)")
def _act(account: Account, query: Query, body: Body, identifier: str, verb: str) -> Answered:
    return _accepted(account.act(verb, identifier, query.get("identifierType", "id")))


@route("POST", "/v2/heartbeats")
def _add_heartbeat(account: Account, query: Query, body: Body) -> Answered:
    account.named("heartbeats", body)
    account.heartbeats[body["name"]] = {"enabled": True, "expired": False, **body}
    return 201, {"name": body["name"], "enabled": True, "expired": False}


@route("GET", "/v2/heartbeats/{name}/ping")
@route("POST", "/v2/heartbeats/{name}/ping")
def _ping(account: Account, query: Query, body: Body, name: str) -> Answered:
    return 202, {"_whole": {"result": "PONG - Heartbeat received"}}


class Simulator:
    """A simulator on a port of loopback, 0 for any; `calls` are (method, path), `account` what it holds."""

    def __init__(self, account: Account, port: int = 0) -> None:
        self.account = account
        self.calls: list[tuple[str, str]] = []
        self.recent: deque[float] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Talk)
        self._server.daemon_threads = True
        self._server.keeper = self  # type: ignore[attr-defined]  # how the handler finds us
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        """Answer until somebody closes."""
        self._server.serve_forever(0.02)

    def begin(self) -> "Simulator":
        """Answer in the background."""
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def writes(self) -> list[tuple[str, str]]:
        """The calls that could change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method: str, target: str, key: str, body: Body) -> Answered:
        """Faults first, then the key, then what the account says."""
        parts = urlsplit(target)
        switches = self.account.switches
        time.sleep(switches["latency"])
        with self.account.lock:
            self.calls.append((method, parts.path))
            self._stumble(switches)
            if key != f"GenieKey {self.account.key}":
                raise Refused(401, "Could not authenticate")
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            for verb, pattern, function in ROUTES:
                match = pattern.match(parts.path)
                if verb == method and match:
                    return function(self.account, query, body, *map(unquote, match.groups()))
        raise Refused(404, "Page not found")

    def _stumble(self, switches: Body) -> None:
        if switches["die_after"] is not None:
            if switches["die_after"] <= 0:
                raise Refused(503, "Service is not available")
            switches["die_after"] -= 1
        if switches["fail"]:
            status = switches["fail"].pop(0)
            if status:
                raise Refused(status, "The simulator was told to fail.")
        now = time.monotonic()
        while self.recent and now - self.recent[0] > 60:
            self.recent.popleft()
        if switches["per_minute"] is not None and len(self.recent) >= switches["per_minute"]:
            raise Refused(429, "You are making too many requests! Please try again later.")
        self.recent.append(now)


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        keeper: Simulator = self.server.keeper  # type: ignore[attr-defined]  # set by Simulator
        begun, name = time.monotonic(), str(uuid.uuid4())
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw or b"{}") or {}
            status, found = keeper.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
        except Refused as refused:
            status, found = refused.status, {"_whole": refused.body}
        except (ValueError, KeyError, TypeError):
            status, found = 400, {"_whole": {"message": "Could not read the request."}}
        is_whole = isinstance(found, dict) and "_whole" in found
        said = dict(found["_whole"]) if is_whole else {"data": found} if found is not None else {"result": "Deleted"}
        name = found.get("_request", name) if isinstance(found, dict) else name
        self._say(status, {**said, "took": round(time.monotonic() - begun, 3), "requestId": name})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class looks for these names

    def _say(self, status: int, said: Body) -> None:
        text = json.dumps(said).encode()
        self.send_response(status)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(text)),
            "X-Request-Id": said["requestId"],
            "X-Response-Time": str(said["took"]),
            "X-RateLimit-State": "THROTTLED" if status == 429 else "OK",
            "X-RateLimit-Reason": "ACCOUNT",
            "X-RateLimit-Period-In-Sec": "60" if status == 429 else "1",
        }
        if status == 404 and "not be processed" in said.get("message", ""):
            headers["X-Opsgenie-Errortype"] = "RequestNotProcessed"
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Callers read `calls` instead."""

"""Schedules in Opsgenie, over the one client that tames its SDK."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.conf import settings

from notifications.providers.opsgenie import Account, Refused
from notifications.providers.protocol import NoAnswer
from oncall import restrictions, rota
from oncall.alerting.policy import Seen
from oncall.providers.protocol import Crew, Declined, Stretch, Unanswered
from oncall.restrictions import DAYS, BadRestriction
from oncall.rota import Restriction
from oncall.sync.shapes import Form, State, moment, override_form, rotation_form

LONGEST_PAUSE = 61.0
"""How many seconds a call waits because Opsgenie asks for it; its own buckets are of a minute at most."""
TRIES, MOST_FAILURES, REST = 3, 4, 30.0
"""Tries of a call; calls without an answer after which Opsgenie counts as down; for how many seconds."""


class Line:
    """Calls that honour the rate limit, and do not wait for an Opsgenie that is down."""

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account, self._sleep, self._clock = account, sleep, clock
        self._failures, self._rests_until = 0, 0.0

    def ask(self, method: str, path: str, *, query: Sequence[tuple[str, Any]] = (), body: Any = None) -> dict[str, Any]:
        """The whole answer. Raises Refused for what will not change by itself, Unanswered for the rest."""
        if self._clock() < self._rests_until:
            raise Unanswered("Opsgenie did not answer lately and is left alone for a moment.", REST)
        for attempt in range(1, TRIES + 1):
            try:
                found = self._account.ask(method, path, query=query, body=body)
            except Refused as refused:
                self._failures = 0 if refused.status < 500 else self._failures
                self._pause(refused, is_last=attempt == TRIES)
            except NoAnswer as lost:
                raise self._failed(str(lost)) from None
            else:
                self._failures = 0
                return found
        raise AssertionError  # the last attempt returns or raises

    def _pause(self, refused: Refused, *, is_last: bool) -> None:
        if refused.status >= 500:
            raise self._failed(f"{refused.status} from Opsgenie. {refused.message}".strip())
        if refused.status != 429:
            raise refused
        wait = refused.wait or 1.0
        if is_last or wait > LONGEST_PAUSE:
            raise Unanswered("Opsgenie is asked too often.", wait)
        self._sleep(wait)

    def _failed(self, message: str) -> Unanswered:
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._failures, self._rests_until = 0, self._clock() + REST
        return Unanswered(message, REST)


class Opsgenie:
    """The provider; see `oncall.providers.protocol.Provider`. Schedules and rotations are known by their names."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def check(self) -> None:
        """Whether the key works and Opsgenie answers; raises Declined or Unanswered."""
        self._ask("GET", "/v2/schedules")

    # --- Reading -----------------------------------------------------------------------------------------------------

    def schedules(self) -> State:
        """All schedules, in one call and one more for the overrides of each."""
        rows = self._ask("GET", "/v2/schedules", query=[("expand", "rotation")])["data"]
        return {row["name"]: self._form(row) for row in rows}

    def schedule(self, name: str) -> Form | None:
        """One schedule."""
        row = self._row(name)
        return None if row is None else self._form(row)

    def people(self) -> dict[str, str]:
        """All users, page after page."""
        return {row["username"].lower(): row.get("fullName", "") for row in self._users()}

    def crews(self) -> list[Crew]:
        """The teams with their members, one call for each."""
        found = []
        for row in self._ask("GET", "/v2/teams")["data"]:
            whole = self._ask("GET", f"/v2/teams/{quote(row['id'], safe='')}")["data"]
            members = frozenset(one["user"]["username"].lower() for one in whole.get("members", []))
            found.append(Crew(row["name"], members))
        return found

    def timeline(self, schedule: str, start: datetime, weeks: int) -> list[Stretch]:
        """Opsgenie's own final timeline: its rotations together, cut neither at now nor where nothing changes."""
        query = [("identifierType", "name"), ("interval", weeks), ("intervalUnit", "weeks"), ("date", moment(start))]
        found = self._ask("GET", f"/v2/schedules/{_quoted(schedule)}/timeline", query=query)["data"]
        crews = {crew.name.lower(): crew.people for crew in self.crews()} if "team" in _kinds(found) else {}
        numbers: dict[str, int] = {}
        pieces = [piece for one in _periods(found) for piece in _pieces(one, crews, numbers)]
        emails = {number: email for email, number in numbers.items()}
        until = datetime.fromisoformat(found["endDate"])
        whole = rota.together(pieces, datetime.fromisoformat(found["startDate"]), until)
        return [
            Stretch(one.start, one.end, frozenset(emails[number] for number in one.people))
            for one in whole
            if one.people
        ]

    def _users(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            query = [("limit", 100), ("offset", len(rows))]
            page = self._ask("GET", "/v2/users", query=query)
            rows += page["data"]
            if not page["data"] or not page.get("paging", {}).get("next"):
                return rows

    def _row(self, name: str) -> dict[str, Any] | None:
        query = [("identifierType", "name")]
        return self._found(f"/v2/schedules/{_quoted(name)}", query)

    def _form(self, row: dict[str, Any]) -> Form:
        over = self._ask("GET", f"/v2/schedules/{quote(row['id'], safe='')}/overrides")["data"]
        return {
            "name": row["name"],
            "time_zone": row["timezone"],
            "team": (row.get("ownerTeam") or {}).get("name", "").lower(),
            "is_enabled": row["enabled"],
            "rotations": {one["name"]: _rotation_in(one) for one in row.get("rotations", [])},
            "overrides": {one["alias"]: _override_in(one) for one in over if one["user"].get("username")},
        }

    # --- Writing -----------------------------------------------------------------------------------------------------

    def put_schedule(self, name: str, form: Form) -> None:
        """Make a schedule, or change what is its own."""
        body = {"name": name, "timezone": form["time_zone"], "enabled": form["is_enabled"]}
        if form["team"]:
            body["ownerTeam"] = {"name": self._team_name(form["team"])}
        row = self._row(name)
        if row is None:
            self._ask("POST", "/v2/schedules", body=body)
        else:
            self._ask("PATCH", f"/v2/schedules/{quote(row['id'], safe='')}", body=body)

    def remove_schedule(self, name: str) -> None:
        """Take it away; Opsgenie refuses while an escalation names it."""
        self._remove(f"/v2/schedules/{_quoted(name)}", "identifierType")

    def put_rotation(self, schedule: str, name: str, form: Form) -> None:
        """Make or change a rotation, and look whether Opsgenie took all of it.

        Whether null clears a field is not documented; where it does not, the rotation is made anew.
        """
        body, known = _rotation_out(name, form, self._team_name), self._rotation_id(schedule, name)
        path, query = f"/v2/schedules/{_quoted(schedule)}/rotations", [("scheduleIdentifierType", "name")]
        if known is not None:
            self._ask("PATCH", f"{path}/{quote(known, safe='')}", query=query, body=body)
            read = self._ask("GET", f"{path}/{quote(known, safe='')}", query=query)["data"]
            if _rotation_in(read) == form:
                return
            self._ask("DELETE", f"{path}/{quote(known, safe='')}", query=query)
        self._ask("POST", path, query=query, body={field: said for field, said in body.items() if said is not None})

    def remove_rotation(self, schedule: str, name: str) -> None:
        """Take it away."""
        known = self._rotation_id(schedule, name)
        if known is not None:
            path = f"/v2/schedules/{_quoted(schedule)}/rotations/{quote(known, safe='')}"
            self._remove(path, "scheduleIdentifierType")

    def put_override(self, schedule: str, alias: str, form: Form) -> None:
        """Make or change an override; its alias makes this safe to repeat."""
        body: dict[str, Any] = {
            "alias": alias,
            "user": {"type": "user", "username": form["person"]},
            "startDate": form["start"],
            "endDate": form["end"],
        }
        if form["rotations"]:
            body["rotations"] = [{"name": name} for name in form["rotations"]]
        path = f"/v2/schedules/{_quoted(schedule)}/overrides/{_quoted(alias)}"
        self._ask("PUT", path, query=[("scheduleIdentifierType", "name")], body=body)

    def remove_override(self, schedule: str, alias: str) -> None:
        """Take it away."""
        path = f"/v2/schedules/{_quoted(schedule)}/overrides/{_quoted(alias)}"
        self._remove(path, "scheduleIdentifierType")

    def put_person(self, email: str, name: str) -> None:
        """Make somebody a user, whom Opsgenie then invites by mail."""
        if email not in self.people():
            body = {"username": email, "fullName": name or email, "role": {"name": "User"}}
            self._ask("POST", "/v2/users", body=body)

    def put_team(self, crew: Crew) -> None:
        """Make a team with those of its people who are users."""
        if any(one["name"].lower() == crew.name.lower() for one in self._ask("GET", "/v2/teams")["data"]):
            return
        known = set(self.people()) & crew.people
        members = [{"user": {"username": email}, "role": "user"} for email in sorted(known)]
        self._ask("POST", "/v2/teams", body={"name": crew.name, "description": "", "members": members})

    # --- Alerts ------------------------------------------------------------------------------------------------------

    def alert(self, alias: str) -> Seen | None:
        """The newest alert under this alias, and who answered it."""
        row = self._found(f"/v2/alerts/{_quoted(alias)}", [("identifierType", "alias")])
        if row is None:
            return None
        report = row.get("report") or {}
        by = report.get("acknowledgedBy") or report.get("closedBy") or row.get("owner") or ""
        return Seen(bool(row.get("acknowledged")), row.get("status") == "closed", str(by))

    def close_alert(self, alias: str) -> bool:
        """Close it; Opsgenie accepts that also for what is not there, so it is looked for first."""
        if self.alert(alias) is None:
            return False
        query = [("identifierType", "alias")]
        self._ask("POST", f"/v2/alerts/{_quoted(alias)}/close", query=query, body={"source": "Decklog"})
        return True

    def _rotation_id(self, schedule: str, name: str) -> str | None:
        rows = (self._row(schedule) or {}).get("rotations", [])
        return next((str(one["id"]) for one in rows if one["name"] == name), None)

    def _team_name(self, folded: str) -> str:
        rows = self._ask("GET", "/v2/teams")["data"]
        return next((str(one["name"]) for one in rows if one["name"].lower() == folded), folded)

    def _remove(self, path: str, word: str) -> None:
        try:
            self._line.ask("DELETE", path, query=[(word, "name")])
        except Refused as refused:
            if refused.status != 404:
                raise _declined(refused) from None

    def _found(self, path: str, query: Sequence[tuple[str, Any]]) -> dict[str, Any] | None:
        try:
            return dict(self._line.ask("GET", path, query=query)["data"])
        except Refused as refused:
            if refused.status == 404:
                return None
            raise _declined(refused) from None

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            return self._line.ask(method, path, **more)
        except Refused as refused:
            raise _declined(refused) from None


def _declined(refused: Refused) -> Declined:
    if refused.status in {401, 403}:
        return Declined(f"{refused.status} Opsgenie does not let OPSGENIE_API_KEY do this. {refused.message}".strip())
    return Declined(f"{refused.status} {refused.message}".strip())


def _quoted(name: str) -> str:
    return quote(name, safe="")


# --- The wire --------------------------------------------------------------------------------------------------------


def _rotation_in(row: dict[str, Any]) -> Form:
    return rotation_form(
        type=row["type"],
        length=row.get("length") or 1,
        start=row["startDate"],
        end=row.get("endDate"),
        turns=[(one["type"], one.get("username") or one.get("name") or "") for one in row["participants"]],
        restrictions=_limits_in(row.get("timeRestriction")),
    )


def _limits_in(limit: dict[str, Any] | None) -> tuple[Restriction, ...]:
    if not limit:
        return ()
    rows = limit.get("restrictions") or [limit["restriction"]]
    written = [
        {
            **({"start_day": one["startDay"], "end_day": one["endDay"]} if one.get("startDay") else {}),
            "start": restrictions.clock(one["startHour"] * 60 + (one.get("startMin") or 0)),
            "end": restrictions.clock(one["endHour"] * 60 + (one.get("endMin") or 0)),
        }
        for one in rows
    ]
    try:
        return restrictions.read(written)
    except BadRestriction as bad:
        raise Declined(f"Opsgenie has a time restriction that Decklog does not know. {bad}") from None


def _rotation_out(name: str, form: Form, team_name: Callable[[str], str]) -> dict[str, Any]:
    return {
        "name": name,
        "type": form["type"],
        "length": form["length"],
        "startDate": form["start"],
        "endDate": form["end"],
        "participants": [_turn_out(kind, who, team_name) for kind, who in form["turns"]],
        "timeRestriction": _limits_out(restrictions.read_stored(form["restrictions"])),
    }


def _turn_out(kind: str, who: str, team_name: Callable[[str], str]) -> dict[str, str]:
    if kind == "user":
        return {"type": "user", "username": who}
    return {"type": kind, "name": team_name(who)} if kind == "team" else {"type": kind}


def _limits_out(found: Sequence[Restriction]) -> dict[str, Any] | None:
    if not found:
        return None
    rows = [_limit_out(one) for one in found]
    if found[0].start_day is None:
        return {"type": "time-of-day", "restriction": rows[0]}
    return {"type": "weekday-and-time-of-day", "restrictions": rows}


def _limit_out(one: Restriction) -> dict[str, Any]:
    clock = {
        "startHour": one.start // 60,
        "startMin": one.start % 60,
        "endHour": one.end // 60,
        "endMin": one.end % 60,
    }
    if one.start_day is None or one.end_day is None:
        return clock
    return {"startDay": DAYS[one.start_day], "endDay": DAYS[one.end_day], **clock}


def _override_in(row: dict[str, Any]) -> Form:
    names = [one["name"] for one in row.get("rotations", []) if one.get("name")]
    return override_form(person=row["user"]["username"], start=row["startDate"], end=row["endDate"], rotations=names)


def _periods(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [period for one in found["finalTimeline"]["rotations"] for period in one.get("periods", [])]


def _kinds(found: dict[str, Any]) -> set[str]:
    return {period.get("recipient", {}).get("type", "") for period in _periods(found)}


def _pieces(period: dict[str, Any], crews: dict[str, frozenset[str]], numbers: dict[str, int]) -> list[rota.Piece]:
    who = period.get("recipient") or {}
    name = str(who.get("name", "")).lower()
    emails = crews.get(name, frozenset()) if who.get("type") == "team" else frozenset({name} if name else ())
    people = frozenset(numbers.setdefault(email, len(numbers) + 1) for email in emails)
    edges = [datetime.fromisoformat(period[edge]).astimezone(UTC) for edge in ("startDate", "endDate")]
    return [rota.Piece(edges[0], edges[1], people)] if people else []


@lru_cache(maxsize=4)
def connected(host: str, key: str) -> Opsgenie:
    """The account with this key, with one client for each process."""
    return Opsgenie(Line(Account(host, key)))


def from_settings() -> Opsgenie:
    """The account that OPSGENIE_API_KEY opens; raises Declined without one."""
    if not settings.OPSGENIE_API_KEY:
        raise Declined("Opsgenie is not connected. Set OPSGENIE_API_KEY, and OPSGENIE_REGION for an account in the EU.")
    return connected(settings.OPSGENIE_API_URL, settings.OPSGENIE_API_KEY)

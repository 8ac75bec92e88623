"""What an Opsgenie account holds and how it refuses: reference shapes, names, codes. No HTTP."""

import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.opsgenie_simulator import clock

NAME = re.compile(r"[A-Za-z0-9 ._-]{1,100}\Z")
UNPROVEN = {
    "null_clears": True,
    "schedule_patch_replaces_rotations": True,
    "lists_past_overrides": True,
    "hourly_by_wall_clock": True,
    "restrictions_keep_order": True,
}
"""Behaviour that nobody has proven against the live service; each may be set otherwise."""
FAULTS: dict[str, Any] = {"latency": 0.0, "fail": [], "die_after": None, "per_minute": None, "looks_until_done": 2}
"""Seconds before each answer; statuses of the next answers; calls that still work; calls a minute; looks at one."""


class Refused(Exception):
    """The account says no."""

    def __init__(
        self, status: int, message: str, errors: dict[str, str] | None = None, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message}
        if errors:
            self.body["errors"] = errors
        if code:
            self.body["code"] = code


class Account:
    """Users, teams, schedules, escalations, alerts and heartbeats; every method answers with the `data` of the wire."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.lock = threading.RLock()
        self.switches: dict[str, Any] = {**UNPROVEN, **FAULTS, "fail": []}
        self.users: dict[str, dict[str, Any]] = {}
        self.teams: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self.escalations: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.heartbeats: dict[str, dict[str, Any]] = {}

    # --- Things with a name ------------------------------------------------------------------------------------------

    def found(self, kind: str, identifier: str, by: str = "id") -> dict[str, Any]:
        """The schedule, team or escalation with this id or name; 404."""
        rows: dict[str, dict[str, Any]] = getattr(self, kind)
        if by not in {"id", "name"}:
            raise Refused(422, "Request body is not processable.", {"identifierType": "must be id or name"})
        one = rows.get(identifier) if by == "id" else next((x for x in rows.values() if x["name"] == identifier), None)
        if one is None:
            raise Refused(404, f"No {kind[:-1]} exists with {by} [{identifier}]")
        return one

    def named(self, kind: str, body: dict[str, Any], known: dict[str, Any] | None = None) -> None:
        """Judge a name: 422 when it is none, 409 when it is taken."""
        name = body.get("name", known and known["name"])
        if not isinstance(name, str) or not NAME.match(name):
            raise Refused(422, "Request body is not processable.", {"name": "has characters that are not allowed"})
        taken = [one for one in getattr(self, kind).values() if one["name"] == name and one is not known]
        if taken:
            raise Refused(409, f"{kind[:-1].title()} with name [{name}] already exists.")

    def add(self, kind: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A team or escalation."""
        self.named(kind, body)
        one = {"id": str(uuid.uuid4()), **body, **more}
        getattr(self, kind)[one["id"]] = one
        return one

    # --- People ------------------------------------------------------------------------------------------------------

    def add_user(self, body: dict[str, Any]) -> dict[str, Any]:
        """409 when the address is known."""
        name = str(body.get("username", "")).lower()
        if "@" not in name:
            raise Refused(422, "Request body is not processable.", {"username": "must be an e-mail address"})
        if any(one["username"].lower() == name for one in self.users.values()):
            raise Refused(409, f"User with username [{name}] already exists.")
        one = {"blocked": False, "verified": True, "fullName": name, **body, "id": str(uuid.uuid4())}
        self.users[one["id"]] = one
        return one

    def user(self, who: str) -> dict[str, Any]:
        """By id or address; 404."""
        for one in self.users.values():
            if one["id"] == who or one["username"].lower() == who.lower():
                return one
        raise Refused(404, f"No user exists with username [{who}]")

    def remove_user(self, who: str) -> None:
        """428 while a rotation needs them."""
        one = self.user(who)
        for schedule in self.schedules.values():
            for rotation in schedule["rotations"]:
                if any(each.get("id") == one["id"] for each in rotation["participants"]):
                    raise Refused(428, f"User is in use by schedule [{schedule['name']}].")
        del self.users[one["id"]]

    def participant(self, one: dict[str, Any]) -> dict[str, Any]:
        """A participant with id and name, whichever of both came."""
        kind = one.get("type")
        if kind == "none":
            return {"type": "none"}
        if kind == "user":
            found = self.user(one.get("id") or one.get("username") or "")
            return {"type": "user", "id": found["id"], "username": found["username"]}
        if kind not in {"team", "escalation"}:
            raise Refused(422, "Request body is not processable.", {"participants.type": "is not known"})
        by = "id" if one.get("id") else "name"
        found = self.found(f"{kind}s", one.get(by) or "", by)
        return {"type": kind, "id": found["id"], "name": found["name"]}

    # --- Schedules ---------------------------------------------------------------------------------------------------

    def add_schedule(self, body: dict[str, Any]) -> dict[str, Any]:
        """With or without its rotations."""
        self.named("schedules", body)
        one: dict[str, Any] = {"timezone": "America/New_York", "enabled": True, "description": ""}
        one |= {"id": str(uuid.uuid4()), **body, "rotations": [], "overrides": {}}
        self._judge_schedule(one)
        one["rotations"] = [self._rotation(each) for each in body.get("rotations", [])]
        self.schedules[one["id"]] = one
        return one

    def _judge_schedule(self, one: dict[str, Any]) -> None:
        try:
            ZoneInfo(one["timezone"])
        except (ZoneInfoNotFoundError, ValueError):
            raise Refused(422, "Request body is not processable.", {"timezone": "is not known"}) from None
        if one.get("ownerTeam"):
            by = "id" if one["ownerTeam"].get("id") else "name"
            team = self.found("teams", one["ownerTeam"][by], by)
            one["ownerTeam"] = {"id": team["id"], "name": team["name"]}

    def patch_schedule(self, one: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Rotations that come along replace the old ones, with new ids."""
        self.named("schedules", body, one)
        changed = {**one, **{name: value for name, value in body.items() if name not in {"rotations", "id"}}}
        self._judge_schedule(changed)
        if "rotations" in body and self.switches["schedule_patch_replaces_rotations"]:
            changed["rotations"] = [self._rotation(each) for each in body["rotations"]]
        one.update(changed)
        return one

    def remove_schedule(self, one: dict[str, Any]) -> None:
        """428 while an escalation names it."""
        for each in self.escalations.values():
            if any(rule.get("recipient", {}).get("id") == one["id"] for rule in each.get("rules", [])):
                raise Refused(428, f"Schedule is in use by escalation [{each['name']}].")
        del self.schedules[one["id"]]

    def rotation(self, schedule: dict[str, Any], identifier: str) -> dict[str, Any]:
        """404."""
        rows: list[dict[str, Any]] = schedule["rotations"]
        for one in rows:
            if one["id"] == identifier:
                return one
        raise Refused(404, f"No rotation exists with id [{identifier}]")

    def _rotation(self, body: dict[str, Any], known: dict[str, Any] | None = None) -> dict[str, Any]:
        one = {"length": 1, "name": "", **(known or {}), **body}
        one["id"] = known["id"] if known else str(uuid.uuid4())
        errors = {name: "must not be empty" for name in ("type", "startDate", "participants") if not one.get(name)}
        if one.get("type") not in clock.STEPS:
            errors["type"] = "must be hourly, daily or weekly"
        if not isinstance(one["length"], int) or one["length"] < 1:
            errors["length"] = "must be at least 1"
        limits = (one.get("timeRestriction") or {}).get("restrictions")
        if limits is not None and not 1 <= len(limits) <= 15:
            errors["timeRestriction.restrictions"] = "must have from 1 to 15 elements"
        if errors:
            raise Refused(422, "Request body is not processable.", errors)
        one["startDate"] = snapped(one["startDate"])
        if one.get("endDate"):
            one["endDate"] = snapped(one["endDate"])
            if one["endDate"] <= one["startDate"]:
                raise Refused(422, "Request body is not processable.", {"endDate": "must be after startDate"})
        one["participants"] = [self.participant(each) for each in one["participants"]]
        return {name: value for name, value in one.items() if value is not None}

    def add_rotation(self, schedule: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """A rotation more."""
        one = self._rotation(body)
        schedule["rotations"].append(one)
        return one

    def patch_rotation(self, schedule: dict[str, Any], identifier: str, body: dict[str, Any]) -> dict[str, Any]:
        """What comes replaces what was; whether null clears is not proven."""
        one = self.rotation(schedule, identifier)
        if not self.switches["null_clears"]:
            body = {name: value for name, value in body.items() if value is not None}
        changed = self._rotation(body, one)
        schedule["rotations"][schedule["rotations"].index(one)] = changed
        return changed

    def remove_rotation(self, schedule: dict[str, Any], identifier: str) -> None:
        """Takes it away."""
        schedule["rotations"].remove(self.rotation(schedule, identifier))

    def put_override(self, schedule: dict[str, Any], alias: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make or replace an override."""
        one = {**body, "alias": alias, "user": self.participant({"type": "user", **body.get("user", {})})}
        one["startDate"], one["endDate"] = snapped(one["startDate"]), snapped(one["endDate"])
        if one["endDate"] <= one["startDate"]:
            raise Refused(422, "Request body is not processable.", {"endDate": "must be after startDate"})
        named = []
        for each in body.get("rotations", []):
            same = [x for x in schedule["rotations"] if each.get("id") == x["id"] or each.get("name") == x["name"]]
            if not same:
                raise Refused(404, "No rotation exists with this name")
            named.append({"id": same[-1]["id"], "name": same[-1]["name"]})
        one["rotations"] = named
        schedule["overrides"][alias] = one
        return one

    def overrides(self, schedule: dict[str, Any]) -> list[dict[str, Any]]:
        """Whether past ones are listed is not proven."""
        now = clock.write(datetime.now(UTC))
        found = schedule["overrides"].values()
        return [one for one in found if self.switches["lists_past_overrides"] or one["endDate"] > now]

    def timeline(self, schedule: dict[str, Any], start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The final timeline: every rotation's periods."""
        return [
            {
                "id": one["id"],
                "name": one["name"],
                "order": float(place),
                "periods": [
                    {**period, "recipient": _recipient(period["recipient"])}
                    for period in clock.periods(schedule, one, (start, end), self.switches)
                ],
            }
            for place, one in enumerate(schedule["rotations"], start=1)
        ]

    def people_at(self, schedule: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
        """Who is on call, once each."""
        found = [clock.on_call(schedule, one, at, self.switches) for one in schedule["rotations"]]
        return list({who[0]["id"]: _recipient(who[0]) for who in found if who}.values())

    def next_people(self, schedule: dict[str, Any], at: datetime) -> tuple[list[dict[str, Any]], datetime | None]:
        """Who is on call after the next change, looked for over 32 days, and when that is."""
        present, moment = self.people_at(schedule, at), at.replace(minute=0, second=0, microsecond=0)
        for _ in range(32 * 96):
            moment += clock.QUARTER
            found = self.people_at(schedule, moment)
            if found != present:
                return found, moment
        return [], None

    # --- Alerts ------------------------------------------------------------------------------------------------------

    def alert(self, body: dict[str, Any]) -> str:
        """Accept an alert and answer with the id of the request."""
        lengths = {"message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100, "user": 100}
        long = {name: f"may have {most} characters" for name, most in lengths.items() if len(body.get(name, "")) > most}
        if long or not body.get("message"):
            raise Refused(422, "Request body is not processable.", long or {"message": "can not be empty"})
        alias = body.get("alias") or str(uuid.uuid4())
        return self._request("Create", "Created alert", self._raised(alias, body))

    def _raised(self, alias: str, body: dict[str, Any]) -> dict[str, Any]:
        for one in self.alerts.values():
            if one["alias"] == alias and one["status"] == "open":
                one["count"] = min(one["count"] + 1, 100)
                return one
        count = str(len(self.alerts) + 1)
        one = {"count": 1, "acknowledged": False, "status": "open", "tinyId": count, "priority": "P3", **body}
        one |= {"alias": alias, "id": str(uuid.uuid4()), "createdAt": clock.write(datetime.now(UTC))}
        self.alerts[one["id"]] = one
        return one

    def alert_found(self, identifier: str, by: str = "id") -> dict[str, Any]:
        """By id, alias or tiny id; the newest; 404."""
        name = {"id": "id", "alias": "alias", "tiny": "tinyId"}.get(by, "id")
        found = [one for one in self.alerts.values() if one[name] == identifier]
        if found:
            return found[-1]
        raise Refused(404, "Alert does not exist")

    def act(self, verb: str, identifier: str, by: str) -> str:
        """Acknowledge or close; the request tells whether it worked."""
        try:
            one = self.alert_found(identifier, by)
        except Refused:
            return self._request(verb.title(), "Alert does not exist", None)
        done: dict[str, dict[str, Any]] = {"acknowledge": {"acknowledged": True}, "close": {"status": "closed"}}
        one.update(done.get(verb, {}))
        return self._request(verb.title(), f"{verb.title()} done", one)

    def _request(self, action: str, status: str, alert: dict[str, Any] | None) -> str:
        name = str(uuid.uuid4())
        is_done = alert is not None
        self.requests[name] = {
            "looks": 0,
            "success": is_done,
            "isSuccess": is_done,
            "action": action,
            "processedAt": clock.write(datetime.now(UTC)),
            "integrationId": "simulator",
            "status": status,
            "alertId": alert["id"] if alert else "",
            "alias": alert["alias"] if alert else "",
        }
        return name

    def request(self, name: str) -> dict[str, Any]:
        """404 until it was processed."""
        one = self.requests.get(name)
        if one is not None:
            one["looks"] += 1
        if one is None or one["looks"] < self.switches["looks_until_done"]:
            raise Refused(404, "Request not found. It might not be processed, yet.")
        return {field: value for field, value in one.items() if field != "looks"}


def _recipient(one: dict[str, Any]) -> dict[str, Any]:
    return {"id": one["id"], "type": one["type"], "name": one.get("username") or one.get("name")}


def snapped(text: str) -> str:
    """Minutes are 0 or 30, and seconds none."""
    try:
        at = clock.read(text)
    except (ValueError, AttributeError):
        raise Refused(422, "Request body is not processable.", {"startDate": "is not a date"}) from None
    return clock.write(at.replace(minute=30 if at.minute >= 30 else 0, second=0, microsecond=0))


def ahead(interval: int, unit: str) -> timedelta:
    """How long a timeline is."""
    return timedelta(days=interval * {"days": 1, "weeks": 7, "months": 30}[unit])

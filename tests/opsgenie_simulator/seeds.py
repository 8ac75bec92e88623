"""What an account holds at the beginning."""

from collections.abc import Callable
from typing import Any

from tests.opsgenie_simulator.account import Account

KEY = "0fake000-key0-of00-the0-simulator000"


def empty(account: Account) -> None:
    """Nothing."""


def people(account: Account, *emails: str) -> None:
    """Users with these addresses."""
    for email in emails:
        account.add_user({"username": email, "fullName": email.split("@")[0].title(), "role": {"name": "User"}})


def week(*emails: str, **more: Any) -> dict[str, Any]:
    """A weekly rotation of these people."""
    turns = [{"type": "user", "username": email} for email in emails]
    return {"name": "week", "type": "weekly", "startDate": "2026-01-05T08:00:00Z", "participants": turns, **more}


def demo(account: Account) -> None:
    """The invented company of `make run`, with somebody whom only Opsgenie knows."""
    ann, bo, mina = "Ann@halyard.example", "bo@halyard.example", "mina@halyard.example"
    people(account, ann, bo, mina, "contractor@elsewhere.example")
    team = account.add("teams", {"name": "Payments", "description": "Takes the money"})
    team["members"] = [{"user": {"id": account.user(one)["id"], "username": one}, "role": "user"} for one in (ann, bo)]
    nights = {"type": "time-of-day", "restriction": {"startHour": 22, "startMin": 0, "endHour": 6, "endMin": 0}}
    schedule = account.add_schedule(
        {
            "name": "halyard_primary",
            "timezone": "Europe/Berlin",
            "ownerTeam": {"name": "Payments"},
            "rotations": [week(ann, bo), {**week(mina, bo, timeRestriction=nights), "name": "nights", "type": "daily"}],
        }
    )
    body = {"user": {"username": mina}, "startDate": "2026-12-24T08:00:00Z", "endDate": "2026-12-26T08:00:00Z"}
    account.put_override(schedule, "holidays", {**body, "rotations": [{"name": "week"}]})


SEEDS: dict[str, Callable[[Account], None]] = {"empty": empty, "demo": demo}

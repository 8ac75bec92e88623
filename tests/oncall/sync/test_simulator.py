"""The simulator keeps what is known about Opsgenie, so that what holds against it may hold against the service."""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from tests.opsgenie_simulator.account import Account
from tests.opsgenie_simulator.seeds import KEY, demo, people, week
from tests.opsgenie_simulator.server import Simulator


@pytest.fixture
def simulator():
    account = Account(KEY)
    demo(account)
    running = Simulator(account).begin()
    yield running
    running.close()


def ask(simulator, method, path, body=None, key=KEY):
    """(status, answer, headers)."""
    request = urllib.request.Request(simulator.url + path, method=method)
    request.add_header("Authorization", f"GenieKey {key}")
    try:
        with urllib.request.urlopen(request, json.dumps(body).encode() if body is not None else None) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused), refused.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v2/schedules", {"name": "halyard_primary"}, 409),
        ("POST", "/v2/schedules", {"name": "what?"}, 422),
        ("POST", "/v2/schedules", {"name": "new", "rotations": [week("nobody@x.io")]}, 404),
        ("POST", "/v2/schedules", {"name": "new", "rotations": [week("bo@halyard.example", length=0)]}, 422),
        ("DELETE", "/v2/users/bo@halyard.example", None, 428),
        ("GET", "/v2/schedules/halyard_primary", None, 404),
        ("GET", "/v2/schedules/halyard_primary?identifierType=name", None, 200),
        ("GET", "/v2/schedules/halyard_primary/rotations?identifierType=name", None, 404),
        ("GET", "/v2/schedules/halyard_primary/rotations?scheduleIdentifierType=name", None, 200),
    ],
)
def test_calls_are_refused_and_named_as_opsgenie_does(simulator, method, path, body, status):
    found, answer, headers = ask(simulator, method, path, body)
    assert found == status
    assert answer["requestId"]
    assert headers["X-RateLimit-State"] == "OK"
    assert found == 200 or answer["message"]


def test_a_wrong_key_is_refused_and_too_many_calls_are_told_for_how_long(simulator):
    assert ask(simulator, "GET", "/v2/account", key="wrong")[0] == 401
    simulator.account.switches["per_minute"] = 0
    status, _, headers = ask(simulator, "GET", "/v2/account")
    assert (status, headers["X-RateLimit-State"], headers["X-RateLimit-Period-In-Sec"]) == (429, "THROTTLED", "60")


def test_minutes_snap_to_the_half_hour(simulator):
    body = {"name": "odd", "rotations": [week("bo@halyard.example", startDate="2026-01-05T08:44:10Z")]}
    assert ask(simulator, "POST", "/v2/schedules", body)[0] == 201
    found = ask(simulator, "GET", "/v2/schedules/odd?identifierType=name")[1]
    assert found["data"]["rotations"][0]["startDate"] == "2026-01-05T08:30:00Z"


def test_people_come_in_pages(simulator):
    people(simulator.account, *(f"p{number}@x.io" for number in range(120)))
    _, first, _ = ask(simulator, "GET", "/v2/users?limit=100")
    assert (first["totalCount"], len(first["data"])) == (124, 100)
    assert "offset=100" in first["paging"]["next"]


def test_an_alert_is_processed_after_it_was_accepted(simulator):
    status, accepted, _ = ask(simulator, "POST", "/v2/alerts", {"message": "down", "alias": "inc-7"})
    assert status == 202
    path = f"/v2/alerts/requests/{accepted['requestId']}"
    status, _, headers = ask(simulator, "GET", path)
    assert (status, headers["X-Opsgenie-Errortype"]) == (404, "RequestNotProcessed")
    assert ask(simulator, "GET", path)[1]["data"]["isSuccess"] is True
    assert ask(simulator, "GET", "/v2/alerts/inc-7?identifierType=alias")[1]["data"]["count"] == 1


def test_the_next_on_calls_have_their_names_swapped(simulator):
    path = "/v2/schedules/halyard_primary/next-on-calls?scheduleIdentifierType=name"
    assert isinstance(ask(simulator, "GET", path)[1]["data"]["nextOnCallRecipients"][0], dict)
    assert isinstance(ask(simulator, "GET", f"{path}&flat=true")[1]["data"]["nextOnCallParticipants"][0], str)


@pytest.mark.parametrize(("clears", "is_kept"), [(True, False), (False, True)])
def test_whether_null_clears_a_field_is_a_switch(simulator, clears, is_kept):
    simulator.account.switches["null_clears"] = clears
    (schedule,) = simulator.account.schedules.values()
    nights = schedule["rotations"][1]["id"]
    ask(simulator, "PATCH", f"/v2/schedules/{schedule['id']}/rotations/{nights}", {"timeRestriction": None})
    assert ("timeRestriction" in schedule["rotations"][1]) is is_kept


@pytest.mark.parametrize(("lists", "count"), [(True, 2), (False, 1)])
def test_whether_past_overrides_are_listed_is_a_switch(simulator, lists, count):
    simulator.account.switches["lists_past_overrides"] = lists
    (schedule,) = simulator.account.schedules.values()
    now = datetime.now(UTC)
    schedule["overrides"].clear()
    for days in (-3, 3):
        edges = {"startDate": (now + timedelta(days)).isoformat(), "endDate": (now + timedelta(days + 1)).isoformat()}
        simulator.account.put_override(schedule, f"a{days}", {"user": {"username": "bo@halyard.example"}, **edges})
    assert len(ask(simulator, "GET", f"/v2/schedules/{schedule['id']}/overrides")[1]["data"]) == count


@pytest.mark.parametrize(("by_wall_clock", "who"), [(True, "ann"), (False, "bo")])
def test_whether_hours_follow_the_wall_clock_is_a_switch(by_wall_clock, who):
    account = Account(KEY)
    people(account, "ann@x.io", "bo@x.io")
    account.switches["hourly_by_wall_clock"] = by_wall_clock
    turns = week("ann@x.io", "bo@x.io", type="hourly", length=12, startDate="2026-03-28T07:00:00Z")
    schedule = account.add_schedule({"name": "hours", "timezone": "Europe/Berlin", "rotations": [turns]})
    found = account.people_at(schedule, datetime(2026, 3, 29, 6, 30, tzinfo=UTC))
    assert [one["name"] for one in found] == [f"{who}@x.io"]

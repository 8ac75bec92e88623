"""The watch through the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.conftest import token_client
from tests.factories import make_watch

pytestmark = pytest.mark.django_db
WEEK: dict[str, Any] = {
    "name": "pay_primary",
    "timezone": "Europe/Berlin",
    "enabled": True,
    "ownerTeam": {"name": "payments"},
    "rotations": [
        {
            "name": "week",
            "type": "weekly",
            "length": 1,
            "startDate": "2026-01-05T08:00:00Z",
            "participants": [
                {"type": "user", "username": "Ann@example.com"},
                {"type": "team", "name": "delivery"},
                {"type": "none"},
            ],
            "timeRestriction": {
                "type": "weekday-and-time-of-day",
                "restrictions": [
                    {
                        "startDay": "monday",
                        "startHour": 9,
                        "startMin": 0,
                        "endDay": "friday",
                        "endHour": 18,
                        "endMin": 0,
                    }
                ],
            },
        }
    ],
}
JANUARY = {"from": "2026-01-05T00:00:00Z", "to": "2026-01-26T00:00:00Z"}


@pytest.fixture
def lead(shop):
    return token_client(shop.ann, "read", "oncall")


def test_a_schedule_goes_in_and_comes_out_in_the_shape_of_opsgenie(lead):
    made = lead.post("/api/v1/schedules", WEEK, format="json")
    assert (made.status_code, made.json()["slug"]) == (201, "pay-primary")
    answer = lead.get("/api/v1/schedules/pay-primary", JANUARY).json()
    assert [piece["on_call"] for piece in answer["final"]] == [[], ["ann@example.com"], [], ["cy@example.com"], []]
    assert answer["final"][1]["start"] == "2026-01-05T08:00:00Z", "the rotation begins at nine on Berlin's clocks"
    assert answer["final"][1]["end"] == "2026-01-09T17:00:00Z"
    assert [(gap["start"], gap["end"]) for gap in answer["gaps"]] == [
        (piece["start"], piece["end"]) for piece in answer["final"] if not piece["on_call"]
    ]
    (rotation,) = answer["rotations"]
    assert rotation["timeRestriction"] == WEEK["rotations"][0]["timeRestriction"]
    assert [turn["type"] for turn in rotation["participants"]] == ["user", "team", "none"]
    again = lead.put("/api/v1/schedules/pay-primary", WEEK, format="json")
    assert [one["id"] for one in again.json()["rotations"]] == [rotation["id"]]


def test_an_override_is_in_force_for_its_time_and_gone_when_it_is_deleted(shop, lead):
    make_watch(shop)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=4)
    at = {"at": (start + timedelta(minutes=1)).isoformat()}
    wish = {"user": "cy@example.com", "start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    made = lead.post("/api/v1/schedules/payments-primary/overrides", wish, format="json")
    assert made.status_code == 201
    assert lead.get("/api/v1/schedules/payments-primary/oncall", at).json()["on_call"] == ["cy@example.com"]
    twice = lead.post("/api/v1/schedules/payments-primary/overrides", wish, format="json")
    assert (twice.status_code, twice.json()["code"]) == (409, "overrides_overlap")
    assert lead.delete(f"/api/v1/schedules/payments-primary/overrides/{made.json()['id']}").status_code == 204
    (line,) = lead.get("/api/v1/oncall", at).json()["schedules"]
    assert line["on_call"] in (["ann@example.com"], ["bo@example.com"])


def test_a_stranger_to_the_team_overrides_nothing(shop):
    make_watch(shop)
    now = timezone.now()
    wish = {"user": "cy@example.com", "start": now.isoformat(), "end": (now + timedelta(hours=2)).isoformat()}
    client = token_client(shop.cy, "read", "oncall")
    refused = client.post("/api/v1/schedules/payments-primary/overrides", wish, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "may_override")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"timezone": "Mars/Base"}, "time_zone"),
        ({"rotations": [{**WEEK["rotations"][0], "participants": []}]}, "rotations.0.participants"),
        ({"rotations": [{**WEEK["rotations"][0], "length": 0}]}, "rotations.0.length"),
        ({"rotations": [{**WEEK["rotations"][0], "startDate": "yesterday"}]}, "rotations.0.startDate"),
        ({"name": "ü"}, "name"),
        ({"rotations": [WEEK["rotations"][0], WEEK["rotations"][0]]}, "rotations.0.name"),
    ],
)
def test_bad_input_names_its_field(lead, changed, field):
    answer = lead.post("/api/v1/schedules", {**WEEK, **changed}, format="json")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_calendars_read_every_shift(shop, lead):
    make_watch(shop)
    answer = lead.get("/api/v1/schedules/payments-primary.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    assert answer.content.count(b"BEGIN:VEVENT") > 30
    assert b"SUMMARY:Ann Lee: payments_primary" in answer.content

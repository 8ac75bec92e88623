"""What every provider promises: one suite for all of them. A provider more is a line in PROVIDERS."""

from datetime import UTC, datetime, timedelta

import pytest

from oncall.alerting.policy import Seen
from oncall.providers.native import Native
from oncall.providers.protocol import Unanswered, perform
from oncall.restrictions import read
from oncall.sync.shapes import override_form, rotation_form

PROVIDERS = ["opsgenie", "native"]
SCHEDULE = {"time_zone": "Europe/Berlin", "team": "payments", "is_enabled": True}
NIGHTS = [{"start": "22:00", "end": "06:00"}]
OFFICE = [
    {"start_day": "thursday", "start": "08:00", "end_day": "thursday", "end": "18:30"},
    {"start_day": "monday", "start": "08:00", "end_day": "tuesday", "end": "18:00"},
]
ANN, BO, CY = "ann@example.com", "bo@example.com", "cy@example.com"


def rotation(*turns, limits=(), **more):
    shown = [turn if isinstance(turn, tuple) else ("user", turn) for turn in turns]
    said = {"type": "weekly", "length": 1, "start": "2026-01-05T08:00:00Z", "end": None, **more}
    return rotation_form(turns=shown, restrictions=read(limits), **said)


@pytest.fixture(params=PROVIDERS)
def provider(request, shop):
    return Native() if request.param == "native" else request.getfixturevalue("opsgenie")


FORMS = {
    "people in turn": rotation(ANN, BO, ANN),
    "a team, and nobody on purpose": rotation(("team", "payments"), ("none", ""), CY),
    "nights": rotation(ANN, limits=NIGHTS, type="daily", end="2027-03-01T00:00:00Z"),
    "office hours, in no order": rotation(ANN, BO, limits=OFFICE, type="hourly", length=12),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_rotation_is_read_as_it_was_written_and_may_be_written_twice(provider, form):
    for _ in range(2):
        perform(provider, ("schedule", "primary", ""), SCHEDULE)
        perform(provider, ("rotation", "primary", "week"), form)
    known = provider.schedule("primary")
    assert known == {"name": "primary", **SCHEDULE, "rotations": {"week": form}, "overrides": {}}
    assert provider.schedules() == {"primary": known}


def test_what_was_set_can_be_cleared_and_what_is_gone_can_be_removed_again(provider):
    perform(provider, ("schedule", "primary", ""), SCHEDULE)
    perform(provider, ("rotation", "primary", "week"), FORMS["nights"])
    perform(provider, ("rotation", "primary", "week"), rotation(BO))
    assert provider.schedule("primary")["rotations"] == {"week": rotation(BO)}
    for _ in range(2):
        perform(provider, ("override", "primary", "a1"), None)
        perform(provider, ("rotation", "primary", "week"), None)
    assert provider.schedule("primary")["rotations"] == {}


def test_an_override_replaces_the_rotations_that_it_names(provider):
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    perform(provider, ("schedule", "primary", ""), SCHEDULE)
    perform(provider, ("rotation", "primary", "week"), rotation(ANN))
    perform(provider, ("rotation", "primary", "second"), rotation(BO))
    form = override_form(person=CY, start=start, end=start + timedelta(hours=5), rotations=["week"])
    for _ in range(2):
        perform(provider, ("override", "primary", "ours-1"), form)
    assert provider.schedule("primary")["overrides"] == {"ours-1": form}
    found = provider.timeline("primary", start - timedelta(hours=1), 1)
    assert [sorted(one.people) for one in found] == [[ANN, BO], [BO, CY], [ANN, BO]]
    assert (found[1].start, found[1].end) == (start, start + timedelta(hours=5))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe"])
def test_opsgenie_and_decklog_agree_over_thirteen_weeks_with_a_change_of_clocks(opsgenie, shop, zone):
    start = datetime(2027, 2, 15, 9, 30, tzinfo=UTC)
    found = []
    for provider in (opsgenie, Native()):
        perform(provider, ("schedule", "primary", ""), {**SCHEDULE, "time_zone": zone})
        for name, form in FORMS.items():
            perform(provider, ("rotation", "primary", name.split(",", 1)[0]), form)
        found.append(provider.timeline("primary", start, 13))
    assert found[0] == found[1]
    assert len(found[0]) > 40


def test_two_sides_with_null_that_clears_nothing_end_the_same(opsgenie, simulator):
    simulator.account.switches["null_clears"] = False
    perform(opsgenie, ("schedule", "primary", ""), {**SCHEDULE, "team": ""})
    perform(opsgenie, ("rotation", "primary", "week"), FORMS["nights"])
    perform(opsgenie, ("rotation", "primary", "week"), rotation(BO))
    assert opsgenie.schedule("primary")["rotations"] == {"week": rotation(BO)}


def test_a_call_waits_as_long_as_opsgenie_asks(opsgenie, simulator, naps):
    simulator.account.switches["fail"] = [429, 429]
    assert set(opsgenie.people()) == {ANN, BO, CY}
    assert naps == [60.0, 60.0]


def test_an_opsgenie_that_is_down_is_left_alone_for_a_moment(opsgenie, simulator):
    simulator.account.switches["die_after"] = 0
    for _ in range(8):
        with pytest.raises(Unanswered):
            opsgenie.people()
    assert len(simulator.calls) == 4


def test_an_alert_there_is_read_by_its_alias_and_closed(simulator, opsgenie):
    assert opsgenie.alert("page:1") is None
    assert not opsgenie.close_alert("page:1")
    simulator.account.alert({"message": "Checkout is down", "alias": "page:1"})
    assert opsgenie.alert("page:1") == Seen(is_acknowledged=False, is_closed=False, by="")
    alert = simulator.account.alert_found("page:1", "alias")
    alert |= {"acknowledged": True, "owner": "bo@example.com", "report": {"acknowledgedBy": "ann@example.com"}}
    assert opsgenie.alert("page:1") == Seen(is_acknowledged=True, is_closed=False, by="ann@example.com")
    assert opsgenie.close_alert("page:1")
    assert opsgenie.alert("page:1").is_closed

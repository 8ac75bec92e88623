"""A schedule keeps its meaning on every way: to Opsgenie's shape, into our rows, and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.providers import opsgenie
from oncall.providers.native import Native
from oncall.providers.protocol import perform
from oncall.restrictions import DAYS, clock, read
from oncall.sync.policy import compare
from oncall.sync.shapes import override_form, pieces_of, rotation_form

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
people = st.sampled_from(["ann@example.com", "bo@example.com", "cy@example.com"])
turns = st.one_of(people.map(lambda one: ("user", one)), st.just(("team", "payments")), st.just(("none", "")))
halves = st.integers(0, 20_000).map(lambda count: EPOCH + count * timedelta(minutes=30))
clocks = st.integers(0, 47).map(lambda half: clock(half * 30))
by_day = st.fixed_dictionaries({"start": clocks, "end": clocks})
by_week = st.fixed_dictionaries(
    {"start_day": st.sampled_from(DAYS), "start": clocks, "end_day": st.sampled_from(DAYS), "end": clocks}
)
limits: st.SearchStrategy[list[dict[str, str]]] = st.one_of(
    st.just([]), by_day.map(lambda one: [one]), st.lists(by_week, min_size=1, max_size=15)
)
rotations = st.builds(
    lambda kind, length, start, lasts, turns, limits: rotation_form(
        type=kind,
        length=length,
        start=start,
        end=start + lasts * timedelta(hours=12) if lasts else None,
        turns=turns,
        restrictions=read(limits),
    ),
    st.sampled_from(["hourly", "daily", "weekly"]),
    st.integers(1, 30),
    halves,
    st.one_of(st.none(), st.integers(1, 500)),
    st.lists(turns, min_size=1, max_size=6),
    limits,
)
named = st.dictionaries(st.sampled_from(["week", "nights", "Größe ./-"]), rotations, min_size=1, max_size=3)


@given(rotations)
def test_a_rotation_comes_back_from_opsgenies_shape_as_it_was(form):
    sent = opsgenie._rotation_out("week", form, str)
    # Opsgenie answers without what is null.
    answered = {field: said for field, said in sent.items() if said is not None}
    assert opsgenie._rotation_in(answered) == form


@st.composite
def schedules(draw):
    found = draw(named)
    overrides = draw(
        st.dictionaries(
            st.sampled_from(["ours-1", "web"]),
            st.builds(
                lambda person, start, count, on: override_form(
                    person=person, start=start, end=start + count * timedelta(hours=1), rotations=on
                ),
                people,
                halves,
                st.integers(1, 2_000),
                st.sets(st.sampled_from(sorted(found))),
            ),
            max_size=2,
        )
    )
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
    own = {"time_zone": zone, "team": "payments", "is_enabled": draw(st.booleans())}
    return {"name": "primary", **own, "rotations": found, "overrides": overrides}


@pytest.mark.django_db
def test_a_schedule_comes_back_from_our_rows_as_it_was_and_then_an_import_has_nothing_to_do(shop):
    native = Native()

    @settings(max_examples=15)
    @given(schedules())
    def keeps(form):
        local = native.schedules()
        steps = compare(local, {"primary": form}, {}, direction="import", truths=dict.fromkeys(local, "remote")).steps
        for step in steps:
            perform(native, step.key, step.after)
        assert native.schedule("primary") == form
        again = compare(native.schedules(), {"primary": form}, {}, direction="import", truths={"primary": "remote"})
        assert (again.steps, again.conflicts) == ([], [])
        assert set(pieces_of(native.schedules())) == set(pieces_of({"primary": form}))

    keeps()

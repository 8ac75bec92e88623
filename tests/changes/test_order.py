"""Whatever order a pipeline's messages arrive in, they tell the same story."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from changes.pipelines.order import OUTCOMES, fold

BASE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
moments = st.integers(0, 7200).map(lambda seconds: (BASE + timedelta(seconds=seconds)).isoformat())
evidence = st.dictionaries(
    st.sampled_from(["tests", "smoke_test", "rollback"]), st.fixed_dictionaries({"n": st.integers(0, 5)}), min_size=1
)


@st.composite
def events(draw):
    status = draw(st.sampled_from(["started", *OUTCOMES, ""]))
    event = {"received_at": draw(moments), "by": draw(st.sampled_from(["token:1", "user:2"]))}
    if status:
        event["status"] = status
        event["started_at" if status == "started" else "finished_at"] = draw(moments)
    if draw(st.booleans()) or not status:
        event["evidence"] = draw(evidence)
    for name, values in (
        ("sequence", st.integers(0, 3)),
        ("version", st.sampled_from("abc")),
        ("tickets", st.just(["T"])),
    ):
        if draw(st.booleans()):
            event[name] = draw(values)
    return event


@given(
    st.lists(events(), min_size=1, max_size=7).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_every_order_of_arrival_gives_the_same_run(both):
    one, other = both
    assert fold(one) == fold(other)


@given(st.lists(events(), min_size=1, max_size=6), st.data())
def test_a_repeated_message_changes_nothing(found, data):
    again = data.draw(st.sampled_from(found))
    assert fold(found) == fold([*found, again])


@given(st.lists(events(), min_size=1, max_size=6), events())
def test_a_run_that_is_over_stays_over(found, late):
    if fold(found).is_over:
        assert fold([*found, late]).is_over


def test_started_after_finished_does_not_reopen_the_run():
    finished = {
        "status": "succeeded",
        "finished_at": BASE.isoformat(),
        "received_at": BASE.isoformat(),
        "by": "token:1",
    }
    started = {"status": "started", "started_at": (BASE - timedelta(minutes=3)).isoformat(), **_arrived(minutes=1)}
    run = fold([finished, started])
    assert run.outcome == "succeeded"
    assert run.started_at == BASE - timedelta(minutes=3)


def test_two_different_ends_are_both_kept_and_flagged_and_the_higher_sequence_wins():
    failed = {"status": "failed", "finished_at": BASE.isoformat(), "sequence": 3, **_arrived()}
    succeeded = {
        "status": "succeeded",
        "finished_at": (BASE + timedelta(minutes=1)).isoformat(),
        "sequence": 2,
        **_arrived(),
    }
    run = fold([failed, succeeded])
    assert run.outcome == "failed"
    assert "terminal_conflict" in run.flags


def test_a_clock_that_is_ten_minutes_off_is_flagged_and_a_backfill_is_not():
    early = {"status": "succeeded", "finished_at": (BASE + timedelta(minutes=10)).isoformat(), **_arrived()}
    assert fold([early]).flags == ["clock_skew"]
    assert fold([{**early, "backfill": True}]).flags == []


def _arrived(**later: int) -> dict[str, str]:
    return {"received_at": (BASE + timedelta(**later)).isoformat(), "by": "token:1"}

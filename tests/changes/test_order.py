"""Whatever order a pipeline's messages arrive in, they tell the same story."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from changes.pipelines.order import OUTCOMES, began_at, fold

BASE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
moments = st.integers(0, 7200).map(lambda seconds: (BASE + timedelta(seconds=seconds)).isoformat())
told = moments | st.sampled_from(["2000-01-01T00:00:00+00:00", "2099-12-31T00:00:00+00:00"])
evidence = st.dictionaries(
    st.sampled_from(["tests", "smoke_test", "rollback"]), st.fixed_dictionaries({"n": st.integers(0, 5)}), min_size=1
)


@st.composite
def events(draw):
    status = draw(st.sampled_from(["started", *OUTCOMES, ""]))
    event = {"received_at": draw(moments), "by": draw(st.sampled_from(["token:1", "user:2"]))}
    if status:
        event["status"] = status
        event["started_at" if status == "started" else "finished_at"] = draw(told)
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


@given(st.lists(events(), min_size=1, max_size=6))
def test_no_run_ends_in_the_future_or_is_believed_to_have_begun_weeks_before(found):
    run = fold(found)
    latest = BASE + timedelta(hours=2, minutes=5)
    assert run.finished_at is None or run.finished_at <= latest
    ends = [moment for moment in (run.finished_at, run.heard_at) if moment]
    assert not run.began_at or not ends or run.began_at >= min(ends) - timedelta(days=7)


def test_a_finish_in_2099_is_over_five_minutes_after_it_arrived_and_flagged():
    run = fold([{"status": "succeeded", "finished_at": "2099-01-01T00:00:00Z", **_arrived()}])
    assert run.finished_at == BASE + timedelta(minutes=5)
    assert run.flags == ["clock_skew"]


def test_a_start_in_2000_is_kept_and_flagged_and_the_deploy_stands_where_it_ended():
    event = {"status": "succeeded", "started_at": "2000-01-01T00:00:00Z", "finished_at": BASE.isoformat(), **_arrived()}
    for sent in (event, {**event, "backfill": True}):
        run = fold([sent])
        assert run.flags == ["start_too_early"]
        assert run.started_at == datetime(2000, 1, 1, tzinfo=UTC)
        assert run.began_at == began_at(sent) == BASE


def test_a_run_that_was_heard_of_when_it_began_may_take_weeks():
    started = {"status": "started", "started_at": BASE.isoformat(), **_arrived()}
    finished = {"status": "succeeded", "finished_at": (BASE + timedelta(days=9)).isoformat(), **_arrived(days=9)}
    run = fold([finished, started])
    assert (run.began_at, run.flags) == (BASE, [])


def test_what_a_backfill_tells_of_last_year_is_believed():
    times = {"started_at": "2025-11-24T09:00:00Z", "finished_at": "2025-11-24T09:04:00Z"}
    run = fold([{"status": "succeeded", "backfill": True, **times, **_arrived()}])
    assert (run.began_at, run.flags) == (datetime(2025, 11, 24, 9, 0, tzinfo=UTC), [])


def test_a_start_in_the_future_is_no_way_around_a_freeze():
    started = {"status": "started", "started_at": "2099-01-01T00:00:00Z", **_arrived()}
    assert began_at(started) == BASE + timedelta(minutes=5)


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

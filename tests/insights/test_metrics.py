"""Delivery metrics against a table that was computed by hand, and against the mistakes that others made."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.insights.definitions import DEFINITIONS, GROUPS
from changes.insights.history import Commit, Deployment, FiledChange, History, Window
from changes.insights.metrics import RATIO, delivery_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 2, tzinfo=BERLIN)
WINDOW = Window(MONDAY, MONDAY + 14 * DAY, MONDAY + 30 * DAY, BERLIN, BERLIN)


def at(day, hour=10, minute=0):
    """A time on the day so many days after the first Monday."""
    return MONDAY + day * DAY + hour * HOUR + timedelta(minutes=minute)


def deploy(number, start, outcome="succeeded", *, minutes=10, commits=(), **said):
    finished = None if outcome in {"", "unknown"} else start + timedelta(minutes=minutes)
    named = {"environment": "production", "code": f"v{number}", "run": f"run {number}", **said}
    listed = tuple(Commit(f"c{number}-{place}", authored) for place, authored in enumerate(commits))
    return Deployment(number, at=start, finished_at=finished, outcome=outcome, commits=listed, **named)


TABLE = (
    # The very first one of the service: it brings its past along.
    deploy(1, at(0), commits=[at(-200)]),
    # Two commits, written 2 h and 4 h before the finish at 10:10.
    deploy(2, at(1), commits=[at(1, 8, 10), at(1, 6, 10)]),
    # Fails at 10:10; the next that succeeds finishes at 11:10.
    deploy(3, at(2), "failed", commits=[at(2, 9)]),
    deploy(4, at(2, 11), commits=[at(2, 5, 10), at(2, 3, 10)]),
    # Undoes itself on Saturday night at 23:10; recovered on Monday at 10:10, 35 h later.
    deploy(5, at(5, 23), "rolled_back"),
    deploy(6, at(7), commits=[at(6, 10, 10)]),
    # Breaks something that its pipeline does not notice: version 6 is put back at 20:00, finished 20:10.
    deploy(7, at(8), commits=[at(8, 11)]),
    deploy(8, at(8, 20), code="v6"),
    # Neither counts anywhere: one goes on, of one nobody told the end, one was called off.
    deploy(9, at(9), ""),
    deploy(10, at(9, 11), "unknown"),
    deploy(11, at(9, 12), "not_done"),
    # Outside the period, but it is what the last failure waits for.
    deploy(12, at(13, 17), "failed"),
    deploy(13, at(14, 9), commits=[at(14)]),
)
FILED = (
    FiledChange(101, "production", at(3), at(1), at(3, 12), "succeeded"),
    FiledChange(102, "production", at(4), at(4), at(4, 11), "succeeded", is_emergent=True),
    FiledChange(103, "production", at(4), at(4, 9), None, ""),
    FiledChange(104, "production", at(5), at(5, 9), at(5, 10), "not_done"),
)
HISTORY = History(TABLE, FILED, first=1)


@pytest.fixture(scope="module")
def delivery():
    return delivery_of(HISTORY, WINDOW)


def counts(groups):
    return {group.code: group.count for group in groups}


# --- The table -------------------------------------------------------------------------------------------------------


def test_lead_time_is_the_median_over_commits_of_first_finish_minus_authored(delivery):
    metric = delivery.lead_time
    # 2 h, 4 h, 6 h, 8 h, 24 h; the commit of deployment 7 was written an hour after it was deployed.
    assert (metric.value, metric.median, metric.p90) == (6 * 3600, 6 * 3600, 24 * 3600)
    assert (metric.numerator, metric.denominator, metric.n) == (5, 7, 5)
    assert counts(metric.excluded) == {"first_deployment": 1, "negative": 1, "no_commits": 1}


def test_frequency_counts_what_succeeded_per_day_and_shows_rollbacks_apart(delivery):
    metric = delivery.frequency
    # 1, 2, 4, 6 and 7; 8 puts an earlier version back.
    assert (metric.numerator, metric.denominator) == (5, 14)
    assert metric.value == pytest.approx(5 / 14)
    assert metric.group("days_without").count == 9
    assert metric.group("rollbacks").ids == (8,)
    # From one to the next: 24 h, 25 h, 119 h, 24 h.
    assert (metric.median, metric.p90) == (24.5 * 3600, 119 * 3600)


def test_recovery_is_measured_to_the_next_success_and_open_cases_are_shown():
    more = (
        deploy(20, at(10), "failed"),
        deploy(21, at(10, 10, 30)),
        deploy(22, at(11), "failed"),
        deploy(23, at(11, 12)),
    )
    metric = delivery_of(History((*TABLE, *more), (), first=1), WINDOW).recovery_time
    # 1 h, 35 h, half an hour, 2 h, and 16 h for the last, whose recovery lies behind the period.
    assert sorted(metric.group("recovered").ids) == [3, 5, 12, 20, 22]
    assert (metric.value, metric.p90, metric.numerator, metric.denominator) == (2 * 3600, 35 * 3600, 5, 5)
    assert metric.group("open").count == 0

    still = delivery_of(History((*TABLE, *more)[:12], (), first=1), WINDOW).recovery_time
    assert still.group("open").ids == (12,)
    assert still.value is None, "two recoveries are too few for a number"
    assert (still.numerator, still.denominator) == (2, 3)


def test_fail_rate_counts_deployments_that_did_not_stay_and_leaves_rollbacks_out(delivery):
    metric = delivery.fail_rate
    # 3, 5 and 12 of 1 to 7 and 12.
    assert (metric.numerator, metric.denominator, metric.value) == (3, 8, 3 / 8)
    assert (metric.group("failed").ids, metric.group("rolled_back").ids) == ((12, 3), (5,))
    assert counts(metric.excluded) == {"rollbacks": 1, "under_way": 1, "outcome_unknown": 1, "not_done": 1}


def test_rework_rate_counts_rollbacks_and_emergent_changes(delivery):
    metric = delivery.rework_rate
    # Deployment 8 and emergent change 102, of nine deployments and that change.
    assert (metric.numerator, metric.denominator, metric.value) == (2, 10, 0.2)


def test_cycle_time_runs_from_filing_to_finishing_and_too_few_make_no_number(delivery):
    metric = delivery.cycle_time
    assert (metric.value, metric.median, metric.p90) == (None, None, None)
    assert (metric.numerator, metric.denominator, metric.n) == (2, 3, 2)
    assert metric.is_too_few
    assert counts(metric.excluded) == {"unfinished": 1, "not_done": 1}


def test_off_hours_are_nights_and_weekends_where_the_office_is(delivery):
    # Saturday at 23:00, Tuesday at 20:00 and Sunday at 17:00, of nine.
    assert (delivery.off_hours.numerator, delivery.off_hours.denominator) == (3, 9)
    tokyo = Window(WINDOW.start, WINDOW.end, WINDOW.now, BERLIN, ZoneInfo("Asia/Tokyo"))
    # 10:00 in Berlin is 18:00 in Tokyo, and Sunday afternoon is Monday at one in the morning.
    assert delivery_of(HISTORY, tokyo).off_hours.numerator == 9


# --- The edges -------------------------------------------------------------------------------------------------------


def only(*deployments, confirmed=(), first=None, window=WINDOW):
    return delivery_of(History(deployments, (), first, frozenset(confirmed)), window)


def test_four_broken_deployments_of_23_are_17_percent_however_many_incidents_they_cause():
    incidents = [1, 1, 2, 3, 3, 4]  # Counted as incidents these would be 26.1 %.
    metric = only(*(deploy(n, at(n % 14, n)) for n in range(1, 24)), confirmed=incidents).fail_rate
    assert f"{metric.value:.1%}" == "17.4%"


def test_a_rate_never_exceeds_one_though_each_deployment_causes_two_incidents():
    metric = only(*(deploy(n, at(n)) for n in range(1, 6)), confirmed=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5]).fail_rate
    assert (metric.numerator, metric.denominator, metric.value) == (5, 5, 1.0)


def test_an_incident_of_another_service_does_not_make_this_one_fail():
    metric = only(*(deploy(n, at(n)) for n in range(1, 7)), confirmed=[900]).fail_rate
    assert (metric.numerator, metric.value) == (0, 0.0)


def test_a_failed_deploy_that_a_pipeline_reports_and_people_confirm_counts_once():
    failed = deploy(1, at(1), "failed")
    metric = only(failed, *(deploy(n, at(n)) for n in range(2, 7)), confirmed=[1]).fail_rate
    assert metric.numerator == 1


def test_a_commit_belongs_to_the_deploy_that_names_it_not_to_the_one_that_came_next():
    fix = Commit("fix", at(1, 8))
    passing_by = Deployment(2, "production", at(1, 9), at(1, 9, 5), "succeeded", "v2")
    bearer = Deployment(3, "production", at(2, 8), at(2, 8, 0), "succeeded", "v3", commits=(fix,))
    again = Deployment(4, "production", at(3, 8), at(3, 8, 0), "succeeded", "v4", commits=(fix,))
    history = History((again, bearer, passing_by), (), None)
    assert history.arrivals["fix"][0] is bearer
    assert delivery_of(history, WINDOW).lead_time.group("commits").ids == (3,)


def test_a_commit_that_only_a_failed_deploy_named_has_not_reached_production():
    assert only(deploy(1, at(1), "failed", commits=[at(0)])).lead_time.denominator == 0


def test_a_commit_deployed_before_the_period_is_not_counted_again_in_it():
    early = Deployment(1, "production", at(-3), at(-3, 11), "succeeded", "v1", commits=(Commit("x", at(-4)),))
    late = Deployment(2, "production", at(3), at(3, 11), "succeeded", "v2", commits=(Commit("x", at(-4)),))
    assert only(early, late).lead_time.denominator == 0


def test_backfilled_deploys_stay_out_of_lead_time_unless_they_name_commits():
    silent = deploy(1, at(1), is_backfilled=True)
    speaking = deploy(2, at(2), is_backfilled=True, commits=[at(2, 9)])
    metric = only(silent, speaking).lead_time
    assert metric.numerator == 1
    assert metric.group("backfilled").ids == (1,)


def test_one_run_to_two_environments_is_one_deployment_a_day():
    twins = [deploy(n, at(n // 2), run=f"run {n // 2}", environment=("eu", "us")[n % 2]) for n in range(12)]
    metric = only(*twins).frequency
    assert metric.numerator == 6
    assert metric.group("further_environments").count == 6


def test_a_failure_in_one_environment_does_not_recover_by_a_success_in_another():
    metric = only(deploy(1, at(1), "failed", environment="eu"), deploy(2, at(2), environment="us")).recovery_time
    assert metric.group("open").ids == (1,)


def test_going_forward_again_after_a_rollback_is_no_rollback():
    story = [deploy(1, at(1)), deploy(2, at(2)), deploy(3, at(3), code="v1"), deploy(4, at(4), code="v2")]
    assert History(tuple(story)).rollbacks == {3}


def test_deploying_the_same_version_twice_or_without_naming_one_is_no_rollback():
    story = [deploy(1, at(1)), deploy(2, at(2), code="v1"), deploy(3, at(3), code=""), deploy(4, at(4), code="")]
    assert History(tuple(story)).rollbacks == frozenset()


def test_what_undid_itself_needs_no_rollback_and_the_next_deploy_of_the_old_version_is_none():
    story = [deploy(1, at(1)), deploy(2, at(2), "rolled_back"), deploy(3, at(3), code="v1")]
    assert History(tuple(story)).rollbacks == frozenset()


def test_putting_the_old_version_back_after_a_failed_deploy_is_a_rollback():
    story = [deploy(1, at(1)), deploy(2, at(2), "failed"), deploy(3, at(3), code="v1")]
    assert History(tuple(story)).rollbacks == {3}


def test_the_last_72_hours_are_provisional():
    window = Window(MONDAY, MONDAY + 14 * DAY, at(10), BERLIN, BERLIN)
    metric = only(*(deploy(n, at(n)) for n in range(10)), window=window).fail_rate
    assert metric.group("provisional").ids == (9, 8)


def test_a_running_period_is_divided_by_the_days_that_have_passed():
    window = Window(MONDAY, MONDAY + 90 * DAY, MONDAY + 10 * DAY, BERLIN, BERLIN)
    metric = only(*(deploy(n, at(n)) for n in range(5)), window=window).frequency
    assert (metric.denominator, metric.value, metric.group("days_without").count) == (10, 0.5, 5)


def test_nothing_at_all_gives_zeros_and_no_numbers():
    for metric in delivery_of(History(), WINDOW).metrics:
        assert (metric.value, metric.n, metric.is_too_few) == (None, 0, False)


def test_every_metric_and_every_group_has_words(delivery):
    for metric in delivery.metrics:
        assert DEFINITIONS[metric.key].formula
        assert {group.code for group in (*metric.counted, *metric.excluded)} <= set(GROUPS)


# --- Whatever there is -----------------------------------------------------------------------------------------------

OUTCOMES = ["succeeded", "succeeded_with_issues", "failed", "rolled_back", "partial", "not_done", "unknown", ""]
hours = st.integers(min_value=-100, max_value=500)


@st.composite
def histories(draw):
    made = []
    for number in range(draw(st.integers(0, 25))):
        start = MONDAY + draw(hours) * HOUR
        authored = draw(st.lists(st.integers(0, 8), max_size=3))
        made.append(
            Deployment(
                number,
                draw(st.sampled_from(["eu", "us"])),
                start.astimezone(UTC),
                draw(st.sampled_from([None, start + HOUR, start + 5 * HOUR])),
                draw(st.sampled_from(OUTCOMES)),
                draw(st.sampled_from(["", "v1", "v2", "v3", "v4"])),
                draw(st.sampled_from(["", "one", "two", f"run {number}"])),
                draw(st.booleans()),
                commits=tuple(Commit(f"c{n}", start - n * HOUR if n else None) for n in authored),
            )
        )
    filed = [
        FiledChange(
            1000 + n, "eu", start, start - HOUR, draw(st.sampled_from([None, start + HOUR])), "succeeded", bool(n % 2)
        )
        for n, start in enumerate(MONDAY + hour * HOUR for hour in draw(st.lists(hours, max_size=8)))
    ]
    first = draw(st.sampled_from([None, 0, 3]))
    return History(tuple(made), tuple(filed), first, frozenset(draw(st.sets(st.integers(0, 30)))))


@given(histories())
def test_rates_stay_within_nothing_and_all_and_nothing_is_counted_twice(history):
    for metric in delivery_of(history, WINDOW).metrics:
        assert metric.numerator >= 0
        if metric.unit == RATIO:
            assert metric.numerator <= metric.denominator
            assert metric.value is None or 0 <= metric.value <= 1
        if metric.median is not None:
            assert metric.p90 is not None
            assert 0 <= metric.median <= metric.p90
        assert (metric.value is None) == (metric.n < 5)


@given(histories(), st.randoms())
def test_the_order_of_rows_makes_no_difference(history, dice):
    deployments, filed = list(history.deployments), list(history.filed)
    dice.shuffle(deployments)
    dice.shuffle(filed)
    shuffled = History(tuple(deployments), tuple(filed), history.first, history.confirmed)
    assert delivery_of(shuffled, WINDOW) == delivery_of(history, WINDOW)


@given(histories(), hours)
def test_two_halves_of_a_period_add_up_to_the_whole(history, hour):
    middle = min(max(MONDAY + hour * HOUR, WINDOW.start), WINDOW.end)
    halves = [
        Window(start, end, WINDOW.now, BERLIN, BERLIN) for start, end in ((WINDOW.start, middle), (middle, WINDOW.end))
    ]
    whole = delivery_of(history, WINDOW)
    parts = [delivery_of(history, half) for half in halves]
    for name in ("lead_time", "recovery_time", "fail_rate", "rework_rate", "cycle_time", "off_hours"):
        assert getattr(whole, name).numerator == sum(getattr(part, name).numerator for part in parts)

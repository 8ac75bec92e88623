"""The plan of a page, without a database: when each step comes, and that each comes as often as it was told."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from oncall.paging.policy import (
    LINK_WORKS,
    MOST_REPEATS,
    MOST_STEPS,
    Plan,
    Step,
    answer_link_works,
    escalation_is_sound,
    next_step_at,
    page_can_be_answered,
    plan_of,
)
from oncall.paging.states import MOVES, State

BEGAN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
steps = st.builds(
    Step, st.sampled_from(["schedule", "user", "team"]), st.integers(1, 9), st.just("x"), st.integers(1, 1440)
)
plans = st.builds(
    Plan, st.just("checkout"), st.lists(steps, min_size=1, max_size=MOST_STEPS), st.integers(0, MOST_REPEATS)
)


@given(plans, st.data())
def test_steps_come_in_order_none_before_its_time_and_each_as_often_as_the_plan_says(plan, data):
    at, number, taken = BEGAN, 0, []
    while (step := plan.step(number)) is not None:
        has_reached = data.draw(st.booleans())
        following = next_step_at(step, at=at, has_reached=has_reached)
        assert following - at == (timedelta(minutes=step.wait) if has_reached else timedelta())
        taken.append(step)
        at, number = following, number + 1
    assert taken == list(plan.steps) * (plan.repeat + 1)
    assert number == plan.length
    assert plan.step(number + 1) is None


@given(plans)
def test_a_plan_is_the_same_after_it_was_stored(plan):
    stored = plan.as_json()
    assert plan_of(stored).as_json() == stored
    assert list(plan_of(stored).steps) == list(plan.steps)


@given(st.lists(st.integers(-5, 2000), max_size=MOST_STEPS + 3), st.integers(-2, MOST_REPEATS + 2))
def test_a_policy_is_kept_only_when_it_ends_and_gives_everybody_time(waits, repeat):
    is_fine = 1 <= len(waits) <= 20 and all(1 <= wait <= 1440 for wait in waits) and 0 <= repeat <= 9
    assert (escalation_is_sound(waits, repeat=repeat).outcome == "allowed") is is_fine


def test_what_ended_never_pages_again_and_only_what_ran_out_can_still_be_answered():
    assert all(State.PAGING not in after for after in MOVES.values())
    assert {state for state, after in MOVES.items() if State.ACKNOWLEDGED in after} == {State.PAGING, State.EXHAUSTED}
    answered = {state for state in State if page_can_be_answered(state).outcome == "allowed"}
    assert answered == {State.PAGING, State.EXHAUSTED, State.ACKNOWLEDGED}


def test_a_link_works_for_a_day():
    outcomes = [
        answer_link_works(created_at=BEGAN, now=BEGAN + age).outcome
        for age in (timedelta(), LINK_WORKS, LINK_WORKS + timedelta(seconds=1))
    ]
    assert outcomes == ["allowed", "allowed", "refused"]

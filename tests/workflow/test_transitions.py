"""The one mover, walked pair by pair."""

import itertools

import pytest
from django.utils import timezone

from changes.models import Change
from changes.states import MOVES, State
from workflow.errors import Conflict
from workflow.transitions import move

PAIRS = list(itertools.product(State.values, State.values))


def make_change(shop, state: str) -> Change:
    return Change.objects.create(
        origin="person",
        authorization="reviewed",
        state=state,
        title="Rotate keys",
        service=shop.checkout,
        environment=shop.production,
        at=timezone.now(),
    )


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_a_change_moves_exactly_as_the_table_says(shop, start, end):
    change = make_change(shop, start)
    if end in MOVES[start]:
        move(change, end, moves=MOVES)
        assert Change.objects.get().state == end
        return
    with pytest.raises(Conflict) as refusal:
        move(change, end, moves=MOVES)
    assert refusal.value.code == "transition_illegal"
    assert Change.objects.get().state == start


def test_of_two_that_saw_the_same_state_only_one_moves_it(shop):
    change = make_change(shop, State.SUBMITTED)
    other = Change.objects.get()
    move(change, State.APPROVED, moves=MOVES)
    with pytest.raises(Conflict, match="somebody else was faster"):
        move(other, State.REJECTED, moves=MOVES)
    assert Change.objects.get().state == State.APPROVED

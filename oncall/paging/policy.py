"""The rules of paging. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oncall.paging.states import State
from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
MOST_STEPS, MOST_REPEATS = 20, 9
SHORTEST_WAIT, LONGEST_WAIT, USUAL_WAIT = 1, 24 * 60, 5
"""Minutes a step has before the next one begins."""
LINK_WORKS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """Whom a step is for: `type` is schedule, user or team, `id` its row, `name` its name; `wait` is minutes."""

    type: str
    id: int
    name: str
    wait: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a page and how often all of them are repeated, as it was when the page began."""

    name: str
    steps: Sequence[Step]
    repeat: int = 0

    @property
    def length(self) -> int:
        """How many steps there are in all rounds."""
        return len(self.steps) * (self.repeat + 1)

    def step(self, number: int) -> Step | None:
        """The step with this number, counted from 0 over all rounds; None after the last one."""
        return self.steps[number % len(self.steps)] if number < self.length else None

    def as_json(self) -> dict[str, Any]:
        """The plan as it is stored."""
        steps = [{"type": one.type, "id": one.id, "name": one.name, "wait": one.wait} for one in self.steps]
        return {"name": self.name, "repeat": self.repeat, "steps": steps}


def plan_of(said: Mapping[str, Any]) -> Plan:
    """The plan out of what is stored."""
    return Plan(said["name"], [Step(**step) for step in said["steps"]], said["repeat"])


def next_step_at(step: Step, *, at: datetime, has_reached: bool) -> datetime:
    """When the next step begins: after its wait, or at once when this one reached nobody."""
    return at + timedelta(minutes=step.wait) if has_reached else at


def page_can_be_answered(state: str) -> Decision:
    """A page is acknowledged while it goes on, and also late, after nobody answered; twice is as good as once."""
    if state == State.CANCELLED:
        return Decision("page_can_be_answered", REFUSED, "This page was cancelled, so nobody waits for an answer.")
    return Decision("page_can_be_answered", ALLOWED, "Somebody waits for an answer.")


def answer_link_works(*, created_at: datetime, now: datetime) -> Decision:
    """The link in a message answers its page for a day; then one signs in."""
    if now - created_at > LINK_WORKS:
        return Decision("answer_link_works", REFUSED, "This link is older than a day. Sign in to see the page.")
    return Decision("answer_link_works", ALLOWED, "It is younger than a day.")


def escalation_is_sound(waits: Sequence[int], *, repeat: int) -> Decision:
    """A policy has 1 to 20 steps that wait 1 minute to 24 hours each, and is repeated 9 times at most."""
    rule = "escalation_is_sound"
    if not 1 <= len(waits) <= MOST_STEPS:
        return Decision(rule, REFUSED, f"Give it 1 to {MOST_STEPS} steps.")
    if not all(SHORTEST_WAIT <= wait <= LONGEST_WAIT for wait in waits):
        return Decision(rule, REFUSED, f"A step waits {SHORTEST_WAIT} to {LONGEST_WAIT:,} minutes.")
    if not 0 <= repeat <= MOST_REPEATS:
        return Decision(rule, REFUSED, f"Repeat it {MOST_REPEATS} times at most.")
    return Decision(rule, ALLOWED, "It can be kept so.")

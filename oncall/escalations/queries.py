"""Reads about escalation policies."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from oncall.models import EscalationPolicy, EscalationStep
from oncall.paging.queries import people_of, step_of, unreached
from workflow.errors import Missing


class Reach(NamedTuple):
    """Whom a step would page at a moment: each person with why a page would not get through, empty when it would."""

    step: EscalationStep
    people: list[tuple[User, str]]

    @property
    def is_gap(self) -> bool:
        """Whether it would reach nobody."""
        return all(because for _, because in self.people)


def in_full() -> QuerySet[EscalationPolicy]:
    """All policies with what is shown of them."""
    steps = EscalationStep.objects.select_related("schedule", "user", "team").order_by("position")
    return EscalationPolicy.objects.select_related("team").prefetch_related(
        Prefetch("steps", queryset=steps), "services"
    )


def policy_named(slug: str) -> EscalationPolicy:
    """The policy at this address; raises Missing."""
    found = in_full().filter(slug=slug).first()
    if found is None:
        raise Missing("not_found", f"There is no escalation policy {slug[:64]}.")
    return found


def reaches(row: EscalationPolicy, *, at: datetime) -> list[Reach]:
    """Whom each step of a policy would page at a moment."""
    found = [(step, people_of(step_of(step), at=at)) for step in row.steps.all()]
    lacking = unreached(list({person.pk: person for _, people in found for person in people}.values()))
    return [Reach(step, [(person, lacking[person.pk]) for person in people]) for step, people in found]

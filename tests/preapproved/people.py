"""Who proposes and approves templates in these tests, and the template they do it with."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership, User
from changes.models import Change, Template, Ticket
from changes.preapproved import actions, queries
from changes.preapproved.content import Terms
from changes.tickets.risk_policy import RISK_QUESTIONS
from tests.factories import Shop, make_user
from workflow.errors import RuleViolation

TERMS = Terms(
    name="Rotate keys",
    title="Rotate the API keys of checkout",
    services=["checkout"],
    environment="production",
    description="All keys of the provider.",
    reason="They expire every 90 days.",
    risk_answers=dict.fromkeys(RISK_QUESTIONS, False),
    test_evidence="Done in UAT the week before.",
    rollback_plan="The old keys stay valid for a day; put them back.",
    rollback_minutes=5,
    verification_plan="A payment with each provider goes through.",
)


@dataclass
class Team:
    """Payments with Ann, who leads it, Bo and Dan."""

    shop: Shop
    dan: User

    def propose(self, *, by: Any = None, slug: str = "rotate-keys", **changed: Any) -> Template:
        """Propose a template, by Dan unless somebody else is named."""
        return actions.propose_template(slug, replace(TERMS, **changed), by=caller_of_person(by or self.dan))

    def approve(self, by: Any, *, slug: str = "rotate-keys", seen: str = "") -> Template:
        """Approve it as it stands."""
        seen = seen or Template.objects.get(slug=slug).digest
        return actions.approve_template(slug, seen=seen, by=caller_of_person(by))

    def change(self, by: Any, *, slug: str = "rotate-keys", **changed: Any) -> Template:
        """Change it."""
        return actions.change_template(slug, replace(TERMS, **changed), by=caller_of_person(by))

    def approved(self, **changed: Any) -> Template:
        """A template by Dan that Ann and Bo approved."""
        slug = self.propose(**changed).slug
        self.approve(self.shop.ann, slug=slug)
        return self.approve(self.shop.bo, slug=slug)

    def made_from(self, template: Template, outcome: str = "succeeded") -> Change:
        """A change that was made from it and ended."""
        now = timezone.now()
        change = Change.objects.create(
            origin="person",
            authorization="template",
            state="closed",
            outcome=outcome,
            title=template.title,
            service=self.shop.checkout,
            environment=self.shop.production,
            requester=self.shop.bo,
            at=now,
            finished_at=now,
        )
        ticket = Ticket.objects.create(change=change, template=template, implementer=self.shop.bo, digest="x")
        ticket.services.add(self.shop.checkout)
        return change


def make_team(shop: Shop) -> Team:
    """The team, with Dan in it."""
    dan = make_user("dan@example.com", "Dan Roe")
    Membership.objects.create(team=shop.payments, user=dan)
    return Team(shop, dan)


def state_of(slug: str = "rotate-keys") -> str:
    """As the database has it."""
    return Template.objects.get(slug=slug).state


def is_usable(slug: str = "rotate-keys") -> bool:
    """Whether a change could be made from it now."""
    return slug in [template.slug for template in queries.usable_templates()]


def refusal(work: Any, *args: Any, **kwargs: Any) -> RuleViolation:
    """The refusal that this ends in."""
    with pytest.raises(RuleViolation) as caught:
        work(*args, **kwargs)
    return caught.value

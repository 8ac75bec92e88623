"""The rules for templates: who approves them, how long that lasts, what ends it. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from changes.states import Authorization, Outcome, Risk, State
from changes.tickets.policy import OWN_PARTS, Circle, approvals_suffice, missing_parts
from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
PROPOSED, APPROVED = "proposed", "approved"
DEMOTED, KEPT = "demoted", "kept"
VALID_FOR = timedelta(days=180)
"""How long two approvals last."""
RENEWAL = timedelta(days=14)
"""The end of that time, in which the author is told and the template may be approved anew without a break."""
LEVEL = Risk.HIGH
"""A template lets many changes through unseen, so it is approved as one change of high risk would be."""

# --- Who may write one -----------------------------------------------------------------------------------------------


def may_propose_template(*, owns_a_service: bool, is_admin: bool) -> Decision:
    """People of a team that owns one of its services propose, change and retire a template; so may administrators."""
    if owns_a_service or is_admin:
        return Decision("may_propose_template", ALLOWED, "Their team owns a service of it, or they administer.")
    because = "Only somebody of a team that owns one of its services, or an administrator, can do this."
    return Decision("may_propose_template", REFUSED, because)


def template_complete(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, sentence) for each part that a reviewed change must say and the template does not; the window is left."""
    found = missing_parts(content, authorization=Authorization.REVIEWED)
    return [(name, sentence) for name, sentence in found if name not in OWN_PARTS]


# --- Who must approve ------------------------------------------------------------------------------------------------


def template_approved(circle: Circle, approved_by: Sequence[int]) -> Decision:
    """Two people approve a template, a lead of each owning team among them; the other may be any member of one.

    Neither wrote a part of it, and both had their role before it was proposed: the rules of a change of high risk.
    `approved_by` are the ids of those whose approval stands. With more than two owning teams, each of their leads is
    asked, so there are more than two.
    """
    decision = approvals_suffice(circle, approved_by)
    outcome = APPROVED if decision.outcome == State.APPROVED else PROPOSED
    return Decision("template_approved", outcome, decision.because)


def template_approvable(*, state: str, approved_until: datetime | None, now: datetime) -> Decision:
    """A template is approved while it is proposed, and anew in the last 14 days of its time and afterwards."""
    rule = "template_approvable"
    if state == PROPOSED:
        return Decision(rule, ALLOWED, "It waits for approval.")
    if state != APPROVED or approved_until is None:
        because = f"A template that is {state} is approved only after somebody has proposed it again."
        return Decision(rule, REFUSED, because)
    if now < approved_until - RENEWAL:
        because = f"It is approved until {approved_until:%d %B %Y}. It can be approved anew in the 14 days before."
        return Decision(rule, REFUSED, because)
    return Decision(rule, ALLOWED, "Its time ends soon, so it may be approved anew.")


def template_as_seen(*, seen: str, present: str) -> Decision:
    """An approval is worth what its giver saw: it counts only for the text that was on the page."""
    if seen == present:
        return Decision("stale_approval", ALLOWED, "Nothing changed since it was shown.")
    because = "Somebody changed this template while you were looking. Look again, then approve."
    return Decision("stale_approval", REFUSED, because)


# --- What it is good for ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What decides whether a template may be used. `approved_digests` are those of the approvals that stand."""

    state: str
    approved_until: datetime | None
    digest: str
    digest_now: str
    approved_digests: Sequence[str]


def template_usable(facts: TemplateFacts, *, now: datetime) -> Decision:
    """A change needs no approval of its own if its template is approved, not expired and says what was approved."""
    rule = "template_usable"
    if facts.state != APPROVED:
        because = {
            PROPOSED: "It waits for approval.",
            DEMOTED: "A change made from it failed. It must be proposed and approved again.",
        }.get(facts.state, "It was retired.")
        return Decision(rule, REFUSED, because)
    if facts.approved_until is None or facts.approved_until <= now:
        return Decision(rule, REFUSED, "Its approval has expired. Two people must approve it anew.")
    as_approved = sum(digest == facts.digest_now for digest in facts.approved_digests)
    if facts.digest_now != facts.digest or as_approved < 2:
        return Decision(rule, REFUSED, "It does not say any more what two people approved.")
    return Decision(rule, ALLOWED, f"Approved until {facts.approved_until:%d %B %Y}.")


def template_demoted(*, outcome: str, caused_incident: bool) -> Decision:
    """A change from a template that failed, was rolled back or caused an incident ends what two people approved."""
    if caused_incident:
        return Decision("template_demoted", DEMOTED, "A change made from it caused an incident.")
    if outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}:
        word = "failed" if outcome == Outcome.FAILED else "was rolled back"
        return Decision("template_demoted", DEMOTED, f"A change made from it {word}.")
    return Decision("template_demoted", KEPT, "Nothing speaks against it.")


def template_expiry_told(*, approved_until: datetime | None, now: datetime) -> Decision:
    """The author is told once, 14 days before the approval of a template ends."""
    if approved_until is not None and now < approved_until <= now + RENEWAL:
        return Decision("template_expiry_told", "tell", f"Its approval ends {approved_until:%d %B %Y}.")
    return Decision("template_expiry_told", "quiet", "Its approval does not end soon.")

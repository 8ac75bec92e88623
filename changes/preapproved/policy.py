"""The rules for templates: who approves them, how long that lasts, what ends it. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from changes.states import Authorization, Outcome, Risk
from changes.tickets.policy import (
    OWN_PARTS,
    Circle,
    Judge,
    demanded_approvals,
    judges,
    missing_parts,
    people_in_words,
    persons,
)
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


def template_four_eyes(user_id: int, circle: Circle) -> Decision:
    """Whoever wrote a part of a template does not approve it.

    Nobody is excepted, whatever their role; a token counts as its owner.
    """
    because = circle.excluded.get(user_id)
    if because:
        return Decision("four_eyes", REFUSED, f"You {because}, so two other people must approve it.")
    return Decision("four_eyes", ALLOWED, "Another person than those who wrote it.")


def template_approver(user_id: int, circle: Circle) -> Decision:
    """Members and leads of the owning teams approve a template, if they were that before it was proposed.

    Administrators who belong to none of these teams do not.
    """
    may = judges(circle)
    if any(judge.user_id == user_id for judge in may):
        return Decision("template_approver", ALLOWED, "Belongs to a team that owns one of its services.")
    if any(hand.user_id == user_id and hand.since > circle.filed_at for hand in circle.hands):
        because = "You got this role after the template was proposed, so it does not count for it."
        return Decision("role_held_before", REFUSED, because)
    return Decision("template_approver", REFUSED, f"Only {people_in_words(may, last='or')} can approve this template.")


def template_quorum(circle: Circle) -> Decision:
    """Enough people must be left who may approve; said when a template is proposed, not when somebody needs it."""
    demand, may = demanded_approvals(LEVEL, circle.teams), judges(circle)
    for team in sorted(demand.lead_of):
        if not any(team in judge.leads for judge in may):
            because = f"A lead of {circle.teams[team]} must approve it, and there is none who may. {_left_out(circle)}"
            return Decision("quorum_unsatisfiable", REFUSED, because.strip())
    if persons(may) < demand.number:
        because = f"Two people must approve it, and only {people_in_words(may)} may. {_left_out(circle)}"
        return Decision("quorum_unsatisfiable", REFUSED, because.strip())
    return Decision("quorum_unsatisfiable", ALLOWED, f"{people_in_words(may, last='or')} can approve it.")


def _left_out(circle: Circle) -> str:
    told: dict[str, str] = {}
    for hand in circle.hands:
        if hand.user_id in circle.excluded:
            told[hand.name] = f"{hand.name} {circle.excluded[hand.user_id]}."
        elif hand.since > circle.filed_at:
            told[hand.name] = f"{hand.name} got the role after it was proposed."
    return " ".join(told[name] for name in sorted(told))


def template_approved(circle: Circle, approved_by: Sequence[int]) -> Decision:
    """Two people approve a template, a lead of each owning team among them; the other may be any member of one.

    Neither wrote a part of it, and both had their role before it was proposed. `approved_by` are the ids of those whose
    approval stands. With more than two owning teams, each of their leads is asked, so there are more than two.
    """
    demand, may = demanded_approvals(LEVEL, circle.teams), judges(circle)
    given = [judge for judge in may if judge.user_id in approved_by]
    led = frozenset[str]().union(*(judge.leads for judge in given))
    open_teams, more = sorted(demand.lead_of - led), max(demand.number - persons(given), 0)
    if not open_teams and not more:
        return Decision("template_approved", APPROVED, f"Approved by {people_in_words(given)}.")
    rest = [judge for judge in may if judge.user_id not in approved_by]
    if more < 2 and open_teams:
        rest = [judge for judge in rest if judge.leads & set(open_teams)]
    return Decision("template_approved", PROPOSED, f"{_wanted(more, open_teams, circle)} {_who_can(rest, more)}")


def _wanted(more: int, open_teams: Sequence[str], circle: Circle) -> str:
    teams = " and of ".join(circle.teams[team] for team in open_teams)
    if more < 2:
        whose = f", of a lead of {teams}" if teams else ""
        return f"Needs {_count(max(more, len(open_teams)))}{whose}."
    return f"Needs {_count(more)}, a lead of {teams} among them." if teams else f"Needs {_count(more)}."


def _count(number: int) -> str:
    return f"{number} more approval{'' if number == 1 else 's'}"


def _who_can(rest: Sequence[Judge], more: int) -> str:
    if not rest:
        return "Nobody who may is left."
    them = "them" if more > 1 else "it"
    return f"{people_in_words(rest, last='and' if len(rest) <= more else 'or')} can give {them}."


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

"""The rules for changes that people file: who must agree, and what may be done when. Pure: no database, no clock.

`changes.policy.POLICY_VERSION` is stored with what these rules decide as well.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from changes.mailboxes import mailbox
from changes.states import Authorization, Outcome, Risk, State, Type
from changes.tickets.risk_policy import RISK_QUESTIONS
from workflow.decisions import Decision
from workflow.lines import listed

ALLOWED, REFUSED = "allowed", "refused"
NEEDED, NOT_NEEDED = "needed", "not_needed"
REVIEW_WITHIN = timedelta(hours=24)
"""How soon somebody else must look back at a change that needs it."""
REMINDERS = (timedelta(hours=12), timedelta(hours=20))
"""When, after the start of that time, whoever can review is reminded; at its end the leads are paged."""
SETTLED_AFTER = timedelta(hours=24)
"""A finished change that nobody must review closes by itself after this time, in which its outcome can be corrected."""

# --- What must be said -----------------------------------------------------------------------------------------------

PARTS = {
    "reason": "Say why the change is made.",
    "test_evidence": "Say how it was tested and what came out.",
    "rollback_plan": "Say how to get back if it goes wrong.",
    "rollback_minutes": "Say how many minutes the way back takes.",
    "verification_plan": "Say how you will see that it worked.",
    "window_start": "Choose when it begins.",
    "window_end": "Choose when it ends.",
}
"""What a reviewed change must say before anybody is asked to approve it, and the sentence when it is missing."""
OWN_PARTS = ("window_start", "window_end")
"""What a change from a template must still say itself."""


def missing_parts(content: Mapping[str, Any], *, authorization: str) -> list[tuple[str, str]]:
    """(field, sentence) for each part that the change must say and does not."""
    if authorization == Authorization.EMERGENCY:
        is_said = content.get("reason") or content.get("incident")
        return [] if is_said else [("reason", "Say why it cannot wait, or name the incident.")]
    wanted = OWN_PARTS if authorization == Authorization.TEMPLATE else tuple(PARTS)
    found = [(name, PARTS[name]) for name in wanted if content.get(name) in {None, ""}]
    unanswered = [code for code in RISK_QUESTIONS if code not in content.get("risk_answers", {})]
    if unanswered and authorization == Authorization.REVIEWED:
        found.append(("risk_answers", f"Answer the question: {RISK_QUESTIONS[unanswered[0]].words}"))
    return found


def window_ahead(*, end: datetime, now: datetime) -> Decision:
    """A change is submitted before its window is over."""
    if end <= now:
        return Decision("window_ahead", REFUSED, "The window is over. Choose a later one.")
    return Decision("window_ahead", ALLOWED, "The window is still to come.")


# --- Who must agree --------------------------------------------------------------------------------------------------


class Hand(NamedTuple):
    """That an active person belongs to a team that owns one of the services. `since` is when they got this role."""

    user_id: int
    name: str
    email: str
    team: str
    is_lead: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Circle:
    """Everybody who has a say in one change, or in one template.

    `teams` maps the slugs of the owning teams to their names. `excluded` maps ids of people to why they may not judge
    it. `filed_at` is when it was filed, in words `filed`: a role that somebody got afterwards does not count. By
    `mailboxes` a second account of somebody who made it is known.
    """

    level: str
    teams: Mapping[str, str]
    hands: Sequence[Hand]
    excluded: Mapping[int, str]
    filed_at: datetime
    mailboxes: frozenset[str] = frozenset()
    filed: str = "the change was filed"


class Judge(NamedTuple):
    """Somebody who may approve, and the slugs of the owning teams that they lead, and of all they belong to."""

    user_id: int
    name: str
    email: str
    leads: frozenset[str]
    teams: frozenset[str] = frozenset()


class Demand(NamedTuple):
    """How many must approve, and of which teams (slugs) a lead, or anybody, must be among them."""

    number: int
    lead_of: frozenset[str]
    peer_of: frozenset[str] = frozenset()


def demanded_approvals(level: str, teams: Iterable[str]) -> Demand:
    """Low risk: a peer of each owning team. Medium: a lead of each. High: two people, with a lead of each.

    So nobody is left out because a service of a friendlier team was added. Who belongs to several counts for each.
    """
    owning = frozenset(teams)
    if level == Risk.LOW:
        return Demand(1, frozenset(), owning if len(owning) > 1 else frozenset())
    return Demand(2 if level == Risk.HIGH else 1, owning)


def four_eyes(user_id: int, circle: Circle) -> Decision:
    """Whoever requested, carries out, wrote a part of or authored a commit of a change does not judge it.

    Nobody is excepted, whatever their role; a token counts as its owner.
    """
    because = circle.excluded.get(user_id)
    if because:
        return Decision("four_eyes", REFUSED, f"You {because}, so somebody else must judge it.")
    return Decision("four_eyes", ALLOWED, "Another person than those who made it.")


def role_held_before(hand: Hand, filed_at: datetime) -> Decision:
    """A role counts only for changes that were filed after somebody got it, so nobody is promoted for a purpose."""
    if hand.since > filed_at:
        because = f"{hand.name} has had this role only since after it was filed."
        return Decision("role_held_before", REFUSED, because)
    return Decision("role_held_before", ALLOWED, "The role is older than the change.")


def judges(circle: Circle) -> list[Judge]:
    """Everybody who may approve, by name: leads of an owning team, and for low and high risk every member as well."""
    known: dict[int, list[Hand]] = {}
    for hand in circle.hands:
        is_old = role_held_before(hand, circle.filed_at).outcome == ALLOWED
        if is_old and four_eyes(hand.user_id, circle).outcome == ALLOWED:
            known.setdefault(hand.user_id, []).append(hand)
    found = [
        Judge(user_id, hands[0].name, hands[0].email, _teams(hands, leads_only=True), _teams(hands))
        for user_id, hands in known.items()
    ]
    wanted = found if circle.level != Risk.MEDIUM else [judge for judge in found if judge.leads]
    return sorted(wanted, key=lambda judge: (not judge.leads, judge.name))


def _teams(hands: Sequence[Hand], *, leads_only: bool = False) -> frozenset[str]:
    return frozenset(hand.team for hand in hands if hand.is_lead or not leads_only)


def approver_role(user_id: int, circle: Circle) -> Decision:
    """Who may approve: for low risk a member of an owning team, for medium its lead, for high either."""
    may = judges(circle)
    if any(judge.user_id == user_id for judge in may):
        return Decision("approver_role", ALLOWED, "Belongs to those who may approve it.")
    for hand in circle.hands:
        if hand.user_id == user_id and role_held_before(hand, circle.filed_at).outcome == REFUSED:
            return Decision("role_held_before", REFUSED, f"You got this role after {circle.filed}.")
    because = f"Only {people_in_words(may)} can judge it."
    return Decision("approver_role", REFUSED, because if may else "Nobody can judge it now.")


def quorum_satisfiable(circle: Circle) -> Decision:
    """Enough people must be left who may approve; said when a change is submitted, not when it is urgent."""
    rule, demand, may = "quorum_unsatisfiable", demanded_approvals(circle.level, circle.teams), judges(circle)
    for team in sorted(demand.lead_of):
        if not any(team in judge.leads for judge in may):
            return Decision(rule, REFUSED, _nobody("A lead", circle, team=team))
    for team in sorted(demand.peer_of):
        if not any(team in judge.teams for judge in may):
            return Decision(rule, REFUSED, _nobody("Somebody", circle, team=team))
    if persons(may) < demand.number:
        left = f"only {people_in_words(may)} is left" if may else "nobody is left"
        because = f"{_count(demand.number)} must approve, and {left}. {_left_out(circle)}"
        return Decision(rule, REFUSED, because.strip())
    return Decision(rule, ALLOWED, f"{people_in_words(may)} can approve it.")


def _nobody(who: str, circle: Circle, *, team: str) -> str:
    left_out = _left_out(circle, team=team, leads_only=who == "A lead")
    return f"{who} of {circle.teams[team]} must approve, and there is none who may. {left_out}".strip()


def _left_out(circle: Circle, *, team: str = "", leads_only: bool = False) -> str:
    told: dict[str, str] = {}
    for hand in circle.hands:
        if (team and hand.team != team) or (leads_only and not hand.is_lead):
            continue
        if hand.user_id in circle.excluded:
            told[hand.name] = f"{hand.name} {circle.excluded[hand.user_id]}."
        elif hand.since > circle.filed_at:
            told[hand.name] = f"{hand.name} got the role after {circle.filed}."
    return " ".join(told[name] for name in sorted(told))


def approvals_suffice(circle: Circle, approved_by: Sequence[int]) -> Decision:
    """Whether the approvals that were given are enough; `approved_by` are ids of people whose approval stands."""
    demand, may = demanded_approvals(circle.level, circle.teams), judges(circle)
    given = [judge for judge in may if judge.user_id in approved_by]
    who, part = ("a lead", "leads") if demand.lead_of else ("somebody", "teams")
    heard = frozenset[str]().union(*(getattr(judge, part) for judge in given))
    open_teams = sorted((demand.lead_of or demand.peer_of) - heard)
    more = max(demand.number - persons(given), 0 if demand.lead_of else len(open_teams))
    if not open_teams and not more:
        return Decision("approvals_suffice", State.APPROVED, f"Approved by {people_in_words(given)}.")
    rest = [judge for judge in may if judge.user_id not in approved_by]
    if open_teams and more <= 1:
        rest = [judge for judge in rest if getattr(judge, part) & set(open_teams)]
    wanted = f"{max(more, 1)} more approval{'s' if more > 1 else ''}"
    of = f", {who} of {' and of '.join(circle.teams[team] for team in open_teams)} among them" if open_teams else ""
    them = "them" if more > 1 else "it"
    can = f"; {people_in_words(rest, last='or')} can give {them}" if rest else "; nobody who may is left"
    return Decision("approvals_suffice", State.SUBMITTED, f"Needs {wanted}{of}{can}.")


def persons(judges: Sequence[Judge]) -> int:
    """How many people they are: several accounts with one mailbox are one."""
    return len({mailbox(judge.email) for judge in judges})


def people_in_words(people: Sequence[Judge], *, last: str = "and") -> str:
    """`Ann`, `Ann and Bo`, or `Ann, Bo and 3 others`; nobody if there are none."""
    return listed([person.name for person in people], last=last, most=4) or "nobody"


# --- Who may do what, and when ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parts:
    """What one person has to do with a change."""

    is_requester: bool = False
    is_implementer: bool = False
    is_lead: bool = False
    is_member: bool = False
    leads_elsewhere: bool = False


def may_edit_change(parts: Parts) -> Decision:
    """Who filed a change, who carries it out and the leads of its teams may edit, submit, revise and withdraw it."""
    if parts.is_requester or parts.is_implementer or parts.is_lead:
        return Decision("may_edit_change", ALLOWED, "Has a hand in it.")
    because = "Only who filed it, who carries it out or a lead of an owning team can do this."
    return Decision("may_edit_change", REFUSED, because)


def may_carry_out(parts: Parts) -> Decision:
    """Who carries a change out, who filed it and the leads of its teams may start and finish it."""
    if parts.is_requester or parts.is_implementer or parts.is_lead:
        return Decision("may_carry_out", ALLOWED, "Carries it out.")
    because = "Only who carries it out, who filed it or a lead of an owning team can do this."
    return Decision("may_carry_out", REFUSED, because)


def reviewer_role(parts: Parts) -> Decision:
    """Members of an owning team and leads of any team may look back at a change, if four eyes allow it."""
    if parts.is_member or parts.is_lead or parts.leads_elsewhere:
        return Decision("reviewer_role", ALLOWED, "Belongs to those who may review it.")
    return Decision("reviewer_role", REFUSED, "Only a member of an owning team or a lead of any team can review it.")


ALWAYS = frozenset({"public_note", "incident"})
"""What may be corrected until a change is closed, because nobody approved it."""
LATER = frozenset(
    {"description", "reason", "test_evidence", "rollback_plan", "rollback_minutes", "verification_plan", "risk_answers"}
)
"""What an emergency may tell while it is under way and afterwards."""
OWN_OF_TEMPLATE = ALWAYS | {"window_start", "window_end", "implementer", "commits", "sha", "title"}
"""What a change from a template says itself; the rest was approved with the template."""


def editable(fields: Iterable[str], *, state: str, authorization: str) -> Decision:
    """Before it starts everything may be edited, which voids approvals; afterwards only what nobody approved."""
    is_emergency = authorization == Authorization.EMERGENCY
    allowed: frozenset[str] | None = None
    if state in {State.IN_PROGRESS, State.FINISHED}:
        allowed = ALWAYS | LATER if is_emergency else ALWAYS
    elif state not in {State.DRAFT, State.SUBMITTED, State.APPROVED}:
        allowed = frozenset()
    elif authorization == Authorization.TEMPLATE:
        allowed = OWN_OF_TEMPLATE
    fixed = [] if allowed is None else sorted(set(fields) - allowed)
    if not fixed:
        return Decision("editable", ALLOWED, "May be edited now.")
    if authorization == Authorization.TEMPLATE and allowed:
        because = f"The template says “{fixed[0]}”, and it was approved so. File it without the template to differ."
        return Decision("template_fixed", REFUSED, because)
    return Decision("not_editable", REFUSED, f"“{fixed[0]}” cannot be edited in a change that is {state}.")


def approved_as_seen(*, seen: str, present: str) -> Decision:
    """An approval is for what its approver read: if that has changed since, it does not count."""
    if seen and seen != present:
        because = "The change was edited since you opened it. Look at what differs, and decide again."
        return Decision("stale_approval", REFUSED, because)
    return Decision("stale_approval", ALLOWED, "As it was read.")


def emergency_authorization(on_call: Mapping[int, str], *, user_id: int, is_known: bool) -> Decision:
    """An emergent change is allowed by who is on call for the service; anybody else breaks the glass, loudly.

    `on_call` maps ids of people to what they are on call for; `is_known` is False where no rota says.
    """
    rule = "emergency_authorization"
    if user_id in on_call:
        return Decision(rule, "on_call", f"On call for {on_call[user_id]}.")
    because = "Somebody else is on call." if is_known else "No rota says who is on call."
    return Decision(rule, "break_glass", f"{because} The leads are told.")


def started_in_window(*, start: datetime | None, end: datetime | None, now: datetime) -> Decision:
    """A change is carried out in the window that was approved; outside of it somebody looks back at it afterwards."""
    if start is None or end is None or start <= now < end:
        return Decision("started_in_window", ALLOWED, "Within its window.")
    return Decision("started_in_window", "outside_window", "It started outside the window that was approved.")


GOOD = frozenset({Outcome.SUCCEEDED})
SAMPLED_ONE_IN = 20
REVIEW_QUESTIONS = {
    "as_planned": "Did it go as planned?",
    "customer_impact": "Did customers notice?",
    "rollback_used": "Was the way back used?",
    "incident_caused": "Did it cause an incident?",
    "follow_up": "Is there something to follow up?",
}
"""What whoever looks back at a change answers, each with yes or no."""


@dataclass(frozen=True, slots=True)
class EndFacts:
    """What the need for a review depends on; `number` is the change's id, by which 1 in 20 is drawn."""

    type: str
    authorization: str
    risk: str
    outcome: str
    number: int
    flags: Sequence[str] = field(default_factory=tuple)


def review_needed(facts: EndFacts) -> Decision:
    """Somebody else looks back at emergencies, high risk, what did not plainly succeed and what left its window.

    Of changes from a template, 1 in 20 is looked at as well, whichever it is.
    """
    rule = "review_needed"
    if facts.authorization == Authorization.EMERGENCY or facts.type == Type.EMERGENT:
        return Decision(rule, NEEDED, "Every emergent change is reviewed by somebody else.")
    if facts.outcome not in GOOD:
        return Decision(rule, NEEDED, "It did not plainly succeed.")
    if "outside_window" in facts.flags:
        return Decision(rule, NEEDED, "It was carried out outside its window.")
    if facts.risk == Risk.HIGH:
        return Decision(rule, NEEDED, "Changes of high risk are reviewed.")
    if facts.authorization == Authorization.TEMPLATE and is_sampled(facts.number):
        return Decision(rule, NEEDED, f"It was drawn: 1 in {SAMPLED_ONE_IN} is looked at.")
    return Decision(rule, NOT_NEEDED, "Nothing asks for a review.")


def is_sampled(number: int) -> bool:
    """Whether a change's number is drawn: 1 in 20, spread evenly, the same whenever it is asked (Knuth's hash)."""
    return (number * 2_654_435_761 % 2**32) % SAMPLED_ONE_IN == 0


def reminder_due(*, due_at: datetime, reminded: int, now: datetime) -> Decision:
    """Who can review is reminded 12 and 20 hours after the review fell due to be done, and the leads paged at 24."""
    passed = reminders_passed(due_at=due_at, now=now)
    if passed <= reminded:
        return Decision("reminder_due", "quiet", "Nobody needs to be reminded now.")
    outcome = "page" if passed == len(REMINDERS) + 1 else "remind"
    return Decision("reminder_due", outcome, f"{passed} of {len(REMINDERS) + 1} reminders are due.")


def reminders_passed(*, due_at: datetime, now: datetime) -> int:
    """How many of the moments to remind, and at last to page, have passed."""
    began = due_at - REVIEW_WITHIN
    return sum(now >= began + step for step in (*REMINDERS, REVIEW_WITHIN))


def window_missed(*, state: str, end: datetime | None, now: datetime) -> Decision:
    """A change that did not start before its window was over expires."""
    if state in {State.SUBMITTED, State.APPROVED} and end is not None and end <= now:
        return Decision("window_missed", State.EXPIRED, "Its window passed before it began.")
    return Decision("window_missed", state, "Its window is not over.")


def _count(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"

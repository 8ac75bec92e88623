"""The rules of root cause analyses and of promises. Pure: no database, no clock."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from incidents.rca.states import Category, Claim, Path, State
from incidents.states import Severity
from workflow.decisions import Decision
from workflow.moments import plural

ALLOWED, REFUSED = "allowed", "refused"
CALENDAR_DAYS_SEV1, WORKING_DAYS = 3, 5
"""How long an analysis may take (PagerDuty's own policy)."""
ACTION_DAYS = {Severity.SEV1.value: 15}
USUAL_ACTION_DAYS = 30
"""How long an action may take (the same source)."""
REMINDED_DAYS_BEFORE = 3
END_OF_DAY = time(17, 0)


def rca_required(*, customer_impacting: bool | None) -> Decision:
    """Every incident that customers felt, or might have felt, is learnt from."""
    if customer_impacting is False:
        return Decision("rca_required", REFUSED, "Customers did not feel it, so an analysis is a choice.")
    return Decision("rca_required", ALLOWED, "Customers felt it.")


def rca_due_at(severity: str, *, resolved_at: datetime, zone: ZoneInfo) -> datetime:
    """When an analysis is due: after 3 calendar days for Sev 1, else after 5 working days, at 17:00 by the zone."""
    day = resolved_at.astimezone(zone).date()
    if severity == Severity.SEV1:
        return datetime.combine(day + timedelta(days=CALENDAR_DAYS_SEV1), END_OF_DAY, zone)
    left = WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime.combine(day, END_OF_DAY, zone)


def action_due(severity: str, *, decided: date) -> date:
    """Until which day an action is promised unless somebody says another: 15 days for Sev 1, else 30."""
    return decided + timedelta(days=ACTION_DAYS.get(severity, USUAL_ACTION_DAYS))


def reminded_before() -> timedelta:
    """How long before the day the first reminder of a promise goes out."""
    return timedelta(days=REMINDED_DAYS_BEFORE)


def is_reminded(due: date, *, today: date) -> bool:
    """Whether a promise is reminded of today: three days before, on the day, the day after, and then each week."""
    over = (today - due).days
    return over in {-REMINDED_DAYS_BEFORE, 0, 1} or (over > 0 and over % 7 == 0)


# --- The graph -------------------------------------------------------------------------------------------------------


class Edge(NamedTuple):
    """From the why that is asked on from, to the one that asks on."""

    parent: int
    child: int


def causes_never_circle(edges: Iterable[Edge], new: Edge) -> Decision:
    """A cause is not its own cause: an edge that would close a circle is refused."""
    children: dict[int, set[int]] = {}
    for edge in edges:
        children.setdefault(edge.parent, set()).add(edge.child)
    waiting, seen = [new.child], {new.child}
    while waiting:
        for child in children.get(waiting.pop(), set()) - seen:
            seen.add(child)
            waiting.append(child)
    if new.parent in seen:
        because = "This would make a circle: the one above would be caused by the one below."
        return Decision("causes_never_circle", REFUSED, because)
    return Decision("causes_never_circle", ALLOWED, "It makes no circle.")


def supported_needs_evidence(*, state: str, has_evidence: bool) -> Decision:
    """A claim is supported by something that others can look at: a link, a change, a line of the timeline, a note."""
    if state == Claim.SUPPORTED and not has_evidence:
        because = "A supported claim needs evidence. Add a link, a change or a note, or leave it a hypothesis."
        return Decision("supported_needs_evidence", REFUSED, because)
    return Decision("supported_needs_evidence", ALLOWED, "It says no more than is shown.")


@dataclass(frozen=True, slots=True)
class Node:
    """A why as the rules see it."""

    id: int
    claim: str
    path: str
    state: str
    category: str = ""
    stop_reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is part of the explanation; what was refuted stays visible and explains nothing."""
        return self.state != Claim.REFUTED


def leaves(nodes: Sequence[Node], edges: Collection[Edge]) -> list[Node]:
    """The root causes: whys that count and from which no why that counts asks on."""
    counting = {node.id for node in nodes if node.counts}
    asked_on = {edge.parent for edge in edges if edge.child in counting}
    return [node for node in nodes if node.counts and node.id not in asked_on]


class Fault(NamedTuple):
    """What is missing: the rule, the why it is about (0 for the analysis) and a sentence."""

    rule: str
    why: int
    because: str


def faults_before_review(nodes: Sequence[Node], edges: Collection[Edge]) -> list[Fault]:
    """What must be mended before somebody else reviews: empty when nothing is."""
    counting = [node for node in nodes if node.counts]
    asked = {node.path for node in counting}
    found = [
        Fault("both_paths_asked", 0, f"Nobody has asked yet: {path.label}")
        for path in (Path.OCCURRENCE, Path.DETECTION)
        if path not in asked
    ]
    roots = leaves(nodes, edges)
    for node in roots:
        found += _faults_of_root(node, siblings=_siblings(node, nodes, edges))
    found += [
        Fault("claims_are_shown", node.id, f"“{node.claim}” is only a hypothesis. Support or refute it.")
        for node in counting
        if node.state == Claim.HYPOTHESIS
    ]
    return found


def _faults_of_root(node: Node, *, siblings: Sequence[Node]) -> Iterable[Fault]:
    said = node.claim or "A why without an answer"
    if not node.claim:
        yield Fault("root_causes_are_named", node.id, "A why has no answer yet.")
    if not node.category:
        yield Fault("root_causes_are_named", node.id, f"“{said}” needs a category: technology, process or training.")
    if not node.stop_reason:
        yield Fault("root_causes_are_named", node.id, f"Say why nobody asks on from “{said}”.")
    if node.category == Category.TRAINING and not any(one.category != Category.TRAINING for one in siblings):
        because = f"“{said}” needs a sibling: what let the system accept the mistake?"
        yield Fault("training_needs_a_sibling", node.id, because)


def _siblings(node: Node, nodes: Sequence[Node], edges: Collection[Edge]) -> list[Node]:
    parents = {edge.parent for edge in edges if edge.child == node.id}
    if parents:
        beside = {edge.child for edge in edges if edge.parent in parents}
    else:
        below = {edge.child for edge in edges}
        beside = {one.id for one in nodes if one.path == node.path and one.id not in below}
    return [one for one in nodes if one.id in beside and one.id != node.id and one.counts]


def faults_in_words(faults: Sequence[Fault]) -> str:
    """All of them in a few sentences."""
    told = " ".join(fault.because for fault in faults[:5])
    more = len(faults) - 5
    return f"{told} And {more} more {plural('point', more)}." if more > 0 else told


# --- Who may what ----------------------------------------------------------------------------------------------------


def somebody_else_reviews(reviewer: int, authors: Collection[int]) -> Decision:
    """Who wrote a part of an analysis does not review it."""
    if reviewer in authors:
        because = "You wrote a part of it, so somebody else reviews it."
        return Decision("somebody_else_reviews", REFUSED, because)
    return Decision("somebody_else_reviews", ALLOWED, "Wrote no part of it.")


def may_decide_for_team(*, leads_affected: bool, is_admin: bool, is_restricted: bool) -> Decision:
    """That nothing is learnt, or a promise is dropped, is decided by a lead of an affected team, or an administrator.

    Administrators decide nothing about a restricted incident.
    """
    if leads_affected or (is_admin and not is_restricted):
        return Decision("may_decide_for_team", ALLOWED, "Leads an affected team, or administers.")
    because = "Only a lead of an affected team, or an administrator, decides this."
    return Decision("may_decide_for_team", REFUSED, because)


def can_be_edited(state: str) -> Decision:
    """An analysis is changed until it is published; a reviewed one becomes a draft again."""
    if state in {State.PUBLISHED, State.WAIVED}:
        because = "A published analysis stays as it was read." if state == State.PUBLISHED else "It was waived."
        return Decision("can_be_edited", REFUSED, because)
    return Decision("can_be_edited", ALLOWED, "It is not published yet.")


def owner_never_verifies(verifier: int, owner: int) -> Decision:
    """Whoever kept a promise does not prove that it works."""
    if verifier == owner:
        return Decision("owner_never_verifies", REFUSED, "You own this action, so somebody else verifies it.")
    return Decision("owner_never_verifies", ALLOWED, "Owns another action.")


def approver_is_not_owner(approver: int, owner: int) -> Decision:
    """Nobody lets themselves off a promise."""
    if approver == owner:
        return Decision("approver_is_not_owner", REFUSED, "You own this action, so a lead decides to drop it.")
    return Decision("approver_is_not_owner", ALLOWED, "Owns another action.")


def promise_is_broken(*, state: str) -> Decision:
    """A cause that hurts again shows that an action which was done against it did not work."""
    if state in {"done", "verified"}:
        return Decision("promise_is_broken", ALLOWED, "Its cause has hurt again.")
    return Decision("promise_is_broken", REFUSED, "It was not done yet.")


def minutes(spans: Mapping[int, timedelta]) -> int:
    """Whole minutes of several incidents together."""
    return int(sum(spans.values(), timedelta(0)).total_seconds() // 60)

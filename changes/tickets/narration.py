"""A filed change in words: where it stands, who must do what, what it says. Reads nothing but what it is given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from accounts.callers import Caller
from changes.models import Approval, Review
from changes.narration import Panel
from changes.states import Authorization, Outcome, Risk, State
from changes.tickets import allowed, policy, risk_policy
from changes.tickets.content import LABELS, Difference, differences, in_words
from changes.tickets.policy import REVIEW_QUESTIONS, SETTLED_AFTER, Circle
from changes.tickets.queries import Standing
from workflow import moments, tones
from workflow.decisions import Decision
from workflow.models import Entry

MOMENTS = ("window_start", "window_end")


# --- The decision ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """A change as one person looks at it."""

    standing: Standing
    by: Caller
    now: datetime
    review: Review | None = None


def panel(scene: Scene) -> Panel:
    """Where the change stands, as a sentence, and who must do what by when."""
    change = scene.standing.change
    it = tones.look(change)
    title, because = _WORDS[change.state](scene)
    return Panel(_tone(scene, it.tone), it.icon, title, because)


def _tone(scene: Scene, tone: str) -> str:
    change = scene.standing.change
    if change.state == State.DRAFT and allowed.present_decision(scene.standing).outcome == policy.REFUSED:
        return tones.look("rejected").tone
    if change.state == State.FINISHED and change.review_due_at:
        return tones.look("submitted").tone if change.review_due_at > scene.now else tones.look("rejected").tone
    return tone


def _draft(scene: Scene) -> tuple[str, str]:
    standing = scene.standing
    if standing.ticket.template:
        words = "Submitting it approves it at once, because two people approved the template."
        return (
            f"A draft from the template {standing.ticket.template.name}",
            f"{words} {missing_in_words(standing)}".strip(),
        )
    decision = allowed.present_decision(standing)
    if decision.outcome == policy.REFUSED:
        return "A draft that nobody could approve", decision.because
    asked = f"{demand_in_words(standing.circle)} {decision.because}"
    return "A draft: nobody has been asked yet", f"{asked} {missing_in_words(standing)}".strip()


def missing_in_words(standing: Standing) -> str:
    """What submitting would ask for, as sentences."""
    missing = policy.missing_parts(standing.said, authorization=standing.change.authorization)
    return " ".join(sentence for _, sentence in missing)


def _submitted(scene: Scene) -> tuple[str, str]:
    because = allowed.present_decision(scene.standing).because.rstrip(".")
    only_me = f"; {scene.by.name} can give it"
    title = f"{because.removesuffix(only_me)}, and only you can give it" if because.endswith(only_me) else because
    return title, demand_in_words(scene.standing.circle)


def demand_in_words(circle: Circle) -> str:
    """“High risk needs 2 people, a lead of Payments among them.”."""
    demand = policy.demanded_approvals(circle.level, circle.teams)
    level, teams = tones.look(circle.level, "risk").word, [circle.teams[slug] for slug in sorted(circle.teams)]
    if not demand.lead_of:
        each = "somebody of each: " if demand.peer_of else ""
        return f"{level} risk needs {'approvals' if each else '1 approval'} from {each}{' and '.join(teams)}."
    lead = f"a lead of {' and of '.join(teams)}"
    if demand.number == 1:
        return f"{level} risk needs {lead} to approve."
    return f"{level} risk needs {demand.number} people to approve, {lead} among them."


def _approved(scene: Scene) -> tuple[str, str]:
    change, ticket = scene.standing.change, scene.standing.ticket
    names = " and ".join(str(one.approver) for one in scene.standing.standing_approvals)
    how = f"Approved by {names}" if names else "Approved through its template"
    start, end = change.window_start, change.window_end
    who = "You can" if ticket.implementer_id == scene.by.user_id else f"{ticket.implementer} can"
    if start and scene.now < start:
        when = f"{moments.distance(start)}, {moments.stamp(start)} {moments.zone(start)}"
        return how, f"{who} begin when the window opens {when}."
    if end and scene.now < end:
        return how, f"{who} begin now. The window is open until {moments.stamp(end)} {moments.zone(end)}."
    return how, f"{who} begin."


def _in_progress(scene: Scene) -> tuple[str, str]:
    change, ticket = scene.standing.change, scene.standing.ticket
    since = f" since {moments.stamp(change.started_at)} {moments.zone(change.started_at)}" if change.started_at else ""
    who = "you" if ticket.implementer_id == scene.by.user_id else str(ticket.implementer)
    if change.authorization == Authorization.EMERGENCY:
        glass = "Nobody on call allowed it, so the leads were told. " if ticket.is_break_glass else ""
        return f"An emergency, under way{since}", f"{glass}{_owed(scene)} Say how it ended as soon as it is over."
    return f"Under way{since}", f"Carried out by {who}. Say how it ended when it is over."


def _owed(scene: Scene) -> str:
    due = scene.standing.change.review_due_at
    if due is None:
        return ""
    by_when = f"{moments.stamp(due)} {moments.zone(due)}"
    late = "" if due > scene.now else " That time has passed."
    return f"Somebody else must review it by {by_when}, {moments.distance(due)}.{late}"


def _finished(scene: Scene) -> tuple[str, str]:
    change = scene.standing.change
    ended = tones.look(change.outcome, "outcome").word
    if change.review_due_at:
        names = policy.people_in_words(_reviewers(scene.standing), last="or")
        can = f"{names} can do it." if names != "nobody" else "A lead of any other team can do it."
        return f"{ended}, and waits for a review", f"{_owed(scene)} {can}"
    until = (change.finished_at or scene.now) + SETTLED_AFTER
    settled = f"It closes by itself {moments.distance(until)}, unless somebody corrects how it ended."
    return f"{ended}. Nobody must review it", settled


def _reviewers(standing: Standing) -> list[policy.Judge]:
    circle = standing.circle
    known = {hand.user_id: hand for hand in circle.hands}
    fitting = [hand for hand in known.values() if policy.four_eyes(hand.user_id, circle).outcome == policy.ALLOWED]
    return [policy.Judge(hand.user_id, hand.name, hand.email, frozenset()) for hand in fitting]


def _closed(scene: Scene) -> tuple[str, str]:
    ended = tones.look(scene.standing.change.outcome or Outcome.UNKNOWN.value, "outcome").word
    return f"Closed: {ended.lower()}", f"Reviewed by {scene.review.reviewer}." if scene.review else "Nothing is owed."


def _rejected(scene: Scene) -> tuple[str, str]:
    answers = [one for one in scene.standing.approvals if one.answer == Approval.Answer.REJECTED]
    if not answers:
        return "Rejected", "Take it back into a draft, mend it, and submit it again."
    return (
        f"Rejected by {answers[-1].approver}",
        f"{answers[-1].note} Take it back into a draft, mend it, and submit it again.",
    )


def _withdrawn(scene: Scene) -> tuple[str, str]:
    return "Withdrawn", "It was given up before it began. It can be filed again."


def _expired(scene: Scene) -> tuple[str, str]:
    return "Expired", "Its window passed before it began. File it again with a new window."


_WORDS = {
    State.DRAFT.value: _draft,
    State.SUBMITTED.value: _submitted,
    State.APPROVED.value: _approved,
    State.IN_PROGRESS.value: _in_progress,
    State.FINISHED.value: _finished,
    State.CLOSED.value: _closed,
    State.REJECTED.value: _rejected,
    State.WITHDRAWN.value: _withdrawn,
    State.EXPIRED.value: _expired,
}
NEXT = {State.SUBMITTED: "approve", State.APPROVED: "start", State.IN_PROGRESS: "finish", State.DRAFT: "submit"}
"""What the change waits for, by state."""
NAMES = {"approve": "approve", "start": "begin", "finish": "finish", "submit": "submit", "review": "review"}


class Refusal(NamedTuple):
    """Why the reader cannot do what the change waits for: the deed, the rule, the sentence."""

    verb: str
    decision: Decision


def why_not(scene: Scene) -> Refusal | None:
    """Why the reader cannot do what the change waits for; None if they can, or if it waits for nothing."""
    change = scene.standing.change
    verb = NEXT.get(State(change.state)) or ("review" if change.review_due_at else "")
    if not verb:
        return None
    decision = allowed.decision_on(verb, scene.standing, by=scene.by)
    return Refusal(NAMES[verb], decision) if decision.outcome == policy.REFUSED else None


# --- Who answered, and what changed since ----------------------------------------------------------------------------


class AnswerLine(NamedTuple):
    """An answer as a row of the panel, as templates/parts/checks.html shows it; `at` is when it was given."""

    look: str
    name: str
    finding: str
    at: datetime


def answer_lines(standing: Standing, *, me: int) -> list[AnswerLine]:
    """Every answer that was given, oldest first; those that count are ticked."""
    counting = {one.pk for one in standing.standing_approvals}
    return [
        AnswerLine(_look_of(one, counting), _you(one, me), _finding(one, counting, standing.circle), one.at)
        for one in standing.approvals
    ]


def _you(one: Approval, me: int) -> str:
    return f"{one.approver} (you)" if one.approver_id == me else str(one.approver)


def _look_of(one: Approval, counting: set[int]) -> str:
    if one.answer == Approval.Answer.REJECTED:
        return "failed"
    return "passed" if one.pk in counting else "missing"


def _finding(one: Approval, counting: set[int], circle: Circle) -> str:
    verb = "Rejected it" if one.answer == Approval.Answer.REJECTED else "Approved it"
    role = next(
        (circle.teams.get(role.removeprefix("lead:"), "") for role in one.roles if role.startswith("lead:")), ""
    )
    parts = [f"{role} lead." if role else "", f"{verb}, hash {one.digest[:8]}."]
    if one.voided_at:
        parts.append(f"The edit at {moments.stamp(one.voided_at)} voided it.")
    elif one.pk not in counting and one.answer == Approval.Answer.APPROVED:
        parts.append("It does not count any more.")
    return " ".join([*filter(None, parts), one.note]).strip()


@dataclass(frozen=True, slots=True)
class Since:
    """What differs from what was approved or read last: whose approval (“you”; nobody's if it was read), the parts."""

    whose: str
    at: datetime
    parts: list[Difference]


def since_approval(scene: Scene, people: Mapping[str, str]) -> Since | None:
    """What changed since the reader, or else anybody, last approved; None if nobody did or nothing differs."""
    standing = scene.standing
    given = [one for one in standing.approvals if one.answer == Approval.Answer.APPROVED and one.content]
    own = [one for one in given if one.approver_id == scene.by.user_id]
    last = (own or given)[-1:]
    if not last or last[0].digest == standing.ticket.digest:
        return None
    parts = [
        _readable(one, last[0].content, standing.content, people)
        for one in differences(last[0].content, standing.content)
    ]
    return Since("you" if own else str(last[0].approver), last[0].at, parts)


def since_read(entries: Iterable[Entry], seen: str, people: Mapping[str, str]) -> Since | None:
    """What was edited since the page was read whose hash was `seen`; None if that cannot be told. Newest first."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    read_at = None
    for entry in entries:
        if entry.data.get("digest") == seen and entry.verb in {"filed", "edited"}:
            read_at = entry.occurred_at
            break
        for name, (was, now) in entry.data.get("changed", {}).items() if entry.verb == "edited" else ():
            before[name] = was
            after.setdefault(name, now)
    if read_at is None or not after:
        return None
    differing = [Difference(name, LABELS[name], "", "") for name in LABELS if name in after]
    return Since("", read_at, [_readable(one, before, after, people) for one in differing])


def _readable(
    one: Difference, before: Mapping[str, Any], after: Mapping[str, Any], people: Mapping[str, str]
) -> Difference:
    def words(value: Any) -> str:
        if one.name in MOMENTS and value:
            at = datetime.fromisoformat(value)
            return f"{moments.stamp(at)} {moments.zone(at)}"
        if one.name == "risk_answers":
            return answers_in_words(value or {})
        return people.get(value, in_words(value)) if one.name == "implementer" else in_words(value)

    return Difference(one.name, LABELS[one.name], words(before.get(one.name)), words(after.get(one.name)))


def answers_in_words(answers: Mapping[str, bool]) -> str:
    """The risk questions that were answered with yes."""
    yes = [
        question.words.removesuffix("?") for code, question in risk_policy.RISK_QUESTIONS.items() if answers.get(code)
    ]
    return "; ".join(yes) or "every question answered with no"


# --- What it says ----------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of what it says, under its heading."""

    heading: str
    text: str


PROSE = (
    ("reason", "Why"),
    ("description", "What is done"),
    ("rollback_plan", "The way back"),
    ("test_evidence", "How it was tested"),
    ("verification_plan", "How it is checked"),
    ("public_note", "What customers are told"),
)


def parts(standing: Standing) -> list[Part]:
    """What was written, in the order in which one reads it; what was not said is left out."""
    said = standing.said
    found = [Part(heading, str(said[name])) for name, heading in PROSE if said[name]]
    minutes = said["rollback_minutes"]
    if minutes is None:
        return found
    took = f"It takes {moments.duration(minutes * 60)}." if minutes else "It takes no time."
    return [Part(one.heading, f"{one.text}\n{took}") if one.heading == "The way back" else one for one in found]


def risk_title(found: risk_policy.RiskFound) -> str:
    """“Medium risk: 4 points”."""
    level = tones.look(found.level, "risk").word
    return f"{level} risk: {found.points} {moments.plural('point', found.points)}"


def risk_beyond(found: risk_policy.RiskFound) -> str:
    """From where the next level begins, and what it would ask."""
    if found.level == Risk.LOW:
        return f"Medium from {risk_policy.MEDIUM_FROM}: a lead must approve it then."
    if found.level == Risk.MEDIUM:
        return f"High from {risk_policy.HIGH_FROM}: two people must approve it then."
    return f"High from {risk_policy.HIGH_FROM}. Somebody looks back at it afterwards."


def window_in_words(start: datetime, end: datetime) -> str:
    """“Today, Tuesday 24 November, 15:50–16:20 CET, 30 min”."""
    day = moments.long_day(start)
    length = moments.duration(end - start)
    return f"{day}, {moments.interval(start, end)} {moments.zone(start)}, {length}"


def review_answers(review: Review) -> list[tuple[str, str]]:
    """What the reviewer answered, by question."""
    asked = REVIEW_QUESTIONS.items()
    return [(words, "Yes" if review.answers[code] else "No") for code, words in asked if code in review.answers]

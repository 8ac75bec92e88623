"""From the story of a filed change to its rows: each step is judged by the rules that would have judged it. Pure.

The steps are those of `changes.tickets.filing`, `deciding` and `doing`; a test files one through them and compares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from changes import policy as deploy_policy
from changes.search import words
from changes.states import Authorization, Origin, State, Type
from changes.tickets import policy, risk_policy
from changes.tickets.content import Draft, bound, digest_of, plain
from demo.filed.company import Company, Person
from workflow.ledger import SYSTEM, Happening

TEMPLATE_RULE = "template_usable"
OF_CHANGE = ("title", "customer_impacting", "public_note", "window_start", "window_end", "sha")
OF_TICKET = ("description", "reason", "risk_answers", "test_evidence", "rollback_plan", "rollback_minutes")
OF_TICKET_TOO = ("verification_plan", "incident")


class Step(NamedTuple):
    """That `who` did something with a change; `said` is what the verb needs: note, reason, outcome, changed parts."""

    at: datetime
    verb: str
    who: str = ""
    said: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Filing:
    """What somebody filed and everything that was done with it, in order.

    `reviewed` is the step of whoever looks back if the rules ask for it, None while nobody has.
    """

    draft: Draft
    requester: str
    at: datetime
    steps: Sequence[Step] = ()
    reviewed: Step | None = None
    template: str = ""
    template_digest: str = ""


@dataclass(slots=True)
class Answer:
    """One approval or rejection."""

    who: Person
    answer: str
    digest: str
    content: dict[str, Any]
    roles: list[str]
    note: str
    at: datetime
    voided_at: datetime | None = None


@dataclass(slots=True)
class Look:
    """What somebody found when they looked back."""

    who: Person
    answers: Mapping[str, bool]
    note: str
    at: datetime


@dataclass
class Paper:
    """A filed change as it stands after its story was told until `now`; `number` is its id, or any before it has one.

    Its columns do not depend on the number, as long as no change of a template ended within a day before `now`.
    """

    filing: Filing
    company: Company
    now: datetime
    number: int = 1
    entries: list[tuple[datetime, Happening]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    look: Look | None = None
    stands: str = State.DRAFT.value
    outcome: str = ""
    flags: str = ""
    reminded: int = 0
    review_due_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    submitted_at: datetime | None = None
    approved_at: datetime | None = None

    def __post_init__(self) -> None:
        self.updated_at = self.filing.at
        self.requester = self.company.people[self.filing.requester]
        self.written_by = [self.requester.pk]
        self.said = self.filing.draft.as_mapping()
        self.said["environment"] = self.said["environment"] or "production"
        self._file()
        for step in self.filing.steps:
            if step.at <= self.now:
                _VERBS[step.verb](self, step)
        self._remind()

    # --- What follows from what it says ------------------------------------------------------------------------------

    @property
    def content(self) -> dict[str, Any]:
        """What an approval is about."""
        return bound(self.said)

    @property
    def digest(self) -> str:
        """The hash of that."""
        return digest_of(self.content)

    @property
    def implementer(self) -> Person:
        """Who carries it out."""
        return self.company.people[self.said["implementer"].partition("@")[0]]

    @property
    def risk(self) -> str:
        """How much could go wrong."""
        facts = risk_policy.RiskFacts(
            answers=self.said["risk_answers"],
            tiers=[self.company.services[slug].tier for slug in self.said["services"]],
            customer_impacting=self.said["customer_impacting"],
            rollback_minutes=self.said["rollback_minutes"],
        )
        return risk_policy.risk_level(facts).outcome

    @property
    def circle(self) -> policy.Circle:
        """Everybody who has a say."""
        authors = {self.company.people[one["author"].partition("@")[0]].pk for one in self.said["commits"]}
        excluded = {self.requester.pk, self.implementer.pk, *self.written_by, *authors}
        return self.company.circle(self.said["services"], self.risk, excluded, filed_at=self.filing.at)

    @property
    def authorization(self) -> str:
        """How it is allowed."""
        if self.filing.draft.type == Type.EMERGENT:
            return Authorization.EMERGENCY.value
        return (Authorization.TEMPLATE if self.filing.template else Authorization.REVIEWED).value

    # --- What is done with it ----------------------------------------------------------------------------------------

    def _note(self, at: datetime, verb: str, actor: str, facts: dict[str, object], rule: str = "") -> None:
        self.entries.append((at, Happening(verb, actor, at, facts, rule)))
        if verb != "reminded":
            self.updated_at = at

    def _file(self) -> None:
        at, by = self.filing.at, self.requester.actor
        facts = {"type": self.filing.draft.type, "title": self.said["title"], "services": list(self.said["services"])}
        self._note(at, "filed", by, {**facts, "digest": self.digest, "risk": self.risk}, "risk_level")
        if self.authorization == Authorization.EMERGENCY:
            decision = policy.emergency_authorization({}, user_id=self.requester.pk, is_known=False)
            self.stands, self.started_at = State.IN_PROGRESS.value, at
            self.review_due_at = at + policy.REVIEW_WITHIN
            self._note(at, "started", by, {"because": decision.because, "how": decision.outcome}, decision.rule)

    def _submit(self, step: Step) -> None:
        self.submitted_at, by = step.at, self.company.people[step.who].actor
        if self.filing.template:
            self.stands, self.approved_at = State.APPROVED.value, step.at
            facts: dict[str, object] = {"template": self.filing.template}
            facts["template_digest"] = self.filing.template_digest
            return self._note(step.at, "approved", by, facts, TEMPLATE_RULE)
        decision = policy.quorum_satisfiable(self.circle)
        assert decision.outcome == policy.ALLOWED, decision.because
        self.stands = State.SUBMITTED.value
        facts = {"digest": self.digest, "risk": self.risk, "because": decision.because}
        return self._note(step.at, "submitted", by, facts, decision.rule)

    def _answer(self, step: Step, answer: str, note: str) -> Person:
        who, circle = self.company.people[step.who], self.circle
        for decision in (policy.four_eyes(who.pk, circle), policy.approver_role(who.pk, circle)):
            assert decision.outcome == policy.ALLOWED, (self.said["title"], step, decision.because)
        own = [hand for hand in circle.hands if hand.user_id == who.pk]
        roles = sorted({f"lead:{hand.team}" if hand.is_lead else f"member:{hand.team}" for hand in own})
        self.answers.append(Answer(who, answer, self.digest, self.content, roles, note, step.at))
        return who

    def _approve(self, step: Step) -> None:
        note = step.said.get("note", "")
        who = self._answer(step, "approved", note)
        stands = [one for one in self.answers if one.voided_at is None and one.digest == self.digest]
        decision = policy.approvals_suffice(self.circle, [one.who.pk for one in stands])
        facts: dict[str, object] = {"digest": self.digest, "note": note, "because": decision.because}
        self._note(step.at, "approved", who.actor, facts, decision.rule)
        if decision.outcome == State.APPROVED:
            self.stands, self.approved_at = State.APPROVED.value, step.at

    def _reject(self, step: Step) -> None:
        who = self._answer(step, "rejected", step.said["reason"])
        self.stands = State.REJECTED.value
        facts: dict[str, object] = {"digest": self.digest, "reason": step.said["reason"]}
        self._note(step.at, "rejected", who.actor, facts, "approver_role")

    def _revise(self, step: Step) -> None:
        self._void(step.at)
        self.stands, self.submitted_at, self.approved_at = State.DRAFT.value, None, None
        self._note(step.at, "revised", self.company.people[step.who].actor, {"reason": step.said.get("reason", "")})

    def _edit(self, step: Step) -> None:
        who, before = self.company.people[step.who], self.digest
        changed = {name: [plain(self.said[name]), plain(value)] for name, value in step.said.items()}
        self.said |= step.said
        self.written_by = sorted({*self.written_by, who.pk})
        voided = self._void(step.at) if self.digest != before else 0
        facts: dict[str, object] = {"changed": changed, "digest": self.digest, "voided": voided}
        self._note(step.at, "edited", who.actor, facts)
        if self.stands in {State.SUBMITTED, State.APPROVED} and self.digest != before:
            self.stands, self.submitted_at, self.approved_at = State.SUBMITTED.value, step.at, None

    def _void(self, at: datetime) -> int:
        stood = [one for one in self.answers if one.voided_at is None]
        for one in stood:
            one.voided_at = at
        return len(stood)

    def _withdraw(self, step: Step) -> None:
        self.stands = State.WITHDRAWN.value
        self._note(step.at, "withdrawn", self.company.people[step.who].actor, {"reason": step.said.get("reason", "")})

    def _expire(self, step: Step) -> None:
        decision = policy.window_missed(state=self.stands, end=self.said["window_end"], now=step.at)
        self.stands = decision.outcome
        self._note(step.at, "expired", SYSTEM, {"because": decision.because}, decision.rule)

    def _start(self, step: Step) -> None:
        window = policy.started_in_window(start=self.said["window_start"], end=self.said["window_end"], now=step.at)
        self.flags = "" if window.outcome == policy.ALLOWED else window.outcome
        self.stands, self.started_at = State.IN_PROGRESS.value, step.at
        facts: dict[str, object] = {"because": window.because, "digest": self.digest, "warnings": []}
        self._note(step.at, "started", self.company.people[step.who].actor, facts, window.rule)

    def _finish(self, step: Step) -> None:
        self.outcome, self.finished_at = step.said["outcome"], step.at
        facts = policy.EndFacts(
            type=self.filing.draft.type,
            authorization=self.authorization,
            risk=self.risk,
            outcome=self.outcome,
            number=self.number,
            flags=self.flags.split(),
        )
        needed, by = policy.review_needed(facts), self.company.people[step.who].actor
        self.stands = State.FINISHED.value
        told: dict[str, object] = {"outcome": self.outcome, "note": step.said.get("note", "")}
        self._note(step.at, "finished", by, {**told, "because": needed.because}, needed.rule)
        if needed.outcome == policy.NEEDED:
            self.review_due_at = self.review_due_at or step.at + policy.REVIEW_WITHIN
            if self.filing.reviewed and self.filing.reviewed.at <= self.now:
                self._review(self.filing.reviewed)
        else:
            self._close(step.at, by)

    def _close(self, at: datetime, actor: str) -> None:
        self.stands = State.CLOSED.value
        self._note(at, "closed", actor, {"note": ""})

    def _review(self, step: Step) -> None:
        who, answers = self.company.people[step.who], dict(step.said.get("answers", {}))
        decision = policy.four_eyes(who.pk, self.circle)
        assert decision.outcome == policy.ALLOWED, (self.said["title"], step.who, decision.because)
        self._remind(until=step.at)
        self.look = Look(who, answers, step.said["note"], step.at)
        self.stands, self.review_due_at = State.CLOSED.value, None
        facts: dict[str, object] = {"note": step.said["note"], "answers": answers}
        self._note(step.at, "reviewed", who.actor, facts, "reviewer_role")

    def _remind(self, *, until: datetime | None = None) -> None:
        """What Decklog did by itself while nobody looked back."""
        if self.review_due_at is None:
            return
        began, until = self.review_due_at - policy.REVIEW_WITHIN, until or self.now
        for moment in (*policy.REMINDERS, policy.REVIEW_WITHIN):
            at = began + moment + timedelta(seconds=20)
            decision = policy.reminder_due(due_at=self.review_due_at, reminded=self.reminded, now=at)
            if at > until or (self.finished_at is None and self.authorization != Authorization.EMERGENCY):
                return
            self.reminded = policy.reminders_passed(due_at=self.review_due_at, now=at)
            facts: dict[str, object] = {"because": decision.because, "how": decision.outcome}
            self._note(at, "reminded", SYSTEM, facts, decision.rule)

    # --- Rows --------------------------------------------------------------------------------------------------------

    def change_columns(self) -> dict[str, Any]:
        """The columns of the change."""
        said = self.said
        is_emergency = self.authorization == Authorization.EMERGENCY
        texts = (said["title"], *said["services"], said["incident"], said["sha"], said["reason"], said["description"])
        return {
            "type": (Type.EMERGENT if is_emergency else Type.STANDARD).value,
            "origin": Origin.PERSON.value,
            "authorization": self.authorization,
            "state": self.stands,
            "outcome": self.outcome,
            "policy_version": deploy_policy.POLICY_VERSION,
            "service_id": self.company.services[said["services"][0]].pk,
            "environment_id": self.company.production,
            "requester_id": self.requester.pk,
            "flags": self.flags,
            "risk": self.risk,
            "review_due_at": self.review_due_at,
            "at": self.started_at or self.filing.at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "search_text": words(*texts),
            "created_at": self.filing.at,
            "updated_at": self.updated_at,
            **{name: said[name] for name in OF_CHANGE},
        }

    def ticket_columns(self) -> dict[str, Any]:
        """The columns of the ticket, but for the ids of its change and its template."""
        return {
            "implementer_id": self.implementer.pk,
            "commits": [dict(one) for one in self.said["commits"]],
            "digest": self.digest,
            "written_by": self.written_by,
            "is_break_glass": self.authorization == Authorization.EMERGENCY,
            "submitted_at": self.submitted_at,
            "approved_at": self.approved_at,
            "reminded": self.reminded,
            **{name: self.said[name] for name in (*OF_TICKET, *OF_TICKET_TOO)},
        }


_VERBS = {
    "submit": Paper._submit,
    "approve": Paper._approve,
    "reject": Paper._reject,
    "revise": Paper._revise,
    "edit": Paper._edit,
    "withdraw": Paper._withdraw,
    "expire": Paper._expire,
    "start": Paper._start,
    "finish": Paper._finish,
}

"""Every write about pages. A page is a row with the moment of its next step; whoever looks then takes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import call_off, tell_all
from accounts.models import Team, User
from catalog.models import Service
from notifications import relay
from oncall.alerting.actions import close_alerts
from oncall.models import EscalationPolicy, Schedule
from oncall.paging import messages, policy, queries
from oncall.paging.models import Page, PageStep
from oncall.paging.policy import USUAL_WAIT, Plan, Step
from oncall.paging.states import MOVES, State, StepState
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.lines import brief
from workflow.transitions import move

log = structlog.get_logger("decklog.paging")
MOST_AT_ONCE = 200
"""How many due pages one look takes."""


class Target(NamedTuple):
    """Whom to page: `type` is policy, schedule, team, user or service; `id` a slug, or the e-mail of a user."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page as somebody wants it. `subject` is the ref of what it is about; one that is private is in no list."""

    target: Target
    title: str
    message: str = ""
    subject: str = ""
    service: Service | None = None
    is_private: bool = False


@transaction.atomic
def page(wanted: Wanted, *, by: Caller | None) -> Page:
    """Page somebody: the first step is taken in the same transaction.

    Raises Unprocessable("required") and Unprocessable("unknown_target"). Without a caller Decklog itself pages.
    """
    now = timezone.now()
    title = brief(wanted.title or wanted.message, most=200)
    if not title:
        raise Unprocessable("required", "Say what it is about.", field="message")
    plan, team = _plan_for(wanted.target)
    row = Page(
        title=title,
        message=wanted.message.strip(),
        subject=wanted.subject,
        service=wanted.service,
        team=wanted.service.team if wanted.service else team,
        is_private=wanted.is_private,
        target_type=wanted.target.type,
        target=wanted.target.id,
        plan=plan.as_json(),
        next_run_at=now,
        asked_by_id=by.user_id if by else None,
        created_at=now,
    )
    row.save(force_insert=True)
    _note(row, "paged", by.actor if by else SYSTEM, {"target": f"{wanted.target.type} {wanted.target.id}"}, at=now)
    _run(row, now=now)
    return row


def _plan_for(target: Target) -> tuple[Plan, Team | None]:
    """Whom to page in turn, and whose matter that is."""
    finders = {
        "policy": _policy_plan,
        "service": _service_plan,
        "team": _team_plan,
        "schedule": _schedule_plan,
        "user": _user_plan,
    }
    finder = finders.get(target.type)
    found = finder(target.id) if finder else None
    if found is None:
        sentence = f"There is no {target.type[:20]} “{target.id[:64]}” that could be paged."
        raise Unprocessable("unknown_target", sentence, field="target.id")
    return found


Found = tuple[Plan, Team | None] | None


def _policy_plan(slug: str) -> Found:
    row = EscalationPolicy.objects.select_related("team").filter(slug=slug, is_enabled=True).first()
    return (queries.plan_of_policy(row), row.team) if row else None


def _service_plan(slug: str) -> Found:
    row = Service.objects.select_related("team").filter(slug=slug).first()
    return (queries.plan_for_service(row), row.team) if row else None


def _team_plan(slug: str) -> Found:
    row = Team.objects.filter(slug=slug).first()
    return (queries.plan_for_team(row), row) if row else None


def _schedule_plan(slug: str) -> Found:
    row = Schedule.objects.select_related("team").filter(slug=slug, is_enabled=True).first()
    return (Plan(row.slug, [Step("schedule", row.pk, row.slug, USUAL_WAIT)]), row.team) if row else None


def _user_plan(email: str) -> Found:
    row = User.objects.filter(email__iexact=email, is_active=True).first()
    return (Plan(row.name, [Step("user", row.pk, row.name, USUAL_WAIT)]), None) if row else None


# --- Steps -----------------------------------------------------------------------------------------------------------


def run_due() -> int:
    """Take every step that is due; return of how many pages. Any number of workers may do this at once, at any moment.

    While sending is paused nothing is escalated, because nobody could have got the step before.
    """
    if relay.is_paused():
        return 0
    return sum(_run_safely(pk) for pk in queries.due(now=timezone.now(), most=MOST_AT_ONCE))


def _run_safely(pk: int) -> bool:
    """Take the step of one page; one that cannot be taken is logged, because the others must not wait for it."""
    try:
        return _run_one(pk)
    except DatabaseError:
        raise
    except Exception:
        log.exception("page_failed", page=pk)
        return False


@transaction.atomic
def _run_one(pk: int) -> bool:
    now = timezone.now()
    # A page that another worker holds is on its way already.
    row = Page.objects.select_for_update(skip_locked=True).filter(pk=pk, next_run_at__lte=now).first()
    if row is None:
        return False
    _run(row, now=now)
    return True


def _run(row: Page, *, now: datetime) -> None:
    """Take the step that is due, and at once those after it until one reaches somebody."""
    plan = policy.plan_of(row.plan)
    while row.state == State.PAGING and row.next_run_at and row.next_run_at <= now:
        step = plan.step(row.step)
        if step is None:
            _give_up(row, now=now)
            return
        _take(row, step, now=now)


def _take(row: Page, step: Step, *, now: datetime) -> None:
    people = queries.people_of(step, at=now)
    lacking = queries.unreached(people)
    reached = [person for person in people if not lacking[person.pk]]
    because = _why_nobody(step, people, lacking)
    number = row.step
    PageStep.objects.create(
        page=row,
        number=number,
        target=f"{step.type} {step.name}"[:120],
        state=StepState.SENT if reached else StepState.NOBODY,
        people=[{"id": person.pk, "name": person.name} for person in reached],
        because="" if reached else because,
        at=now,
    )
    next_run_at = policy.next_step_at(step, at=now, has_reached=bool(reached))
    amend(row, step=number + 1, next_run_at=next_run_at)
    facts: dict[str, object] = {"target": f"{step.type} {step.name}", "step": number + 1}
    if reached:
        tell_all([messages.paged(row, to=one, number=number, step=step, at=now) for one in reached], at=now)
        _note(row, "page_step", SYSTEM, {**facts, "people": [person.name for person in reached]}, at=now)
        return
    leads = queries.leads_to_tell(row)
    tell_all([messages.nobody(row, to=one, number=number, step=step, because=because) for one in leads], at=now)
    _note(row, "page_nobody", SYSTEM, {**facts, "because": because}, at=now)


def _why_nobody(step: Step, people: list[User], lacking: dict[int, str]) -> str:
    if not people:
        words = {"schedule": "Nobody has the watch of", "team": "Nobody is in the team", "user": "No longer here:"}
        return f"{words[step.type]} {step.name}."
    return brief(" ".join(f"{person.name}: {lacking[person.pk]}" for person in people), most=300)


def _give_up(row: Page, *, now: datetime) -> None:
    move(row, State.EXHAUSTED, moves=MOVES, next_run_at=None, ended_at=now)
    tell_all([messages.exhausted(row, to=person) for person in queries.leads_to_tell(row)], at=now)
    _note(row, "page_exhausted", SYSTEM, {"steps": row.step}, at=now)


# --- Answers ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def acknowledge(key: UUID, *, user: User | None, via: str, actor: str) -> Page:
    """Answer a page: what still waits is called off and no further step is taken. Twice is as good as once.

    `via` is link, page, api or opsgenie; `user` is None when Opsgenie names somebody whom we do not know.
    Raises Missing, Conflict("page_can_be_answered").
    """
    row, now = _taken(key), timezone.now()
    if row.state == State.ACKNOWLEDGED:
        return row
    require(policy.page_can_be_answered(row.state), Conflict)
    answered = {"acknowledged_by": user, "acknowledged_via": via, "next_run_at": None, "ended_at": now}
    move(row, State.ACKNOWLEDGED, moves=MOVES, **answered)
    call_off(row.topic)
    close_alerts(row.topic, at=now)
    _note(row, "page_acknowledged", actor, {"via": via, "step": row.step}, at=now)
    return row


@transaction.atomic
def cancel(key: UUID, *, by: Caller, reason: str = "") -> Page:
    """Stop a page that nobody needs any more; raises Missing, Conflict("transition_illegal")."""
    row, now = _taken(key), timezone.now()
    move(row, State.CANCELLED, moves=MOVES, next_run_at=None, ended_at=now)
    call_off(row.topic)
    close_alerts(row.topic, at=now)
    _note(row, "page_cancelled", by.actor, {"reason": reason[:300]}, at=now)
    return row


def _taken(key: UUID) -> Page:
    row = Page.objects.select_for_update().filter(key=key).first()
    if row is None:
        raise Missing("not_found", "There is no such page.")
    return row


def _note(row: Page, verb: str, actor: str, facts: dict[str, object], *, at: datetime) -> None:
    record(row.ref, Happening(verb, actor, at, {"page": str(row.key), **facts}), at=at)

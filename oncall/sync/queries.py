"""Reads of plans, and of what both sides hold."""

import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.callers import Caller
from accounts.models import Membership
from oncall import rota
from oncall.models import Schedule
from oncall.providers.protocol import Provider, Stretch
from oncall.sync import policy
from oncall.sync.models import Agreed, Look, Operation, Plan
from oncall.sync.policy import Step
from oncall.sync.shapes import Form, Key, State, people_in, plan_of
from workflow.decisions import require
from workflow.errors import Missing

WEEKS = 13
"""How far ahead both sides must say the same."""
LOST = timedelta(seconds=90)
"""After how long without a beat whoever applied a plan counts as dead."""


ONLY_MADE = frozenset({"user", "team"})
"""What a plan makes where it is missing and never changes or takes away."""


def key_mark() -> str:
    """What names the account that the settings open, without giving the key away."""
    return hashlib.sha256(f"{settings.OPSGENIE_API_URL} {settings.OPSGENIE_API_KEY}".encode()).hexdigest()[:16]


def last_look() -> Look | None:
    """What Opsgenie last said to this key; None as long as nobody has asked it."""
    return Look.objects.filter(mark=key_mark()).first()


def plans() -> QuerySet[Plan]:
    """All plans, newest first."""
    return Plan.objects.prefetch_related("operations")


def base() -> State:
    """How schedules were when both sides were last the same."""
    return {row.schedule: row.form for row in Agreed.objects.all()}


def truths() -> dict[str, str]:
    """Where each schedule is changed, by its name."""
    return dict(Schedule.objects.values_list("name", "truth"))


def led_by(user_id: int) -> list[str]:
    """The names of the teams that somebody leads."""
    return list(Membership.objects.filter(user=user_id, is_lead=True).values_list("team__name", flat=True))


def touched_teams(plan: Plan) -> set[str]:
    """The names of the teams whose schedules a plan touches, "" for schedules that are not here yet."""
    names = {one.schedule for one in plan.operations.all()}
    known = dict(Schedule.objects.filter(name__in=names).values_list("name", "team__name"))
    return {known.get(name, "") for name in names}


def due(now: datetime) -> QuerySet[Plan]:
    """Plans that somebody has to take up: asked for and not begun, orphaned, or interrupted some time ago."""
    quiet = Q(beat_at__isnull=True) | Q(beat_at__lt=now - LOST)
    waiting = [Plan.State.PLANNING, Plan.State.APPLYING, Plan.State.INTERRUPTED]
    return Plan.objects.filter(quiet, state__in=waiting).order_by("created_at")


def step_of(row: Operation) -> tuple[Key, Form | None]:
    """What an operation is about, and what is to be there."""
    return (row.object, row.schedule, row.name), row.after


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Somebody whom only one side knows by this e-mail; `missing` is `here` or `opsgenie`."""

    email: str
    name: str
    missing: str


def unmatched(here: dict[str, str], there: dict[str, str], *, needed: Collection[str]) -> list[Unmatched]:
    """Everybody whom only Opsgenie knows, and those of `needed` whom it does not know."""
    found = [Unmatched(email, there[email], "here") for email in sorted(set(there) - set(here))]
    return found + [Unmatched(email, here.get(email, ""), "opsgenie") for email in sorted(set(needed) - set(there))]


def needed_by(step: Step) -> tuple[set[str], bool]:
    """The e-mails that a step names, and whether it names something that Decklog does not know."""
    after = step.after or {}
    turns = after.get("turns", [])
    people = {name for kind, name in turns if kind == "user"} | ({after["person"]} if "person" in after else set())
    return people, any(kind not in {"user", "team", "none"} for kind, _ in turns)


def teams_needed(steps: Iterable[Step]) -> set[str]:
    """The teams that these steps name, in lower case."""
    forms = [step.after for step in steps if step.after is not None]
    owners = {form["team"] for form in forms if form.get("team")}
    return owners | {name for form in forms for kind, name in form.get("turns", []) if kind == "team"}


def hours_between(before: State, after: State, *, crews: dict[str, frozenset[str]], now: datetime) -> int:
    """For how many hours of the next 13 weeks other people would have the watch, over all schedules."""
    total = timedelta()
    for name, form in after.items():
        old = before.get(name)
        if old is None:
            continue
        emails = sorted({*people_in(old), *people_in(form), *(one for crew in crews.values() for one in crew)})
        numbers = {email: number for number, email in enumerate(emails, start=1)}
        teams = {crew: frozenset(numbers[one] for one in people) for crew, people in crews.items()}
        window = half_hour(now), half_hour(now) + timedelta(weeks=WEEKS)
        lanes = [rota.final_schedule(plan_of(each, numbers, teams), *window) for each in (old, form)]
        total += sum((one.end - one.start for one in rota.differences(*lanes)), timedelta())
    return round(total / timedelta(hours=1))


def half_hour(at: datetime) -> datetime:
    """The next half hour."""
    whole = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return whole + timedelta(minutes=30 if at.minute < 30 else 60)


def first_difference(one: Provider, other: Provider, schedule: str, *, start: datetime) -> str:
    """How the two sides' own timelines differ first in 13 weeks, as a sentence; empty when they do not."""
    theirs, ours = one.timeline(schedule, start, WEEKS), other.timeline(schedule, start, WEEKS)
    for left, right in zip([*theirs, None], [*ours, None], strict=False):
        if left != right:
            return f"{schedule}: Opsgenie says {_told(left)}, Decklog says {_told(right)}."
    return "" if len(theirs) == len(ours) else f"{schedule}: one of the timelines is longer."


def _told(one: Stretch | None) -> str:
    if one is None:
        return "nobody more"
    return f"{', '.join(sorted(one.people))} from {one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC"


def standing() -> Sequence[Agreed]:
    """Every schedule that is kept in step, with its drift."""
    return list(Agreed.objects.order_by("schedule"))


def plan_for(pk: uuid.UUID, *, by: Caller) -> Plan:
    """The plan, for those who may plan; raises Missing and Forbidden("may_plan")."""
    require(policy.may_plan(is_admin=by.is_admin, leads=led_by(by.user_id)))
    found = plans().filter(pk=pk).first()
    if found is None:
        raise Missing("not_found", "There is no such plan.")
    return found

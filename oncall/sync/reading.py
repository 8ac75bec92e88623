"""What the pages of the synchronisation show, read from here only: workers ask Opsgenie."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from oncall.sync import policy, queries
from oncall.sync.models import Agreed, Look, Operation, Plan
from workflow.decisions import REFUSED
from workflow.lines import listed

NEWEST = 10
OLD = timedelta(minutes=30)
"""From which age on an answer of Opsgenie is said to be old; it is asked every ten minutes."""
SIGNS = {"add": "plus", "change": "pencil", "remove": "minus"}
TONES = {"add": "ok", "change": "warn", "remove": "bad"}
LABELS = {
    "time_zone": "Time zone",
    "team": "Team",
    "is_enabled": "In force",
    "type": "Shifts",
    "length": "Length",
    "start": "Start",
    "end": "End",
    "turns": "Turns",
    "restrictions": "Only at",
    "person": "Person",
    "rotations": "Rotations",
    "name": "Name",
    "people": "People",
}


@dataclass(frozen=True, slots=True)
class Overview:
    """Whether there is a key, and its region; what Opsgenie last said; what is kept in step; the newest plans."""

    has_key: bool
    region: str
    look: Look | None
    is_asked: bool
    is_old: bool
    kept: list[Agreed]
    plans: list[Plan]

    @property
    def drifted(self) -> int:
        """How many schedules somebody changed there."""
        return sum(bool(one.drift) for one in self.kept)


def overview(now: datetime) -> Overview:
    """How keeping in step stands."""
    has_key = bool(settings.OPSGENIE_API_KEY)
    look = queries.last_look() if has_key else None
    looked = look.looked_at if look else None
    answered = look.answered_at if look else None
    asked = look.asked_at if look else None
    return Overview(
        has_key=has_key,
        region=settings.OPSGENIE_REGION,
        look=look,
        is_asked=has_key and (looked is None or (asked is not None and asked > looked)),
        is_old=answered is not None and now - answered > OLD,
        kept=list(queries.standing()),
        plans=list(queries.plans()[:NEWEST]),
    )


class Strangers(NamedTuple):
    """Whom only one side knows, as (e-mail, name), as of `at`."""

    at: datetime | None
    only_there: list[dict[str, str]]
    only_here: list[dict[str, str]]


def strangers() -> Strangers:
    """Whom only Opsgenie knows, and who takes turns here and is not there."""
    look = queries.last_look() if settings.OPSGENIE_API_KEY else None
    found = look.unmatched if look else []
    there, here = ([one for one in found if one["missing"] == side] for side in ("here", "opsgenie"))
    return Strangers(look.answered_at if look else None, there, here)


# --- A plan ----------------------------------------------------------------------------------------------------------


class Field(NamedTuple):
    """A field of an operation that differs."""

    label: str
    before: str
    after: str


class Line(NamedTuple):
    """One operation in words, with its icon and tone and the fields that differ."""

    operation: Operation
    words: str
    sign: str
    tone: str
    fields: list[Field]


class Chapter(NamedTuple):
    """The operations about one schedule on one side."""

    title: str
    where: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan to be read; `words` is what has to be typed to apply it, empty when nothing has to."""

    plan: Plan
    summary: str
    chapters: list[Chapter]
    total: int
    done: int
    is_moving: bool
    may_go_on: bool
    words: str
    conflicts: list[dict[str, str]]
    unmatched: list[dict[str, str]]


MOVING = frozenset({Plan.State.PLANNING, Plan.State.APPLYING, Plan.State.INTERRUPTED})


def plan_page(plan: Plan) -> PlanPage:
    """A plan with its operations as somebody reads them."""
    rows = list(plan.operations.all())
    resumable = {Plan.State.PLANNED, Plan.State.INTERRUPTED, Plan.State.FAILED}
    removed = sum(row.after is None for row in rows)
    # Pure and cheap, so the page asks the very rule that would refuse.
    steps = [policy.Step("local", ("", "", ""), row.before, row.after) for row in rows]
    guard = policy.may_remove(steps, known=plan.known_objects, confirmation="")
    return PlanPage(
        plan=plan,
        summary=_summary(rows),
        chapters=_chapters(rows),
        total=len(rows),
        done=sum(row.state == Operation.State.DONE for row in rows),
        is_moving=plan.state in MOVING,
        may_go_on=plan.state in resumable and bool(plan.remote_hash) and bool(rows),
        words=f"remove {removed}" if guard.outcome == REFUSED else "",
        conflicts=[
            {"what": _titled(noun, name or schedule, schedule if name else ""), "because": because}
            for noun, schedule, name, because in plan.conflicts
        ],
        unmatched=[one for one in plan.unmatched if one["email"] not in {row.name for row in rows}],
    )


def _summary(rows: list[Operation]) -> str:
    counts = [(verb, sum(row.kind == kind for row in rows)) for kind, verb in (("add", "adds"), ("change", "changes"))]
    counts.append(("takes away", sum(row.kind == "remove" for row in rows)))
    return listed([f"{verb} {count}" for verb, count in counts if count]).capitalize()


def _chapters(rows: list[Operation]) -> list[Chapter]:
    """All about one schedule together, in the order in which it is first touched."""
    found: dict[tuple[str, str], list[Operation]] = {}
    for row in rows:
        found.setdefault((row.schedule, row.side), []).append(row)
    return [_chapter(key, group) for key, group in found.items()]


def _chapter(key: tuple[str, str], rows: list[Operation]) -> Chapter:
    schedule, side = key
    where = "here" if side == "local" else "in Opsgenie"
    return Chapter(schedule or "People and teams", where, [_line(row) for row in rows])


def _line(row: Operation) -> Line:
    before, after = row.before or {}, row.after or {}
    fields = [
        Field(LABELS.get(name, name), _told(before.get(name)), _told(after.get(name)))
        for name in [*before, *(each for each in after if each not in before)]
        if before.get(name) != after.get(name) and (row.kind == "change" or _told((after or before)[name]) != "–")
    ]
    words = _titled(row.object, row.name, "")
    return Line(row, words, SIGNS[row.kind], TONES[row.kind], fields)


def _titled(noun: str, name: str, schedule: str) -> str:
    """“Rotation week of primary”, “The schedule itself”."""
    if not name:
        return "The schedule itself"
    return f"{noun.capitalize()} {name}" + (f" of {schedule}" if schedule else "")


def _told(value: Any) -> str:
    if value is None or value in ([], ""):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, list):
        return _moment(str(value))
    return ", ".join(_one(each) for each in value)


def _moment(text: str) -> str:
    """A stored moment as people write it; any other text as it is."""
    if len(text) != len("2026-01-05T08:00:00Z") or not text.endswith("Z"):
        return text
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M} UTC"


def _one(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value.get('start_day', '')} {value['start']} to {value.get('end_day', '')} {value['end']}".strip()
    if isinstance(value, list):
        return "nobody" if value[0] == "none" else str(value[1])
    return str(value)

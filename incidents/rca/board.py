"""What the pages of analyses and promises show."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from changes.audit.cells import cell
from changes.export import BOM, EachLine
from incidents.rca import blame, queries
from incidents.rca.models import CorrectiveAction, Rca
from incidents.rca.policy import Fault
from incidents.rca.queries import Place
from incidents.rca.states import OWED, ActionState, Category, Effect, Path, State
from workflow.moments import plural

EFFECT_ICONS = {Effect.PREVENT: "shield", Effect.DETECT: "eye", Effect.MITIGATE: "bandage"}
ICONS = {Path.OCCURRENCE: "bolt", Path.DETECTION: "eye", Path.RECOVERY: "arrow-back-up"}
OPEN_STATES = {State.DRAFT, State.IN_REVIEW, State.REVIEWED}


@dataclass(frozen=True, slots=True)
class Line:
    """A why as the tree shows it: how deep (1 to 6), what the rules and the linter have to say about it.

    `parent` is the why that it stands below, 0 for none.
    """

    place: Place
    depth: int
    parent: int
    faults: list[Fault]
    hints: list[blame.Hint]

    @property
    def is_shared(self) -> bool:
        """Whether its cause hurt more than once."""
        return self.place.hurt > 1

    @property
    def is_unanswered(self) -> bool:
        """Whether it is a root cause against which nothing is promised and whose risk nobody has accepted."""
        promised = any(action.state != ActionState.WONT_DO for action in self.place.actions)
        return self.place.is_root and not promised and not self.place.place.accepted_risk


@dataclass(frozen=True, slots=True)
class Branch:
    """The whys of one path."""

    path: str
    label: str
    icon: str
    lines: list[Line]


def dossier_of(rca: Rca, reader: User) -> dict[str, Any]:
    """One analysis: its tree, what stands before a review, and who may do what."""
    places = queries.places_of(rca, user_id=reader.pk)
    faults = queries.faults_among(places)
    names = [name for name, _ in queries.names_in(rca.incident)]
    branches = [
        Branch(
            path.value, path.label, ICONS[path], _lines([one for one in places if one.why.path == path], faults, names)
        )
        for path in Path
    ]
    loose = list(queries.actions_in_full(reader.pk).filter(rca=rca, why__isnull=True))
    return {
        "rca": rca,
        "incident": rca.incident,
        "branches": branches,
        "places": places,
        "faults": faults,
        "hints": sum(len(line.hints) for branch in branches for line in branch.lines),
        "loose": loose,
        "is_open": rca.state in OPEN_STATES,
        "is_author": reader.pk in queries.authors_of(rca),
        "unanswered": [line for branch in branches for line in branch.lines if line.is_unanswered],
    }


def _lines(places: list[Place], faults: Iterable[Fault], names: list[str]) -> list[Line]:
    """The whys in the order of a tree: each below the first one that it asks on from."""
    known = {place.why.pk for place in places}
    below: dict[int, list[Place]] = {}
    for place in places:
        above = next((parent for parent in place.parents if parent in known), 0)
        below.setdefault(above, []).append(place)
    found, waiting = [], [(place, 1, 0) for place in reversed(below.get(0, []))]
    while waiting:
        place, depth, parent = waiting.pop()
        mine = [fault for fault in faults if fault.why == place.why.pk]
        found.append(Line(place, min(depth, 6), parent, mine, blame.hints(place.why.claim, names)))
        waiting += [(child, depth + 1, place.why.pk) for child in reversed(below.get(place.why.pk, []))]
    return found


# --- Promises --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Card:
    """A promise on the board: whether its day is over, and the minutes that it would have saved."""

    action: CorrectiveAction
    is_over: bool
    minutes: int
    tracker: str
    when: str

    @property
    def icon(self) -> str:
        """What it does about its cause, as a picture."""
        return EFFECT_ICONS[Effect(self.action.effect)]

    @property
    def url(self) -> str:
        """Where it is shown."""
        return f"/actions/{self.action.ref}"

    @property
    def alarm(self) -> str:
        """What is said loudly of a promise that was kept and whose cause has hurt again."""
        return f"A promise did not hold. {self.action.ref} {self.action.title}. {self.action.reason} It is open again."


@dataclass(frozen=True, slots=True)
class Column:
    """The promises in one state."""

    state: str
    label: str
    cards: list[Card]


MOST = 100


def board_of(reader: User) -> dict[str, Any]:
    """Every promise by state, the one whose day is over longest first."""
    today = timezone.localdate()
    actions = list(queries.actions_in_full(reader.pk).order_by("due", "pk")[: MOST * 6])
    saved = queries.saved_minutes(actions, user_id=reader.pk)
    cards = [card_of(action, today=today, minutes=saved.get(action.pk, 0)) for action in actions]
    columns = [
        Column(state.value, state.label, [card for card in cards if card.action.state == state][:MOST])
        for state in ActionState
    ]
    owed = [card for card in cards if card.action.state in OWED]
    return {
        "columns": [column for column in columns if column.cards],
        "over": sum(card.is_over for card in cards),
        "owed": len(owed),
        "minutes": sum({card.action.why_id or -card.action.pk: card.minutes for card in owed}.values()),
        "count": len(cards),
        "broken": [card for card in cards if card.action.state == ActionState.INEFFECTIVE and card.action.reopened],
    }


def card_of(action: CorrectiveAction, *, today: date, minutes: int) -> Card:
    """One promise."""
    template = settings.TRACKER_URL
    tracker = template.replace("{key}", quote(action.tracker_key, safe="")) if template and action.tracker_key else ""
    is_over = action.state in OWED and action.due < today
    return Card(action, is_over, minutes, tracker, _when(action, today))


def _when(action: CorrectiveAction, today: date) -> str:
    """By when, or since when, in words."""
    left = (action.due - today).days
    if action.state == ActionState.VERIFIED and action.verified_at:
        days = (today - timezone.localdate(action.verified_at)).days
        return f"held for {days} {plural('day', days)}"
    if action.state not in OWED:
        return "dropped" if action.state == ActionState.WONT_DO else "done"
    if left < 0:
        return f"{-left} {plural('day', -left)} overdue"
    return "due today" if not left else f"due {action.due:%a} {action.due.day} {action.due:%b}"


HEADINGS = ("ref", "state", "title", "type", "effect", "owner", "due", "incident", "rca", "cause", "reopened")


def csv_lines(reader: User) -> Iterator[str]:
    """The promises as the lines of a CSV file that a spreadsheet may open."""
    writer = csv.writer(EachLine())
    yield BOM + writer.writerow(HEADINGS)
    for action in queries.actions_in_full(reader.pk).order_by("due", "pk").iterator(chunk_size=500):
        yield writer.writerow([cell(value) for value in _values(action)])


def _values(action: CorrectiveAction) -> tuple[object, ...]:
    return (
        action.ref,
        ActionState(action.state).label,
        action.title,
        Category(action.type).label,
        Effect(action.effect).label,
        action.owner.email,
        action.due.isoformat(),
        action.rca.incident.ref,
        action.rca.ref,
        action.why.claim if action.why else "",
        action.reopened,
    )

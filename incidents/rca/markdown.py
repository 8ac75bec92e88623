"""An analysis as Markdown that a customer could read: roles in the place of names, no address from inside."""

import re
from collections.abc import Iterable

from incidents.models import Incident
from incidents.rca import blame, queries
from incidents.rca.models import CorrectiveAction, Rca
from incidents.rca.queries import Place
from incidents.rca.states import ActionState, Category, Claim, Effect, Path
from workflow import moments

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def markdown_of(rca: Rca, *, user_id: int) -> str:
    """The whole analysis."""
    incident, roles = rca.incident, queries.names_in(rca.incident)
    places = [place for place in queries.places_of(rca, user_id=user_id) if place.why.state != Claim.REFUTED]
    parts = [f"# {_plain(incident.title, roles)}", "", _facts(incident)]
    for heading, text in (
        ("Summary", rca.summary),
        ("What went well", rca.went_well),
        ("Where we got lucky", rca.lucky),
    ):
        if text.strip():
            parts += ["", f"## {heading}", "", _plain(text, roles)]
    for path in Path:
        inside = [place for place in places if place.why.path == path]
        if inside:
            parts += ["", f"## {path.label}", "", *_tree(inside, roles)]
    actions = [action for place in places for action in place.actions]
    if actions:
        parts += ["", "## What we do", "", *(_promise(action, roles) for action in actions)]
    return "\n".join(parts) + "\n"


def _facts(incident: Incident) -> str:
    began, ended = incident.impact_started_at, incident.resolved_at
    if not began or not ended:
        return ""
    took = moments.duration((ended - began).total_seconds())
    return f"From {began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC, {took}."


def _tree(places: list[Place], roles: list[tuple[str, str]]) -> Iterable[str]:
    known = {place.why.pk for place in places}
    children: dict[int, list[Place]] = {}
    for place in places:
        above = [parent for parent in place.parents if parent in known]
        for parent in above or [0]:
            children.setdefault(parent, []).append(place)
    waiting = [(place, 0) for place in reversed(children.get(0, []))]
    while waiting:
        place, depth = waiting.pop()
        why = place.why
        kind = f" ({Category(why.category).label.lower()})" if why.category and place.is_root else ""
        yield f"{'  ' * depth}- {_plain(why.question, roles)} **{_plain(why.claim, roles)}**{kind}"
        waiting += [(child, depth + 1) for child in reversed(children.get(why.pk, []))]


def _promise(action: CorrectiveAction, roles: list[tuple[str, str]]) -> str:
    effect, state = Effect(action.effect).label.lower(), ActionState(action.state).label.lower()
    return f"- {_plain(action.title, roles)} ({effect}; {state}, due {action.due:%Y-%m-%d})"


def _plain(text: str, roles: list[tuple[str, str]]) -> str:
    return _SPECIAL.sub(r"\\\1", blame.without_names(text.strip(), roles))

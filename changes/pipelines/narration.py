"""A pipeline in words: how far it is trusted, and what became of what it sent."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from changes import policy
from changes.models import Pipeline
from changes.narration import CHECK_NAMES, Panel, evidence_in_words
from changes.pipelines.order import OUTCOMES, TERMINAL_CONFLICT
from changes.queries import ChangeRow
from workflow import moments, tones
from workflow.models import Entry

SHORT = {
    "reviewed_commits": "commits",
    "tests": "tests",
    "artifact": "artefact",
    "smoke_test": "smoke test",
    "rollback": "rollback",
    "no_freeze": "no freeze",
}
FIRST = ("suspended", "proposed", "unregistered")
"""The states that wait for a person, in the order in which a list shows them."""


class BoardLine(NamedTuple):
    """A pipeline as a line of the board."""

    pipeline: Pipeline
    scope: str
    must_prove: str
    verdicts: list[str]
    unproven: int


def board_lines(
    pipelines: Iterable[Pipeline], *, verdicts: Mapping[int, list[str]], unproven: Mapping[int, int]
) -> list[BoardLine]:
    """What waits for a person first, then the trusted ones with the most unproven deploys."""
    lines = [
        BoardLine(
            pipeline=pipeline,
            scope=", ".join(
                [*(s.slug for s in pipeline.services.all()), *(e.slug for e in pipeline.environments.all())]
            ),
            must_prove=must_prove(pipeline.requires),
            verdicts=verdicts.get(pipeline.pk, []),
            unproven=unproven.get(pipeline.pk, 0),
        )
        for pipeline in pipelines
    ]
    return sorted(lines, key=_urgency)


def _urgency(line: BoardLine) -> tuple[int, int, str]:
    state = line.pipeline.state
    return (FIRST.index(state) if state in FIRST else len(FIRST), -line.unproven, line.pipeline.slug)


def must_prove(requires: Sequence[str]) -> str:
    """“commits, tests, smoke test”."""
    return ", ".join(SHORT.get(name, name) for name in CHECK_NAMES if name in requires)


def trust_in_a_sentence(states: Sequence[str]) -> str:
    """How many are trusted and what the others lack: “3 of 4 are trusted, 1 waits for a second person.”."""
    words: dict[str, Callable[[int], str]] = {
        "proposed": lambda n: f"{n} {'waits' if n == 1 else 'wait'} for a second person",
        "unregistered": lambda n: f"{n} {'is' if n == 1 else 'are'} not registered",
        "suspended": lambda n: f"{n} {'is' if n == 1 else 'are'} suspended",
    }
    if not states:
        return "No pipeline has logged a deploy, and none is registered."
    trusted = f"{states.count('trusted')} of {len(states)} {'is' if len(states) == 1 else 'are'} trusted"
    others = [say(states.count(state)) for state, say in words.items() if state in states]
    return ", ".join([trusted, *others]) + "."


def trust_panel(pipeline: Pipeline) -> Panel:
    """How far the pipeline is trusted, and by whom."""
    it = tones.look(pipeline.state, "pipeline")
    title, because = _TRUST[pipeline.state](pipeline)
    return Panel(it.tone, it.icon, title, because)


def _trusted(pipeline: Pipeline) -> tuple[str, str]:
    count = len(pipeline.requires)
    title = f"Trusted: a deploy that proves {count} {moments.plural('thing', count)} needs no review"
    when = f" {moments.stamp(pipeline.confirmed_at)} {moments.zone()}" if pipeline.confirmed_at else ""
    return title, f"{pipeline.registered_by} said what it must prove; {pipeline.confirmed_by} confirmed it{when}."


def _proposed(pipeline: Pipeline) -> tuple[str, str]:
    because = (
        f"{pipeline.registered_by} said what it must prove. Until somebody else confirms it, its deploys are unproven."
    )
    return "Waits for a second person", because


def _unregistered(pipeline: Pipeline) -> tuple[str, str]:
    because = (
        "Its deploys are kept, but they count as unproven. Say what it deploys and what it must prove;"
        " a second person confirms it, and from then on its evidence counts."
    )
    return "Nobody has registered this pipeline", because


def _suspended(pipeline: Pipeline) -> tuple[str, str]:
    because = "Its deploys count as unproven until two people reinstate it: one proposes it again, another confirms."
    return "Suspended", because


_TRUST = {"trusted": _trusted, "proposed": _proposed, "unregistered": _unregistered, "suspended": _suspended}


class Demand(NamedTuple):
    """Something the pipeline must prove; `rule` is its public name."""

    rule: str
    name: str
    promise: str


def demands(requires: Sequence[str]) -> list[Demand]:
    """What the pipeline must prove, with the promise of each check."""
    return [
        Demand(name, CHECK_NAMES[name], inspect.getdoc(rule) or "")
        for name, rule in policy.CHECKS.items()
        if name in requires
    ]


# --- What arrived ----------------------------------------------------------------------------------------------------


class Arrival(NamedTuple):
    """Something that arrived, and what became of it."""

    at: datetime
    what: str
    ref: str
    became: str
    icon: str
    tone: str


def arrivals_in_words(entries: Iterable[Entry], rows: Iterable[ChangeRow]) -> list[Arrival]:
    """The ledger's entries about these changes as messages and their effect, in the given order."""
    row_of = {row.ref: row for row in rows}
    return [_arrival(entry, row_of[entry.subject]) for entry in entries if entry.subject in row_of]


def _arrival(entry: Entry, row: ChangeRow) -> Arrival:
    run = f"run {row.run_id}" + (f", attempt {row.attempt}" if (row.attempt or 1) > 1 else "")
    if entry.verb == "verdict":
        what = f"Verdict on {run}"
    elif entry.verb in {"started", "finished", "evidence"}:
        what = f"{_message(entry)}, {run}"
    else:
        what = f"{entry.verb.replace('_', ' ').capitalize()}, {run}"
    if "verdict" in entry.data:
        it = tones.look(str(entry.data["verdict"]), "verdict")
        because = str(entry.data.get("because", ""))
        return Arrival(entry.recorded_at, what, entry.subject, f"{it.word}. {because}", it.icon, it.tone)
    return Arrival(
        entry.recorded_at, what, entry.subject, _kept(entry, row), _KEPT_ICONS.get(entry.verb, "equal"), "mute"
    )


_KEPT_ICONS = {"evidence": "file-check", "finished": "flag", "went_silent": "help-circle"}


def _message(entry: Entry) -> str:
    status = str(entry.data.get("status", ""))
    if status in OUTCOMES:
        return f"Finished ({tones.look(OUTCOMES[status], 'outcome').word.lower()})"
    return "Proof" if entry.verb == "evidence" else "Started"


def _kept(entry: Entry, row: ChangeRow) -> str:
    """What became of a message that was not the first of its run and reached no verdict by itself."""
    if entry.verb == "evidence":
        return f"Kept: {evidence_in_words(entry.data)}"
    if entry.verb == "started":
        return "Came late. Kept; the state never moves back"
    if entry.verb == "finished":
        is_odd = TERMINAL_CONFLICT in row.flags.split()
        return "Another end than reported before. Both are kept" if is_odd else "Its end is known"
    return str(entry.data.get("because") or entry.data.get("note") or "Kept")

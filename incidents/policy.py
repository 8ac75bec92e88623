"""The rules of incidents. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from incidents.states import MOVES, PATH, Level, Scope, Severity, State
from workflow.decisions import REFUSED, Decision
from workflow.transitions import is_legal

ALLOWED = "allowed"

# --- How bad it is ---------------------------------------------------------------------------------------------------

_SEV1, _SEV2, _SEV3, _SEV4 = Severity.SEV1, Severity.SEV2, Severity.SEV3, Severity.SEV4
SEVERITIES: dict[str, dict[str, Severity]] = {
    #                      only ourselves         a few customers     many customers       all customers
    Level.DEGRADED: {Scope.INTERNAL: _SEV4, Scope.FEW: _SEV4, Scope.MANY: _SEV3, Scope.ALL: _SEV2},
    Level.PARTIAL: {Scope.INTERNAL: _SEV4, Scope.FEW: _SEV3, Scope.MANY: _SEV2, Scope.ALL: _SEV1},
    Level.DOWN: {Scope.INTERNAL: _SEV3, Scope.FEW: _SEV2, Scope.MANY: _SEV1, Scope.ALL: _SEV1},
}
"""Severity by how badly a service is hurt and who is hurt by it."""
SEVERE = frozenset({Severity.SEV1, Severity.SEV2})
"""These page whoever has the watch, and hold the services until they are resolved."""
LEVEL_OF: dict[str, Level] = {
    Severity.SEV1: Level.DOWN,
    Severity.SEV2: Level.PARTIAL,
    Severity.SEV3: Level.DEGRADED,
    Severity.SEV4: Level.DEGRADED,
}
"""How badly services are taken to be hurt while nobody has said."""
SEVERITY_WORDS: dict[str, Severity] = {
    **{severity.value: severity for severity in Severity},
    **dict.fromkeys(("page", "critical", "emergency", "p1"), Severity.SEV2),
    **dict.fromkeys(("error", "high", "warning", "p2", "p3"), Severity.SEV3),
    **dict.fromkeys(("info", "low", "none", "p4", "p5"), Severity.SEV4),
}
"""What monitoring calls a severity. A machine never says Sev 1 unless it says so in this word."""


def severity_of(impact: str, scope: str) -> Severity:
    """Read off the matrix; `impact` and `scope` are words of Level and Scope."""
    return SEVERITIES[impact][scope]


def severity_of_alert(word: str, *, tier: int | None) -> Severity:
    """How bad an alert is: by the word that came with it, else Sev 2 on a tier-0 service and Sev 3 on any other."""
    return SEVERITY_WORDS.get(word.strip().lower()) or (Severity.SEV2 if tier == 0 else Severity.SEV3)


# --- The way of an incident ------------------------------------------------------------------------------------------


def step_is_legal(start: str, end: str) -> Decision:
    """An incident goes only where the table of moves lets it."""
    rule = "transition_illegal"
    if start == State.MERGED:
        return Decision(rule, REFUSED, "It was merged into another incident. Go on there.")
    if start == State.CANCELLED:
        return Decision(rule, REFUSED, "It was cancelled. If it hurts after all, declare it anew.")
    if not is_legal(MOVES, start, end):
        return Decision(rule, REFUSED, f"An incident that is {start} cannot become {end}.")
    return Decision(rule, ALLOWED, "The table of moves has it.")


def skip_needs_reason(start: str, end: str, *, reason: str) -> Decision:
    """A step that leaves states out, or goes back, is taken with a reason."""
    rule = "skip_needs_reason"
    if reason.strip() or PATH.index(State(end)) - PATH.index(State(start)) == 1:
        return Decision(rule, ALLOWED, "It is the next step, or somebody said why not.")
    back = PATH.index(State(end)) < PATH.index(State(start))
    left_out = "goes back" if back else f"leaves out {', '.join(_between(start, end))}"
    return Decision(rule, REFUSED, f"From {start} to {end} {left_out}. Say why.")


def _between(start: str, end: str) -> Sequence[str]:
    return [str(state.value) for state in PATH[PATH.index(State(start)) + 1 : PATH.index(State(end))]]


@dataclass(frozen=True, slots=True)
class Closing:
    """What must be settled before an incident closes; `rca` is the state of its root cause analysis, "" without one.

    `unanswered` are the root causes that have neither an action nor an accepted risk, as texts.
    """

    customer_impacting: bool
    rca: str = ""
    unanswered: Sequence[str] = ()


def close_needs_rca(facts: Closing) -> Decision:
    """An incident that customers felt closes once its root cause analysis is published or waived.

    Every root cause has an action then, or a risk that somebody accepted.
    """
    rule = "close_needs_rca"
    is_settled = facts.rca in {"published", "waived"}
    if facts.customer_impacting and not is_settled:
        now = f"it is {facts.rca.replace('_', ' ')}" if facts.rca else "nobody has begun it"
        because = f"Customers felt it, so its root cause analysis is published or waived first; {now}."
        return Decision(rule, REFUSED, because)
    if facts.unanswered and facts.rca != "waived":
        count = len(facts.unanswered)
        causes = "1 root cause has" if count == 1 else f"{count} root causes have"
        because = f"{causes} no action and no accepted risk: “{facts.unanswered[0]}”. Answer it first."
        return Decision(rule, REFUSED, because)
    return Decision(rule, ALLOWED, "What it taught is written down, or nobody felt it.")


@dataclass(frozen=True, slots=True)
class Merging:
    """Two incidents that shall become one."""

    is_same: bool
    parent_state: str
    restricted: bool
    parent_restricted: bool


def merge_is_sound(facts: Merging) -> Decision:
    """An incident is merged into another one that is open or resolved, and never out of hiding."""
    rule = "merge_is_sound"
    if facts.is_same:
        return Decision(rule, REFUSED, "An incident cannot be merged into itself. Name the other one.")
    if facts.parent_state in {State.MERGED, State.CANCELLED, State.CLOSED}:
        return Decision(rule, REFUSED, f"The other one is {facts.parent_state}. Merge into one that goes on.")
    if facts.restricted and not facts.parent_restricted:
        because = "This one is restricted and the other is not, so everybody would read it. Merge the other into this."
        return Decision(rule, REFUSED, because)
    return Decision(rule, ALLOWED, "The other one goes on.")


# --- Times -----------------------------------------------------------------------------------------------------------

ORDERED = ("impact_started_at", "mitigated_at", "resolved_at", "closed_at")
"""None of these may be before one that stands further left."""
NAMES = {
    "impact_started_at": "the start of the impact",
    "detected_at": "the detection",
    "declared_at": "the declaration",
    "acknowledged_at": "the acknowledgement",
    "first_public_post_at": "the first public post",
    "mitigated_at": "the mitigation",
    "resolved_at": "the resolution",
    "closed_at": "the closing",
}
REACHED: dict[str, frozenset[str]] = {
    "mitigated_at": frozenset({State.MITIGATED, State.RESOLVED, State.CLOSED}),
    "resolved_at": frozenset({State.RESOLVED, State.CLOSED}),
    "closed_at": frozenset({State.CLOSED}),
}
"""The states in which these times have come; before, they are said by the verb that brings them."""
Times = Mapping[str, datetime | None]


class Fault(NamedTuple):
    """A time that cannot be: its field, the rule, and a sentence."""

    field: str
    rule: str
    because: str


def faults_of_times(times: Times, *, now: datetime) -> list[Fault]:
    """What is wrong with the times of an incident: the rules `none_in_the_future` and `times_in_order`."""
    faults = [
        Fault(name, "none_in_the_future", "This is still to come. Write when it was, or leave it out.")
        for name, at in times.items()
        if at is not None and at > now
    ]
    known = [(name, at) for name in ORDERED if (at := times.get(name)) is not None]
    for (earlier, first), (later, second) in pairwise(known):
        if second < first:
            faults.append(Fault(later, "times_in_order", f"It cannot be before {NAMES[earlier]}."))
    return faults


def warnings_of(times: Times) -> list[str]:
    """What is odd about the times but may be true."""
    said = []
    started, detected, declared = (times.get(f"{name}_at") for name in ("impact_started", "detected", "declared"))
    if started and detected and detected < started:
        said.append("It was detected before it began to hurt.")
    if declared and detected and detected > declared:
        said.append("It was declared before it was detected.")
    return said


def time_has_come(name: str, state: str, *, was_known: bool, is_known: bool) -> Decision:
    """A time is corrected once the incident has come that far, and what has come cannot become unknown again."""
    rule = "time_has_come"
    if name == "declared_at":
        return Decision(rule, REFUSED, "Decklog wrote down itself when it was declared.")
    if name not in REACHED:
        return Decision(rule, ALLOWED, "Whoever knows it says it.")
    if is_known and not was_known and state not in REACHED[name]:
        verb = {"mitigated_at": "mitigate", "resolved_at": "resolve", "closed_at": "close"}[name]
        return Decision(rule, REFUSED, f"It is {state}. Use {verb}, which takes the time as well.")
    if was_known and not is_known:
        return Decision(rule, REFUSED, "This has happened, so it has a time. Correct it instead.")
    return Decision(rule, ALLOWED, "It has come.")


# --- What is written and told ----------------------------------------------------------------------------------------


def note_can_change(*, verb: str, is_removed: bool) -> Decision:
    """Notes are revised and removed, and everything stays readable as it was; what Decklog wrote stands."""
    rule = "note_can_change"
    if verb != "note":
        return Decision(rule, REFUSED, "Decklog wrote this. Add a note beside it.")
    if is_removed:
        return Decision(rule, REFUSED, "This note was removed already.")
    return Decision(rule, ALLOWED, "Somebody wrote it.")


def restricted_stays_inside(*, restricted: bool, public: bool) -> Decision:
    """Nothing of a restricted incident is told to customers from here."""
    if restricted and public:
        because = "It is restricted, so nothing of it is published. Write it down as a note."
        return Decision("restricted_stays_inside", REFUSED, because)
    return Decision("restricted_stays_inside", ALLOWED, "It may be told.")

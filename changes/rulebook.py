"""Every rule of this house by its public name, read off the policies themselves, so that no page lags behind."""

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from accounts import policy as accounts_policy
from changes import edit_policy
from changes import policy as changes_policy
from changes.audit import policy as audit_policy
from changes.freezes import policy as freezes_policy
from changes.pipelines import gate_policy
from changes.pipelines import policy as pipelines_policy
from changes.preapproved import policy as preapproved_policy
from changes.tickets import policy as tickets_policy
from changes.tickets import risk_policy, start_policy
from notifications import policy as notifications_policy
from workflow.decisions import Decision

POLICIES: tuple[ModuleType, ...] = (
    changes_policy,
    pipelines_policy,
    tickets_policy,
    risk_policy,
    start_policy,
    edit_policy,
    preapproved_policy,
    gate_policy,
    freezes_policy,
    audit_policy,
    accounts_policy,
    notifications_policy,
)
OTHER_NAMES: dict[str, Callable[..., Any]] = {
    "four_eyes": tickets_policy.four_eyes,
    "stale_approval": tickets_policy.approved_as_seen,
    "quorum_unsatisfiable": tickets_policy.quorum_satisfiable,
    "freeze_ends_after_start": freezes_policy.freeze_is_sound,
    "recurrence": freezes_policy.freeze_is_sound,
    "time_zone_needed": freezes_policy.freeze_is_sound,
}
"""Rules whose stable code, which clients know, is not the name of their function."""


class Rule(NamedTuple):
    """A rule as people look it up: the promise, where it lives, and the few lines that it is."""

    name: str
    promise: str
    place: str
    source: str
    kind: str


@cache
def rules() -> dict[str, Rule]:
    """All rules, in the order of their policies."""
    found = {name: _rule(name, function) for name, function in _functions()}
    return found | {name: _rule(name, function) for name, function in OTHER_NAMES.items()}


def _functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in POLICIES:
        for name, function in vars(module).items():
            is_own = inspect.isfunction(function) and function.__module__ == module.__name__
            if is_own and not name.startswith("_") and _kind(name, function):
                yield name, function


def _rule(name: str, function: Callable[..., Any]) -> Rule:
    promise = inspect.getdoc(function) or ""
    place = f"{function.__module__.replace('.', '/')}.py, {function.__name__}"
    return Rule(name, promise, place, inspect.getsource(function), _kind(function.__name__, function))


def _kind(name: str, function: Callable[..., Any]) -> str:
    if changes_policy.CHECKS.get(name) is function:
        return "check"
    answer = inspect.signature(function).return_annotation
    return "rule" if answer in {Decision, Decision | None} else ""

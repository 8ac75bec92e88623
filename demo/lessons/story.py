"""The incidents and the lessons of lessons.yaml, as they are told. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LESSONS = Path(__file__).with_name("lessons.yaml")


@dataclass(frozen=True, slots=True)
class WhyTold:
    """One why; `name` is its own, or `known` the name of one that an earlier analysis has told."""

    name: str = ""
    known: str = ""
    below: Sequence[str] = ()
    question: str = ""
    claim: str = ""
    path: str = ""
    state: str = ""
    category: str = ""
    stop: str = ""
    evidence: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Promised:
    """One action. Days are counted back from today; those that are None have not come. `due` may lie ahead.

    `broken_by` is the place in the list of the lesson whose incident shared its cause; `new_due` is the day since then.
    """

    title: str
    against: str
    type: str
    effect: str
    owner: str
    promised: int
    due: int
    began: int | None = None
    done: int | None = None
    verified: int | None = None
    dropped: int | None = None
    broken_by: int | None = None
    new_due: int | None = None
    by: str = ""
    note: str = ""
    method: str = ""
    proof: str = ""
    reason: str = ""
    tracker: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One incident and its analysis. `minutes` says when each thing happened after the impact began."""

    title: str
    severity: str
    days: int
    at: str
    hurt: Mapping[str, str]
    minutes: Mapping[str, int]
    noticed_by: str
    commander: str
    people: Mapping[str, str]
    state: str
    summary: str
    went_well: str
    lucky: str
    whys: Sequence[WhyTold]
    actions: Sequence[Promised]
    accepted: Mapping[str, str] = field(default_factory=dict)


def all_lessons() -> list[Lesson]:
    """Everything in lessons.yaml, oldest first."""
    # libyaml's loader reads the same, in a tenth of the time, where it is there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    told = yaml.load(LESSONS.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - one of the two safe loaders
    return [_lesson(one) for one in told]


def _lesson(told: dict[str, Any]) -> Lesson:
    whys = [WhyTold(**one) for one in told["whys"]]
    actions = [Promised(**one) for one in told["actions"]]
    return Lesson(**{**told, "whys": whys, "actions": actions})

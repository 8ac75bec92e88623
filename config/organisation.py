"""An organisation from one file: the rooms say what their parts mean, here they are put together."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from accounts.organisation import PEOPLE, TEAMS, Tokens, read_secrets, tokens_section, write_secrets
from catalog.organisation import ENVIRONMENTS, SERVICES
from changes.organisation import FREEZES
from changes.pipelines.organisation import PIPELINES
from changes.preapproved.organisation import TEMPLATES
from oncall.organisation import ESCALATIONS, SCHEDULES
from workflow import manifest
from workflow.errors import Conflict, RuleViolation
from workflow.manifest import Fault, Section, Step

LATER = ("slack",)
"""Sections of the contract that this version accepts and does not apply yet."""


class Refused(Exception):
    """The file is wrong; `faults` are all the mistakes found, and nothing was applied."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} mistakes")
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, or would be: the steps in order, and the sections that were not looked at."""

    steps: list[Step]
    skipped: list[str]


def apply_file(path: Path, *, tokens_file: Path | None = None, dry_run: bool = False) -> Applied:
    """Make this installation as the file says, all of it or nothing.

    Raises Refused for mistakes in the file, RuleViolation when it cannot be read or a rule forbids a step.
    """
    tokens = Tokens(can_keep=tokens_file is not None)
    sections: list[Section[Any]] = [
        PEOPLE,
        TEAMS,
        ENVIRONMENTS,
        SERVICES,
        PIPELINES,
        TEMPLATES,
        tokens_section(tokens),
        FREEZES,
        SCHEDULES,
        ESCALATIONS,
    ]
    document = manifest.read(path)
    if tokens_file is not None:
        read_secrets(tokens_file)
    try:
        with transaction.atomic():
            parsed = manifest.parse(document, sections, later=LATER)
            if parsed.faults:
                raise Refused(parsed.faults)
            steps = [step for section in sections for step in section.plan(parsed.entries[section.name])]
            if not dry_run:
                _take(steps)
                if tokens_file is not None and tokens.secrets:
                    # Before the commit: a crash in between leaves a secret that opens nothing, and the next run
                    # replaces it. The other way round it would leave a token whose secret nobody has.
                    write_secrets(tokens_file, tokens.secrets)
    except IntegrityError as error:
        raise Conflict("changed_meanwhile", "Somebody else changed the same things just now. Run it again.") from error
    return Applied(steps, [name for name in LATER if document.get(name)])


def _take(steps: Iterable[Step]) -> None:
    for step in steps:
        if step.do is None:
            continue
        try:
            step.do()
        except RuleViolation as refusal:
            raise Conflict(refusal.code, f"{step.line}: {refusal.message} Nothing was applied.") from refusal

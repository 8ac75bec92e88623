"""How much could go wrong with a change that a person files. Pure: no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from changes.states import Risk
from workflow.decisions import Decision


class Question(NamedTuple):
    """A question that whoever files a change answers with yes or no; yes adds the points."""

    words: str
    points: int
    example: str


RISK_QUESTIONS: dict[str, Question] = {
    "irreversible": Question("Is it irreversible?", 3, "A dropped column, mail that was sent, a key that was rotated."),
    "customer_downtime": Question("Will customers meet downtime?", 3, "A restart without a second instance."),
    "data_migration": Question("Does it migrate data?", 2, "A backfill, a new format of stored rows."),
    "no_automated_rollback": Question("Is there no automated way back?", 2, "Somebody would have to type commands."),
    "first_time": Question("Is it done for the first time?", 1, "A new tool, a new kind of step, a new provider."),
}
MEDIUM_FROM, HIGH_FROM = 3, 6
"""From how many points a change is of medium, and of high risk."""
SLOW_WAY_BACK, MANY_SERVICES = 30, 3


class Contribution(NamedTuple):
    """One reason for the risk level: a stable code, words, and its points."""

    code: str
    words: str
    points: int


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What the risk depends on; `tiers` are those of the services, `rollback_minutes` is None if not told."""

    answers: Mapping[str, bool]
    tiers: Sequence[int]
    customer_impacting: bool
    rollback_minutes: int | None


@dataclass(frozen=True, slots=True)
class RiskFound:
    """The level, and what made it so, most points first."""

    decision: Decision
    contributions: list[Contribution]

    @property
    def level(self) -> str:
        """`low`, `medium` or `high`."""
        return self.decision.outcome

    @property
    def points(self) -> int:
        """The sum of the contributions."""
        return sum(one.points for one in self.contributions)


def risk_level(facts: RiskFacts) -> Decision:
    """Points for every yes, a critical service, customers who notice and a slow way back; 3 are medium, 6 are high."""
    points = sum(one.points for one in contributions(facts))
    level = Risk.HIGH if points >= HIGH_FROM else Risk.MEDIUM if points >= MEDIUM_FROM else Risk.LOW
    return Decision("risk_level", level, f"{points} points: medium from {MEDIUM_FROM}, high from {HIGH_FROM}.")


def contributions(facts: RiskFacts) -> list[Contribution]:
    """Everything that adds to the risk, most points first."""
    found = [Contribution(code, q.words, q.points) for code, q in RISK_QUESTIONS.items() if facts.answers.get(code)]
    if facts.tiers and min(facts.tiers) == 0:
        found.append(Contribution("tier_0", "It touches a tier 0 service.", 1))
    if facts.customer_impacting:
        found.append(Contribution("customer_impacting", "Customers notice it.", 1))
    if len(facts.tiers) >= MANY_SERVICES:
        found.append(Contribution("many_services", f"It touches {len(facts.tiers)} services.", 1))
    if facts.rollback_minutes is not None and facts.rollback_minutes > SLOW_WAY_BACK:
        found.append(Contribution("slow_rollback", f"The way back takes over {SLOW_WAY_BACK} minutes.", 1))
    return sorted(found, key=lambda one: -one.points)


def judge_risk(facts: RiskFacts) -> RiskFound:
    """The level together with its reasons."""
    return RiskFound(risk_level(facts), contributions(facts))

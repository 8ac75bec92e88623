"""What a rule answers: never a bare yes or no, always a name and a reason."""

from dataclasses import dataclass

from workflow.errors import Forbidden, RuleViolation

REFUSED = "refused"
"""The outcome of a rule that says no."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one named rule.

    `rule` is the function's name and what users see and search for; `outcome` is one of the rule's documented words;
    `because` is a sentence for a person.
    """

    rule: str
    outcome: str
    because: str


def require(decision: Decision, kind: type[RuleViolation] = Forbidden, *, field: str = "") -> None:
    """Raise `kind`, with the rule's name as code and its reason, if the decision is a refusal."""
    if decision.outcome == REFUSED:
        raise kind(decision.rule, decision.because, field=field)

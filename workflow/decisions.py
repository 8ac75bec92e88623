"""What a rule answers: never a bare yes or no, always a name and a reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of one named rule.

    `rule` is the function's name and what users see and search for; `outcome` is one of the rule's documented words;
    `because` is a sentence for a person.
    """

    rule: str
    outcome: str
    because: str

"""Counts what two sets of rules say, and lays it out as a table."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

MOST_NAMED = 20


class Said(NamedTuple):
    """What rules say about a change: the rule, the answer, and why."""

    rule: str
    answer: str
    because: str = ""


class Tally:
    """How often which answer became which, and the first changes whose answer would differ."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._named: list[tuple[str, Said, Said]] = []
        self.count = self.differing = 0

    def add(self, ref: str, before: Said, after: Said) -> None:
        """Count one change."""
        self.count += 1
        self._counts[before.rule, before.answer, after.rule, after.answer] += 1
        if before.answer != after.answer:
            self.differing += 1
            if len(self._named) < MOST_NAMED:
                self._named.append((ref, before, after))

    def lines(self) -> Iterator[str]:
        """The table, those that differ first, and the changes by name."""
        yield f"{self._title}: {self.count:,} judged, {self.differing:,} would be decided otherwise."
        if not self.count:
            return
        ordered = sorted(self._counts.items(), key=lambda pair: (pair[0][1] == pair[0][3], -pair[1], pair[0]))
        cells = [("count", "before", "", "after", "")]
        for (rule, answer, new_rule, new_answer), count in ordered:
            is_same = (rule, answer) == (new_rule, new_answer)
            cells.append(
                (f"{count:,}", answer, rule, "the same" if is_same else new_answer, "" if is_same else new_rule)
            )
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
        for number, *words in cells:
            rest = "  ".join(word.ljust(width) for word, width in zip(words, widths[1:], strict=True))
            yield f"  {number.rjust(widths[0])}  {rest}".rstrip()
        yield from self._names()

    def _names(self) -> Iterator[str]:
        if not self._named:
            return
        yield f"The first {len(self._named)} that would differ:" if len(self._named) > 1 else "It would differ for:"
        for ref, before, after in self._named:
            yield f"  {ref}  {before.answer} → {after.answer}  {after.because}".rstrip()

"""What the people of Halyard change by hand, read from works.yaml."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

WORKS = Path(__file__).with_name("works.yaml")


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that is done once. `risk` are the risk questions answered with yes; `services` are slugs.

    `hours` is how long its window is; a `rare` one is of high risk and told by name.
    """

    team: str
    title: str
    services: Sequence[str]
    reason: str
    tested: str
    way_back: str
    minutes: int
    verify: str
    risk: Sequence[str] = ()
    description: str = ""
    note: str = ""
    hours: float = 1
    rare: bool = False


def all_works() -> list[Work]:
    """Everything in works.yaml, in its order."""
    # A file of our own, so the quick loader that comes with C will do where it is there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    teams = yaml.load(WORKS.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - one of the two safe loaders
    return [work for team, kinds in teams.items() for kind in kinds for work in _titles(team, kind)]


def _titles(team: str, kind: dict[str, object]) -> Iterator[Work]:
    titles = kind["titles"]
    assert isinstance(titles, dict)
    shared = {name: value for name, value in kind.items() if name != "titles"}
    for title, own in titles.items():
        yield Work(team=team, title=title, **{**shared, **(own or {})})

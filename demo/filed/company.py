"""Who is who at Halyard, as far as the rules for filed changes ask. Pure."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from changes.tickets import policy
from changes.tickets.policy import Circle, Hand


class Person(NamedTuple):
    """Somebody: the id, the e-mail, and the ledger's id."""

    pk: int
    email: str
    actor: str


class ServiceFact(NamedTuple):
    """A service: its id, its team's slug, and how critical it is."""

    pk: int
    team: str
    tier: int


@dataclass(frozen=True, slots=True)
class Company:
    """Everybody by the part of the e-mail before the @, services and teams' names by slug, and who is in which team."""

    people: Mapping[str, Person]
    services: Mapping[str, ServiceFact]
    teams: Mapping[str, str]
    hands: Mapping[str, Sequence[Hand]]
    production: int

    def crew(self, team: str, *, leads: bool = True) -> list[str]:
        """The names of a team's people, without its leads if asked."""
        return [name_of(hand.email) for hand in self.hands[team] if leads or not hand.is_lead]

    def circle(self, services: Iterable[str], level: str, excluded: Iterable[int], *, filed_at: datetime) -> Circle:
        """Everybody who has a say in a change of these services; `excluded` are ids of people who made it."""
        teams = sorted({self.services[slug].team for slug in services})
        return Circle(
            level=level,
            teams={team: self.teams[team] for team in teams},
            hands=[hand for team in teams for hand in self.hands[team]],
            excluded=dict.fromkeys(excluded, "had a hand in it"),
            filed_at=filed_at,
        )


def name_of(email: str) -> str:
    """The name by which the story calls somebody."""
    return email.partition("@")[0]


def approvers(circle: Circle, dice: random.Random) -> list[str]:
    """People whose approvals suffice, as few as can be: leads where they are demanded, and others."""
    demand, may = policy.demanded_approvals(circle.level, circle.teams), policy.judges(circle)
    chosen: list[policy.Judge] = []
    for team in sorted(demand.lead_of):
        if not any(team in judge.leads for judge in chosen):
            chosen.append(dice.choice([judge for judge in may if team in judge.leads]))
    for team in sorted(demand.peer_of):
        if not any(team in judge.teams for judge in chosen):
            chosen.append(dice.choice([judge for judge in may if team in judge.teams]))
    others = [judge for judge in may if judge not in chosen]
    dice.shuffle(others)
    chosen += others[: max(demand.number - len(chosen), 0)]
    return [name_of(judge.email) for judge in chosen]

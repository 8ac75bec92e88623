"""What Halyard's pipelines told over 90 days, as the messages they would have sent. Pure: dice, no database, no clock.

The same seed, organisation and moment give the same story.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from changes.pipelines.order import Event
from demo.vocabulary import NOTES, PLANS, RELEASES_A_DAY, TEAM_ZONES, TITLES

DAYS = 90
TRUST_BEGAN = 6
"""How many days ago the Trust team's pipeline was registered; before, the team did not deploy with it."""
TEST_STAGES = ("uat", "staging")


@dataclass(frozen=True, slots=True)
class Route:
    """A pipeline as far as the story needs it: slugs, its team's e-mails, and its token's actor."""

    pipeline: str
    team: str
    services: list[str]
    environments: list[str]
    crew: list[str]
    actor: str


@dataclass(slots=True)
class Telling:
    """One run and everything it said, in the order of arrival."""

    pipeline: str
    service: str
    environment: str
    run_id: str
    events: list[Event] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """When it was first heard of."""
        return datetime.fromisoformat(self.events[0]["received_at"])

    @property
    def is_quiet_production(self) -> bool:
        """Whether it is a plain successful deploy to production."""
        return self.environment == "production" and self.events[-1]["status"] == "succeeded"


class Storyteller:
    """Tells the whole story once."""

    def __init__(self, routes: list[Route], *, now: datetime, seed: int) -> None:
        self._routes = routes
        self._now = now
        self._dice = random.Random(seed)  # noqa: S311 - the same seed must give the same story
        self._versions: dict[str, list[int]] = {}
        self._shas: dict[str, str] = {}
        self._runs: dict[str, int] = {}

    def tell(self) -> list[Telling]:
        """Every run, oldest first."""
        told = [telling for days_ago in range(DAYS, -1, -1) for telling in self._day(days_ago)]
        told = [telling for telling in told if telling.at < self._now - timedelta(minutes=20)]
        told.sort(key=lambda telling: (telling.at, telling.pipeline, telling.run_id))
        told = [self._up_to_now(telling) for telling in told]
        self._bend_clocks(told)
        return [*told, *self._at_this_moment()]

    def sha(self) -> str:
        """A commit that nobody has seen before."""
        return f"{self._dice.getrandbits(160):040x}"

    # --- A day ------------------------------------------------------------------------------------------------------

    def _day(self, days_ago: int) -> Iterator[Telling]:
        day = (self._now - timedelta(days=days_ago)).date()
        teams = {route.team for route in self._routes}
        for team, rate in RELEASES_A_DAY.items():
            if team not in teams or (team == "trust" and days_ago >= TRUST_BEGAN):
                continue
            for _ in range(self._count(rate * (1.0, 1.15, 1.1, 1.0, 0.7, 0.07, 0.05)[day.weekday()])):
                yield from self._release(team, self._office_hour(day, team))

    def _count(self, expected: float) -> int:
        return sum(self._dice.random() < expected / 12 for _ in range(12))

    def _office_hour(self, day: date, team: str) -> datetime:
        """Mornings and early afternoons; lunch and evenings are quiet."""
        hour = self._dice.choices((9, 10, 11, 12, 13, 14, 15, 16, 17, 20), (3, 7, 7, 3, 4, 7, 6, 4, 2, 0.4))[0]
        local = datetime.combine(day, time(hour, self._dice.randrange(60), self._dice.randrange(60)))
        return local.replace(tzinfo=ZoneInfo(TEAM_ZONES[team]))

    def _release(self, team: str, at: datetime) -> Iterator[Telling]:
        """A version on its way: first where it harms nobody, then to production if that went well."""
        route = self._dice.choice([route for route in self._routes if route.team == team for _ in route.services])
        service = self._dice.choice(route.services)
        facts = self._version(route, service, at)
        for stage in TEST_STAGES:
            if stage in route.environments and self._dice.random() < 0.8:
                tested = self._run(route, service, stage, at, facts)
                yield tested
                if tested.events[-1]["status"] != "succeeded":
                    return
                at += timedelta(minutes=self._dice.randrange(20, 190))
        if self._dice.random() < 0.93:
            yield self._run(route, service, "production", at, facts | self._note(service))

    # --- A run ------------------------------------------------------------------------------------------------------

    def _version(self, route: Route, service: str, at: datetime) -> dict[str, Any]:
        number = self._versions.setdefault(service, [self._dice.randrange(1, 6), self._dice.randrange(30), 0])
        if self._dice.random() < 0.3:
            number[1:] = [number[1] + 1, 0]
        else:
            number[2] += 1
        previous = self._shas.get(service) or self.sha()
        commits = [self._commit(route, at) for _ in range(self._dice.choices((1, 2, 3, 5), (6, 3, 2, 1))[0])]
        self._shas[service] = commits[-1]["sha"]
        facts: dict[str, Any] = {
            "version": ".".join(map(str, number)),
            "sha": commits[-1]["sha"],
            "previous_sha": previous,
            "artifact_digest": f"sha256:{self._dice.getrandbits(256):064x}",
            "tickets": [f"HAL-{self._dice.randrange(2000, 6000)}"] if self._dice.random() < 0.7 else [],
            "commits": commits,
        }
        if self._dice.random() < 0.22:
            facts["title"] = commits[-1]["title"]
        return facts

    def _commit(self, route: Route, at: datetime) -> dict[str, Any]:
        author, reviewer = self._dice.sample(route.crew, 2)
        written = at - timedelta(minutes=self._dice.randrange(40, 2800))
        return {
            "sha": self.sha(),
            "authored_at": written.isoformat(timespec="seconds"),
            "author": author,
            "reviewed_by": [reviewer],
            "title": self._dice.choice(TITLES[route.team]),
        }

    def _note(self, service: str) -> dict[str, Any]:
        notes = NOTES.get(service)
        if not notes or self._dice.random() > 0.12:
            return {}
        title, note = self._dice.choice(notes)
        return {"title": title, "customer_impacting": True, "public_note": note}

    def _run(self, route: Route, service: str, environment: str, at: datetime, facts: dict[str, Any]) -> Telling:
        telling, started, finished = self._opening(route, service, environment, at, facts)
        status = self._dice.choices(("succeeded", "failed", "rolled_back", "cancelled"), (0.95, 0.024, 0.02, 0.006))[0]
        lag = timedelta(seconds=self._dice.randrange(1, 6))
        ending: Event = {
            "status": status,
            **facts,
            "started_at": started.isoformat(),
            "finished_at": finished.isoformat(),
            "run_url": self._run_url(telling),
            "evidence": self._evidence(telling, facts, finished, worked=status == "succeeded"),
        }
        telling.events.append(ending | {"received_at": (finished + lag).isoformat(), "by": route.actor})
        return telling

    def _opening(
        self, route: Route, service: str, environment: str, at: datetime, facts: dict[str, Any]
    ) -> tuple[Telling, datetime, datetime]:
        """The run and its times; every second pipeline tells when it starts, the others only how it ended."""
        number = self._runs[route.pipeline] = self._runs.get(route.pipeline, self._dice.randrange(200, 2500)) + 1
        telling = Telling(route.pipeline, service, environment, str(number))
        finished = at + timedelta(seconds=int(self._dice.triangular(70, 900, 200)))
        if len(route.pipeline) % 2:
            starting: Event = {"status": "started", "version": facts["version"], "sha": facts["sha"]}
            starting |= {"started_at": at.isoformat(), "run_url": self._run_url(telling)}
            received = at + timedelta(seconds=self._dice.randrange(1, 4))
            telling.events.append(starting | {"received_at": received.isoformat(), "by": route.actor})
        return telling, at, finished

    def _run_url(self, telling: Telling) -> str:
        return f"https://ci.halyard.example/{telling.pipeline}/runs/{telling.run_id}"

    def _evidence(self, telling: Telling, facts: dict[str, Any], at: datetime, *, worked: bool) -> dict[str, Any]:
        url = self._run_url(telling)
        tests = {"passed": self._dice.randrange(180, 900), "failed": 0, "sha": facts["sha"], "url": f"{url}/tests"}
        smoke = {"status": "passed" if worked else "failed", "at": at.isoformat(), "url": f"{url}/smoke"}
        rollback = {"ready": True, "plan": self._dice.choice(PLANS), "target": facts["previous_sha"][:7]}
        return {"tests": tests, "smoke_test": smoke, "rollback": rollback}

    # --- What is not quite right ------------------------------------------------------------------------------------

    def _up_to_now(self, telling: Telling) -> Telling:
        """Without what would arrive only later: a run that is under way has not ended yet."""
        heard = [event for event in telling.events if datetime.fromisoformat(event["received_at"]) <= self._now]
        return Telling(telling.pipeline, telling.service, telling.environment, telling.run_id, heard)

    def _bend_clocks(self, told: list[Telling]) -> None:
        """A few build machines whose clock is 7 minutes off, and two runs that ended twice, differently."""
        for telling in self._dice.sample(told, 5):
            last = telling.events[-1]
            last["received_at"] = (datetime.fromisoformat(last["received_at"]) + timedelta(minutes=7)).isoformat()
        for telling in self._dice.sample([telling for telling in told[: len(told) // 2] if len(telling.events) > 1], 2):
            last = telling.events[-1]
            again = datetime.fromisoformat(last["received_at"]) + timedelta(minutes=3)
            other = "failed" if last["status"] != "failed" else "succeeded"
            finished = {"finished_at": again.isoformat(), "received_at": again.isoformat()}
            telling.events.append({**last, "status": other, **finished})

    def _at_this_moment(self) -> list[Telling]:
        """Deploys under way, and some that ended minutes ago and whose smoke test is still running."""
        told = []
        by_name = {route.pipeline: route for route in self._routes}
        for pipeline, minutes in (("mta-deploy", 4), ("checkout-deploy", 11), ("dashboard-deploy", 2)):
            telling = self._fresh(by_name[pipeline], minutes)
            route = by_name[pipeline]
            starting = {name: telling.events[-1][name] for name in ("version", "sha", "started_at", "run_url")}
            received = datetime.fromisoformat(starting["started_at"]) + timedelta(seconds=2)
            telling.events = [{"status": "started", **starting, "received_at": received.isoformat(), "by": route.actor}]
            told.append(telling)
        for pipeline, minutes in (("insights-deploy", 7), ("delivery-deploy", 5), ("ledger-deploy", 9)):
            telling = self._fresh(by_name[pipeline], minutes)
            del telling.events[-1]["evidence"]["smoke_test"]
            told.append(telling)
        return sorted(told, key=lambda telling: telling.at)

    def _fresh(self, route: Route, minutes: int) -> Telling:
        """A successful production run that began so many minutes ago and took less than that."""
        at = self._now - timedelta(minutes=minutes)
        service = self._dice.choice(route.services)
        telling = self._run(route, service, "production", at, self._version(route, service, at))
        last = telling.events[-1]
        finished = at + timedelta(seconds=minutes * 40)
        last |= {"status": "succeeded", "finished_at": finished.isoformat()}
        last |= {"received_at": (finished + timedelta(seconds=2)).isoformat()}
        last["evidence"]["smoke_test"] |= {"status": "passed", "at": finished.isoformat()}
        return telling


def spoil(telling: Telling, flaw: str) -> None:
    """Take away a part of the proof: `smoke_test` is missing, `review` was by the author, `tests` ran elsewhere."""
    last = telling.events[-1]
    if flaw == "smoke_test":
        del last["evidence"]["smoke_test"]
    elif flaw == "review":
        first, *rest = last["commits"]
        last["commits"] = [{**first, "reviewed_by": [first["author"]]}, *rest]
    else:
        last["evidence"] = {**last["evidence"], "tests": {**last["evidence"]["tests"], "sha": last["previous_sha"]}}


def prove_late(telling: Telling, *, after: timedelta, actor: str) -> None:
    """Somebody sends the smoke test's result afterwards."""
    finished = datetime.fromisoformat(telling.events[-1]["finished_at"])
    at = (finished + after).isoformat()
    evidence = {"smoke_test": {"status": "passed", "at": at}}
    telling.events.append({"evidence": evidence, "received_at": at, "by": actor})

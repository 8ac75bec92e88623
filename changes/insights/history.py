"""The plain rows that the delivery metrics are computed from, and what is read off them before anything is counted.

Pure: no database, no clock. The order in which rows are given makes no difference.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from changes.states import Outcome

STAYED = frozenset({Outcome.SUCCEEDED.value, Outcome.SUCCEEDED_WITH_ISSUES.value})
"""The outcomes after which what was deployed is what runs."""
DID_NOT_STAY = frozenset({Outcome.FAILED.value, Outcome.ROLLED_BACK.value})
ENDED = STAYED | DID_NOT_STAY


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit as a pipeline named it; `authored_at` is None when it did not say."""

    sha: str
    authored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deploy of one service to one production environment.

    `at` is the moment it is listed under, its start. `code` tells versions of the service apart: the commit, else the
    version; empty when neither is known. `run` is the same for what one run of a pipeline sent to several environments.
    """

    id: int
    environment: str
    at: datetime
    finished_at: datetime | None
    outcome: str
    code: str = ""
    run: str = ""
    is_emergent: bool = False
    is_backfilled: bool = False
    commits: tuple[Commit, ...] = ()


@dataclass(frozen=True, slots=True)
class FiledChange:
    """A change that a person filed for the service in production."""

    id: int
    environment: str
    at: datetime
    filed_at: datetime
    finished_at: datetime | None
    outcome: str
    is_emergent: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """The period [start, end), as of `now`. Days are counted in `zone`; working hours are those of `office`."""

    start: datetime
    end: datetime
    now: datetime
    zone: ZoneInfo
    office: ZoneInfo

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.start <= at < self.end

    @property
    def until(self) -> datetime:
        """Its end, or now while it still runs."""
        return max(self.start, min(self.end, self.now))


@dataclass(frozen=True)
class History:
    """What is known about one service, more than the period itself: what came before tells a rollback from a deploy.

    `first` is the id of the service's very first deployment, if that is among them. `confirmed` are the ids of changes
    that people confirmed as the cause of an incident.
    """

    deployments: tuple[Deployment, ...] = ()
    filed: tuple[FiledChange, ...] = ()
    first: int | None = None
    confirmed: frozenset[int] = frozenset()

    @cached_property
    def ended(self) -> tuple[Deployment, ...]:
        """Deployments of which it is known how they ended, oldest first."""
        return tuple(sorted((d for d in self.deployments if d.outcome in ENDED), key=lambda d: (d.at, d.id)))

    @cached_property
    def by_environment(self) -> dict[str, list[Deployment]]:
        """The same by environment."""
        found: dict[str, list[Deployment]] = defaultdict(list)
        for deployment in self.ended:
            found[deployment.environment].append(deployment)
        return found

    @cached_property
    def rollbacks(self) -> frozenset[int]:
        """Deployments that put an earlier version back, which had run there before a newer one took its place.

        Deploying the newer one once more afterwards is no rollback, and neither is the same version again.
        """
        return frozenset(id_ for ordered in self.by_environment.values() for id_ in _rollbacks(ordered))

    def failed(self, deployment: Deployment) -> bool:
        """Whether it did not stay, or is confirmed as a cause."""
        return deployment.outcome in DID_NOT_STAY or deployment.id in self.confirmed

    @cached_property
    def _successes(self) -> dict[str, list[datetime]]:
        return {
            environment: sorted(d.finished_at for d in ordered if d.finished_at and d.outcome in STAYED)
            for environment, ordered in self.by_environment.items()
        }

    def recovered_at(self, deployment: Deployment) -> datetime | None:
        """The finish of the next deployment to the same environment that stayed; None while there is none."""
        if deployment.finished_at is None:
            return None
        successes = self._successes[deployment.environment]
        place = bisect_right(successes, deployment.finished_at)
        return successes[place] if place < len(successes) else None

    @cached_property
    def arrivals(self) -> dict[str, tuple[Deployment, Commit]]:
        """For each commit the first finished deployment that stayed and brought it to production, by its hash."""
        finished = [(d.finished_at, d.id, d) for d in self.ended if d.finished_at and d.outcome in STAYED]
        found: dict[str, tuple[Deployment, Commit]] = {}
        for *_, deployment in sorted(finished, key=lambda triple: triple[:2]):
            for commit in deployment.commits:
                found.setdefault(commit.sha, (deployment, commit))
        return found


def _rollbacks(ordered: Iterable[Deployment]) -> Iterable[int]:
    rank: dict[str, int] = {}
    ran: set[str] = set()
    present = ""
    for deployment in ordered:
        code = deployment.code
        if not code:
            continue
        rank.setdefault(code, len(rank))
        if present and code in ran and rank[code] < rank[present]:
            yield deployment.id
        if deployment.outcome in STAYED:
            ran.add(code)
        # What undid itself left the version before in its place.
        if deployment.outcome != Outcome.ROLLED_BACK:
            present = code

"""The weights by which changes are suspected. Pure: no database, no clock.

This is the whole table; every point that a change gets is shown with its reason, and the back-test says how often the
confirmed cause was on top. Change it here, count VERSION up, and look at the back-test again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from changes.states import Authorization, Outcome, Risk, State, Verdict
from workflow.moments import duration

VERSION = 1
LOOK_BACK, LOOK_AHEAD = timedelta(hours=72), timedelta(minutes=5)
"""How long before the beginning a change may have begun, and how long after: nobody sees a beginning at once."""
NEARNESS = (
    (timedelta(minutes=15), 28),
    (timedelta(hours=1), 20),
    (timedelta(hours=4), 12),
    (timedelta(hours=24), 6),
    (LOOK_BACK, 2),
)
"""Points for the time from the end of a change, or its beginning while it goes on, to the beginning of the harm."""
DISTANCE = {0: (40, "Same service"), 1: (25, "Upstream, 1 hop"), 2: (12, "Upstream, 2 hops")}
UNDER_WAY = 10
OUTCOMES = {
    Outcome.FAILED.value: (12, "It failed"),
    Outcome.ROLLED_BACK.value: (12, "It was rolled back"),
    Outcome.PARTIAL.value: (8, "It was done partly"),
    Outcome.SUCCEEDED_WITH_ISSUES.value: (8, "It succeeded with issues"),
    Outcome.UNKNOWN.value: (6, "Nobody knows how it ended"),
}
VERDICTS = {Verdict.UNPROVEN.value: (10, "Unproven"), Verdict.PENDING.value: (5, "Proof is not in yet")}
RISKS = {Risk.HIGH.value: (10, "High risk"), Risk.MEDIUM.value: (4, "Medium risk")}
EMERGENCY, FELT = 8, 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a change: `hops` from the hurt service to the one that it changed, against the dependencies."""

    hops: int
    state: str
    outcome: str
    verdict: str
    risk: str
    authorization: str
    customer_impacting: bool
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a change is suspected, and how many points that is."""

    because: str
    points: int


def reasons(seen: Seen, *, began: datetime) -> list[Reason]:
    """Every point that a change gets, the service first; `began` is when the harm did."""
    points, words = DISTANCE[seen.hops]
    found = [Reason(words, points), _nearness(seen, began)]
    if seen.state == State.IN_PROGRESS:
        found.append(Reason("Still under way", UNDER_WAY))
    for table, word in ((OUTCOMES, seen.outcome), (VERDICTS, seen.verdict), (RISKS, seen.risk)):
        if word in table:
            found.append(Reason(table[word][1], table[word][0]))
    if seen.authorization == Authorization.EMERGENCY:
        found.append(Reason("An emergency", EMERGENCY))
    if seen.customer_impacting:
        found.append(Reason("Customers notice it", FELT))
    return found


def _nearness(seen: Seen, began: datetime) -> Reason:
    last = seen.finished_at if seen.finished_at and seen.finished_at <= began else None
    moment = last or min(seen.started_at, began)
    gap = began - moment
    points = next((points for longest, points in NEARNESS if gap <= longest), 0)
    verb = "Finished" if last else "Began"
    if seen.started_at > began:
        return Reason("Began just after it was noticed", NEARNESS[1][1])
    return Reason(f"{verb} {duration(gap)} before", points)


def total(given: Sequence[Reason]) -> int:
    """The points together."""
    return sum(reason.points for reason in given)

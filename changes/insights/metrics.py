"""Delivery metrics of one service, by DORA's current names. Pure: rows in, numbers with their reasons out.

Services are never blended: each function sees the history of one. A deployment belongs to the moment it started. No
number is computed from fewer than FEW observations; what is counted stays visible all the same.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from changes.insights.history import DID_NOT_STAY, STAYED, Deployment, FiledChange, History, Window
from changes.states import Outcome

FEW = 5
"""Fewer observations than this make no number."""
PROVISIONAL = timedelta(hours=72)
"""So long after a deployment its failure may still come to light."""
WORK_BEGINS, WORK_ENDS = 8, 18
DAY = 86_400.0
SECONDS, PER_DAY, RATIO = "seconds", "per_day", "ratio"


@dataclass(frozen=True, slots=True)
class Group:
    """What was counted, or left out, for one reason. `ids` are changes; of commits there can be more than changes."""

    code: str
    count: int
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """One number and where it comes from.

    `value` is in `unit`: seconds, per day, or a ratio from 0 to 1; None when `n`, the number of observations, is below
    FEW. Of a duration `numerator` of `denominator` were measured, and `median` and `p90` (nearest rank) are in seconds.
    `counted` are the changes behind the numerator and the denominator, `excluded` what was left out and why.
    """

    key: str
    unit: str
    value: float | None
    numerator: int
    denominator: float
    n: int
    median: float | None = None
    p90: float | None = None
    counted: tuple[Group, ...] = ()
    excluded: tuple[Group, ...] = ()

    @property
    def is_too_few(self) -> bool:
        """Whether there is something, but not enough for a number."""
        return 0 < self.n < FEW

    def group(self, code: str) -> Group:
        """What was counted or left out under a name; empty when nothing was."""
        return next((group for group in (*self.counted, *self.excluded) if group.code == code), Group(code, 0))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Every delivery metric of one service in one period."""

    lead_time: Metric
    frequency: Metric
    recovery_time: Metric
    fail_rate: Metric
    rework_rate: Metric
    cycle_time: Metric
    off_hours: Metric

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """DORA's five in their order, then ours."""
        five = (self.lead_time, self.frequency, self.recovery_time, self.fail_rate, self.rework_rate)
        return (*five, self.cycle_time, self.off_hours)


def delivery_of(history: History, window: Window) -> Delivery:
    """All of them."""
    return Delivery(
        change_lead_time(history, window),
        deployment_frequency(history, window),
        recovery_time(history, window),
        change_fail_rate(history, window),
        rework_rate(history, window),
        cycle_time(history, window),
        off_hours_share(history, window),
    )


# --- Throughput ------------------------------------------------------------------------------------------------------


def change_lead_time(history: History, window: Window) -> Metric:
    """From writing a commit to running it in production: median over commits of first finish − authored."""
    spans: list[float] = []
    measured: list[int] = []
    left: dict[str, list[int]] = {"negative": [], "first_deployment": [], "undated": []}
    for deployment, commit in history.arrivals.values():
        if not window.holds(deployment.at) or deployment.finished_at is None:
            continue
        if deployment.id == history.first:
            left["first_deployment"].append(deployment.id)
        elif commit.authored_at is None:
            left["undated"].append(deployment.id)
        elif deployment.finished_at < commit.authored_at:
            left["negative"].append(deployment.id)
        else:
            spans.append((deployment.finished_at - commit.authored_at).total_seconds())
            measured.append(deployment.id)
    silent = [d for d in history.ended if window.holds(d.at) and not d.commits and d.outcome in STAYED]
    left["no_commits"] = [d.id for d in silent if not d.is_backfilled]
    left["backfilled"] = [d.id for d in silent if d.is_backfilled]
    known = len(spans) + sum(len(left[code]) for code in ("negative", "first_deployment", "undated"))
    counted = (Group("commits", len(measured), _distinct(measured)),)
    return _duration("change_lead_time", spans, known=known, counted=counted, excluded=_groups(left))


def deployment_frequency(history: History, window: Window) -> Metric:
    """How often something new reaches production: succeeded deployments per day; p90 and median are of the gaps."""
    stayed = [d for d in history.ended if window.holds(d.at) and d.outcome in STAYED]
    forward = [d for d in stayed if d.id not in history.rollbacks]
    runs: dict[str, Deployment] = {}
    for deployment in forward:
        runs.setdefault(deployment.run or f"#{deployment.id}", deployment)
    moments = sorted(deployment.at for deployment in runs.values())
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]
    days = (window.until - window.start).total_seconds() / DAY
    enough = len(moments) >= FEW and days > 0
    counted = (
        Group("succeeded", len(runs), _ids(runs.values())),
        Group("days_without", _days_without(moments, window)),
    )
    further = {d.id for d in forward} - {d.id for d in runs.values()}
    left = {
        "rollbacks": [d.id for d in stayed if d.id in history.rollbacks],
        "further_environments": list(further),
        "did_not_stay": [d.id for d in history.ended if window.holds(d.at) and d.outcome in DID_NOT_STAY],
    }
    return Metric(
        "deployment_frequency",
        PER_DAY,
        len(moments) / days if enough else None,
        len(moments),
        round(days, 2),
        len(moments),
        median=statistics.median(gaps) if enough else None,
        p90=_p90(gaps) if enough else None,
        counted=counted,
        excluded=_groups(left),
    )


def _days_without(moments: Iterable[datetime], window: Window) -> int:
    """Calendar days of the period, so far, on which nothing succeeded."""
    if window.until == window.start:
        return 0
    first = window.start.astimezone(window.zone).date()
    last = (window.until - timedelta(microseconds=1)).astimezone(window.zone).date()
    return (last - first).days + 1 - len({moment.astimezone(window.zone).date() for moment in moments})


def recovery_time(history: History, window: Window) -> Metric:
    """From a failed deployment to the next success of the same service and environment: median over what recovered."""
    failed = [d for d in history.ended if window.holds(d.at) and history.failed(d)]
    spans: list[float] = []
    recovered, still_open, unknown = [], [], []
    for deployment in failed:
        end = history.recovered_at(deployment)
        if deployment.finished_at is None:
            unknown.append(deployment.id)
        elif end is None:
            still_open.append(deployment.id)
        else:
            spans.append((end - deployment.finished_at).total_seconds())
            recovered.append(deployment.id)
    return _duration(
        "failed_deployment_recovery_time",
        spans,
        known=len(failed),
        counted=(Group("recovered", len(recovered), _distinct(recovered)),),
        excluded=_groups({"open": still_open, "finish_unknown": unknown}),
    )


# --- Instability -----------------------------------------------------------------------------------------------------


def change_fail_rate(history: History, window: Window) -> Metric:
    """Deployments that did not stay or caused an incident, of all that were no rollback. Counts deployments."""
    ended = [d for d in history.ended if window.holds(d.at)]
    planned = [d for d in ended if d.id not in history.rollbacks]
    failed = [d for d in planned if history.failed(d)]
    counted = (
        Group("failed", sum(d.outcome == Outcome.FAILED for d in failed), _with(failed, Outcome.FAILED)),
        Group("rolled_back", sum(d.outcome == Outcome.ROLLED_BACK for d in failed), _with(failed, Outcome.ROLLED_BACK)),
        _group("caused_incident", [d.id for d in failed if d.outcome in STAYED]),
        _group("deployments", _ids(planned)),
        _group("provisional", [d.id for d in planned if window.now - d.at < PROVISIONAL]),
    )
    left = {"rollbacks": [d.id for d in ended if d.id in history.rollbacks], **_unended(history, window)}
    return _rate("change_fail_rate", len(failed), len(planned), counted=counted, excluded=_groups(left))


def rework_rate(history: History, window: Window) -> Metric:
    """Unplanned work to repair, rollbacks and emergent changes, of all deployments and emergent changes."""
    ended = [d for d in history.ended if window.holds(d.at)]
    by_hand = [change for change in _carried_out(history, window) if change.is_emergent]
    rollbacks = [d.id for d in ended if d.id in history.rollbacks]
    urgent = [d.id for d in ended if d.is_emergent and d.id not in history.rollbacks]
    emergent = [*urgent, *(change.id for change in by_hand)]
    counted = (
        _group("rollbacks", rollbacks),
        _group("emergent", emergent),
        _group("deployments", [*_ids(ended), *(change.id for change in by_hand)]),
    )
    repairs, every = len(rollbacks) + len(emergent), len(ended) + len(by_hand)
    left = _groups(_unended(history, window))
    return _rate("deployment_rework_rate", repairs, every, counted=counted, excluded=left)


# --- Ours ------------------------------------------------------------------------------------------------------------


def cycle_time(history: History, window: Window) -> Metric:
    """From filing a change to finishing it: median over the changes that people filed and carried out."""
    spans: list[float] = []
    measured, negative, unfinished = [], [], []
    for change in history.filed:
        if not window.holds(change.at) or change.outcome == Outcome.NOT_DONE:
            continue
        if change.finished_at is None:
            unfinished.append(change.id)
        elif change.finished_at < change.filed_at:
            negative.append(change.id)
        else:
            spans.append((change.finished_at - change.filed_at).total_seconds())
            measured.append(change.id)
    not_done = [c.id for c in history.filed if window.holds(c.at) and c.outcome == Outcome.NOT_DONE]
    return _duration(
        "cycle_time",
        spans,
        known=len(measured) + len(negative) + len(unfinished),
        counted=(_group("finished", measured),),
        excluded=_groups({"unfinished": unfinished, "negative": negative, "not_done": not_done}),
    )


def off_hours_share(history: History, window: Window) -> Metric:
    """Deployments that started outside Monday to Friday, 8 to 18 o'clock of the office, of all."""
    ended = [d for d in history.ended if window.holds(d.at)]
    outside = [d.id for d in ended if _is_outside(d.at.astimezone(window.office))]
    counted = (_group("off_hours", outside), _group("deployments", _ids(ended)))
    left = _groups(_unended(history, window))
    return _rate("off_hours_share", len(outside), len(ended), counted=counted, excluded=left)


def _is_outside(local: datetime) -> bool:
    return local.weekday() >= 5 or not WORK_BEGINS <= local.hour < WORK_ENDS


# --- Arithmetic ------------------------------------------------------------------------------------------------------


def _carried_out(history: History, window: Window) -> list[FiledChange]:
    return [
        change
        for change in history.filed
        if window.holds(change.at) and change.finished_at is not None and change.outcome != Outcome.NOT_DONE
    ]


def _unended(history: History, window: Window) -> dict[str, list[int]]:
    """Deployments that are in no rate because nothing, or nothing clear, came of them."""
    inside = [d for d in history.deployments if window.holds(d.at)]
    tests: dict[str, Callable[[Deployment], bool]] = {
        "under_way": lambda d: d.outcome == "",
        "outcome_unknown": lambda d: d.outcome in {Outcome.UNKNOWN, Outcome.PARTIAL},
        "not_done": lambda d: d.outcome == Outcome.NOT_DONE,
    }
    return {code: [d.id for d in inside if test(d)] for code, test in tests.items()}


def _duration(
    key: str, spans: Sequence[float], *, known: int, counted: tuple[Group, ...], excluded: tuple[Group, ...]
) -> Metric:
    enough = len(spans) >= FEW
    median = statistics.median(spans) if enough else None
    return Metric(
        key,
        SECONDS,
        median,
        len(spans),
        known,
        len(spans),
        median=median,
        p90=_p90(spans) if enough else None,
        counted=counted,
        excluded=excluded,
    )


def _rate(
    key: str, numerator: int, denominator: int, *, counted: tuple[Group, ...], excluded: tuple[Group, ...]
) -> Metric:
    value = numerator / denominator if denominator >= FEW else None
    return Metric(key, RATIO, value, numerator, denominator, denominator, counted=counted, excluded=excluded)


def _p90(spans: Sequence[float]) -> float:
    """The nearest rank: a value that was observed, and that nine in ten do not exceed."""
    return sorted(spans)[math.ceil(0.9 * len(spans)) - 1]


def _groups(left: dict[str, list[int]]) -> tuple[Group, ...]:
    return tuple(_group(code, ids) for code, ids in left.items() if ids)


def _group(code: str, ids: Iterable[int]) -> Group:
    found = list(ids)
    return Group(code, len(found), _distinct(found))


def _with(deployments: Iterable[Deployment], outcome: str) -> tuple[int, ...]:
    return _ids(d for d in deployments if d.outcome == outcome)


def _ids(deployments: Iterable[Deployment]) -> tuple[int, ...]:
    return _distinct(d.id for d in deployments)


def _distinct(ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(ids), reverse=True))

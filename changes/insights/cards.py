"""The metrics of a service as a reader sees them: the number, how it compares, and what it is made of. No database."""

from collections.abc import Callable
from typing import NamedTuple

from changes.insights.definitions import DEFINITIONS, counted, observations
from changes.insights.history import Window
from changes.insights.links import Links
from changes.insights.metrics import FEW, PER_DAY, RATIO, SECONDS, Delivery, Metric
from workflow import moments

NOTHING_BEFORE = "Nothing before"
SAME_WITHIN = 0.02
"""A difference of this share or less is none."""
WEEK, MONTH = 7, 30


class Part(NamedTuple):
    """A piece of a sentence, which may be a link."""

    text: str
    url: str = ""


class Trend(NamedTuple):
    """How a number compares with the period before."""

    icon: str
    tone: str
    words: str


class Card(NamedTuple):
    """One metric."""

    key: str
    title: str
    definition_url: str
    value: str
    per: str
    is_known: bool
    trend: Trend | None
    parts: list[Part]


def cards_of(delivery: Delivery, before: Delivery | None, links: Links, window: Window) -> list[Card]:
    """DORA's five, then ours; `before` is the period before, None when not all of it was read."""
    earlier = {metric.key: metric for metric in before.metrics} if before else {}
    return [_card(metric, earlier.get(metric.key), links, window) for metric in delivery.metrics]


def _card(metric: Metric, before: Metric | None, links: Links, window: Window) -> Card:
    value, per = in_words(metric)
    return Card(
        metric.key,
        DEFINITIONS[metric.key].title.replace("recovery time", "recovery"),
        links.definition(metric.key),
        value,
        per,
        metric.value is not None,
        trend_of(metric, before),
        PARTS[metric.key](metric, links, window),
    )


def in_words(metric: Metric) -> tuple[str, str]:
    """The number and its unit: (“6 h 12 min”, “”), (“3.4”, “a day”), (“2.2 %”, “”), (“Too few”, “”), (“None”, “”)."""
    if metric.value is None:
        return ("Too few" if metric.is_too_few else "None"), ""
    return _said(metric.unit, metric.value, like=metric.value)


def _said(unit: str, value: float, *, like: float) -> tuple[str, str]:
    """The number in the unit in which `like` reads well, so that two of them can be compared."""
    if unit == SECONDS:
        return moments.duration(value), ""
    if unit == RATIO:
        return f"{value * 100:.1f} %", ""
    for days, name in ((1, "a day"), (WEEK, "a week"), (MONTH, "in 30 days")):
        if like * days >= 1 or days == MONTH:
            return f"{value * days:.1f}", name
    raise AssertionError(unit)


TRENDS = {
    SECONDS: ("Slower", "Faster"),
    PER_DAY: ("More often", "Less often"),
    RATIO: ("Higher", "Lower"),
}


def trend_of(metric: Metric, before: Metric | None) -> Trend | None:
    """What changed since the period before; None when there is nothing to compare."""
    if metric.value is None or before is None:
        return None
    if before.value is None:
        return Trend("minus", "mute", "Too few before" if before.n else NOTHING_BEFORE)
    was = " ".join(_said(metric.unit, before.value, like=metric.value)).strip()
    if abs(metric.value - before.value) <= SAME_WITHIN * max(metric.value, before.value):
        return Trend("arrow-right", "mute", f"Same: was {was}")
    is_up = metric.value > before.value
    better = DEFINITIONS[metric.key].direction * (1 if is_up else -1)
    tone = {1: "ok", -1: "warn", 0: "mute"}[better]
    word = TRENDS[metric.unit][0 if is_up else 1]
    return Trend("arrow-up-right" if is_up else "arrow-down-right", tone, f"{word}: was {was}")


# --- What a number is made of ----------------------------------------------------------------------------------------


def _few(metric: Metric) -> list[Part]:
    return [Part(f" A number needs {FEW}.")] if metric.is_too_few else []


def _duration_parts(metric: Metric, links: Links, window: Window) -> list[Part]:
    group = metric.counted[0]
    start = "Median of " if metric.value is not None else ""
    parts = [Part(start), Part(observations(metric.key, metric.n), links.best(metric, group, window))]
    parts.append(Part(f". p90 is {moments.duration(metric.p90)}." if metric.p90 is not None else "."))
    still_open = metric.group("open")
    if metric.key == "failed_deployment_recovery_time":
        parts.append(Part(" "))
        words = f"{still_open.count} still open" if still_open.count else "None open"
        parts += [Part(words, links.best(metric, still_open, window)), Part(".")]
    left = metric.denominator - metric.numerator - still_open.count
    if left > 0:
        parts += [Part(" "), Part(f"{left:g} left out", links.definition(metric.key)), Part(".")]
    return [*parts, *_few(metric)]


def _frequency_parts(metric: Metric, links: Links, window: Window) -> list[Part]:
    succeeded, without = metric.group("succeeded"), metric.group("days_without").count
    days = f"{metric.denominator:.0f}"
    parts = [
        Part(f"{succeeded.count} succeeded", links.best(metric, succeeded, window)),
        Part(f" in {days} {moments.plural('day', int(float(days)))}, {without} without any."),
    ]
    rollbacks = metric.group("rollbacks")
    if rollbacks.count:
        parts += [
            Part(" "),
            Part(counted("rollbacks", rollbacks.count), links.rows(metric, rollbacks)),
            Part(" apart."),
        ]
    return [*parts, *_few(metric)]


def _fail_parts(metric: Metric, links: Links, window: Window) -> list[Part]:
    parts: list[Part] = []
    for code, word in (("failed", "failed"), ("rolled_back", "rolled back"), ("caused_incident", "caused an incident")):
        group = metric.group(code)
        if group.count:
            parts += [Part(", " if parts else ""), Part(f"{group.count} {word}", links.best(metric, group, window))]
    every = metric.group("deployments")
    parts += [Part(" of " if parts else "None of "), _every(metric, links, window), Part(".")]
    provisional = metric.group("provisional")
    if every.count and provisional.count:
        words = f"{provisional.count} of the last 72 h"
        parts += [Part(" "), Part(words, links.best(metric, provisional, window)), Part(" may still fail.")]
    return [*parts, *_few(metric)]


def _rework_parts(metric: Metric, links: Links, window: Window) -> list[Part]:
    parts: list[Part] = []
    for code in ("rollbacks", "emergent"):
        group = metric.group(code)
        if group.count:
            parts += [Part(", " if parts else ""), Part(counted(code, group.count), links.rows(metric, group))]
    return [*parts, Part(" of " if parts else "None of "), _every(metric, links, window), Part("."), *_few(metric)]


def _hours_parts(metric: Metric, links: Links, window: Window) -> list[Part]:
    outside = metric.group("off_hours")
    first = Part(str(outside.count), links.best(metric, outside, window))
    hours = f" outside Monday to Friday, 08–18 in {window.office}."
    return [first, Part(" of "), _every(metric, links, window), Part(hours), *_few(metric)]


def _every(metric: Metric, links: Links, window: Window) -> Part:
    every = metric.group("deployments")
    return Part(observations(metric.key, every.count), links.best(metric, every, window))


PARTS: dict[str, Callable[[Metric, Links, Window], list[Part]]] = {
    "change_lead_time": _duration_parts,
    "deployment_frequency": _frequency_parts,
    "failed_deployment_recovery_time": _duration_parts,
    "change_fail_rate": _fail_parts,
    "deployment_rework_rate": _rework_parts,
    "cycle_time": _duration_parts,
    "off_hours_share": _hours_parts,
}


def verdict_of(cards: list[Card]) -> str:
    """The answer to “are we getting better?” in a sentence."""
    tones = [card.trend.tone for card in cards if card.trend and DEFINITIONS[card.key].direction]
    better, worse = tones.count("ok"), tones.count("warn")
    same = sum(bool(card.trend and card.trend.words.startswith("Same")) for card in cards)
    if cards and all(card.trend is None or card.trend.words == NOTHING_BEFORE for card in cards):
        return "There is nothing before this period to compare it with. Numbers are per service and never blended."
    if not better + worse + same:
        return "There is too little to say whether it is getting better."
    said = [f"{count} {word}" for count, word in ((better, "better"), (worse, "worse"), (same, "the same")) if count]
    return f"Against the period before: {', '.join(said)}. Numbers are per service and never blended."

"""The rules that Halyard gave itself: templates, freezes, and the one hold of last week. Pure: texts and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from changes.freezes.content import Declared
from changes.preapproved.content import Terms
from changes.states import Outcome
from changes.tickets.risk_policy import RISK_QUESTIONS

SAFE = dict.fromkeys(RISK_QUESTIONS, False)
BERLIN = ZoneInfo("Europe/Berlin")
PRODUCTION = ("production",)


class Use(NamedTuple):
    """A change from a template: how many days ago (fewer than none: ahead), its title, who, and how it ended."""

    days: int
    title: str
    who: str
    outcome: Outcome = Outcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class TemplateStory:
    """A template: who wrote it so many days ago, who approved it, and what was made from it.

    One that ended badly demotes it.
    """

    slug: str
    terms: Terms
    author: str
    days: int
    approved_by: Sequence[str]
    uses: Sequence[Use] = ()


TEMPLATES = (
    TemplateStory(
        "rotate-dkim-keys",
        Terms(
            name="Rotate DKIM keys",
            title="Rotate DKIM keys",
            services=["dkim-signer"],
            environment="production",
            description="Publish the new record, wait an hour, sign with it, keep the old record for 7 days.",
            reason="Each selector gets new keys twice a year.",
            risk_answers=SAFE,
            test_evidence="Done 14 times since 2024. Three verifiers check 1,000 messages on uat before each.",
            rollback_plan="Sign with the selector of before. Its record stays in DNS for 7 days.",
            rollback_minutes=5,
            verification_plan="The share of messages that receivers report as signed stays above 99.9 %.",
        ),
        "femi",
        83,
        ("chidi", "ruth"),
        (
            Use(64, "Rotate DKIM keys of selector s5", "femi"),
            Use(36, "Rotate DKIM keys of selector s6", "keiko"),
            Use(9, "Rotate DKIM keys of selector s7", "sam"),
            Use(-5, "Rotate DKIM keys of selector s8", "femi"),
        ),
    ),
    TemplateStory(
        "renew-edge-certificates",
        Terms(
            name="Renew edge certificates",
            title="Renew edge certificates",
            services=["edge-gateway"],
            environment="production",
            description="Load the new chain on one node, ask it from outside, then on all nodes, one region at a time.",
            reason="A certificate is valid for 90 days, and the clients of some customers pin the chain.",
            risk_answers=SAFE,
            test_evidence="The chain is asked for by 11 kinds of clients on staging, the oldest from 2016.",
            rollback_plan="Load the chain of before. It is valid for three more weeks.",
            rollback_minutes=2,
            verification_plan="Handshake errors stay below 0.05 % for 30 minutes.",
        ),
        "elif",
        79,
        ("dana", "owen"),
        (
            Use(70, "Renew the certificate of api.halyard.example", "elif"),
            Use(55, "Renew the certificate of track.halyard.example", "priya"),
            Use(41, "Renew the certificate of smtp.halyard.example", "lars"),
            Use(17, "Renew the certificate of app.halyard.example", "elif"),
            Use(6, "Renew the certificate of docs.halyard.example", "owen"),
            Use(-8, "Renew the certificate of api.halyard.example", "priya"),
        ),
    ),
    TemplateStory(
        "rebuild-search-index",
        Terms(
            name="Rebuild the search index",
            title="Rebuild the search index",
            services=["search-index"],
            environment="production",
            description="Build beside the old index, compare the numbers of entries, switch the alias.",
            reason="Every new language needs a rebuild, and so does every change of how words are split.",
            risk_answers={**SAFE, "data_migration": True},
            test_evidence="Built on uat from the same events; 500 searches find the same.",
            rollback_plan="Switch the alias back. The old index stays for three days.",
            rollback_minutes=3,
            verification_plan="500 known searches find what they found before.",
        ),
        "hanna",
        72,
        ("jonas", "raj"),
        (
            Use(51, "Rebuild the search index for Korean", "hanna"),
            Use(30, "Rebuild the search index for Polish", "aiko"),
            Use(13, "Rebuild the search index with the new splitter", "luis", Outcome.ROLLED_BACK),
        ),
    ),
    TemplateStory(
        "load-tax-rates",
        Terms(
            name="Load tax rates",
            title="Load tax rates",
            services=["tax-rates"],
            environment="production",
            description="Load the file of the authority at 02:00, before the first invoice of the day.",
            reason="Rates change on the first of a month, always in the same way.",
            risk_answers=SAFE,
            test_evidence="400 invoices of last month are computed with the new file before each load.",
            rollback_plan="Load the file of the month before; invoices are drafts until noon.",
            rollback_minutes=10,
            verification_plan="The first 20 invoices of the day show the new rates.",
        ),
        "mina",
        2,
        ("bo",),
    ),
)


class FreezeStory(NamedTuple):
    """A freeze as somebody declared it so many days ago."""

    declared: Declared
    by: str
    days: int


@dataclass(frozen=True, slots=True)
class Times:
    """The moments that the freezes and the hold hang on, in UTC."""

    soft: datetime
    sale: datetime
    sale_end: datetime
    year_end: datetime
    move: datetime
    held: datetime


def times_at(now: datetime) -> Times:
    """The moments as seen from `now`. The year's end is one that no plan of the coming weeks meets."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    year = day.year if (day + timedelta(days=22)) < datetime(day.year, 12, 18, tzinfo=UTC) else day.year + 1
    return Times(
        soft=day + timedelta(days=1, hours=12),
        sale=day + timedelta(days=3),
        sale_end=day + timedelta(days=6),
        year_end=datetime(year, 12, 18, 17, tzinfo=UTC),
        move=working(day - timedelta(days=12)) + timedelta(hours=4),
        held=working(day - timedelta(days=6)) + timedelta(hours=5),
    )


def working(day: datetime) -> datetime:
    """The same time of that day, or of the Friday before it."""
    return day - timedelta(days=max(day.weekday() - 4, 0))


def freezes_at(now: datetime, tier_0: Sequence[str]) -> list[FreezeStory]:
    """Every freeze that there is; `tier_0` are the slugs of the most critical services."""
    times = times_at(now)
    return [_weekend(now, tier_0), *_around_the_sale(times)]


def _weekend(now: datetime, tier_0: Sequence[str]) -> FreezeStory:
    friday = _weekday_on_or_after((now - timedelta(days=85)).date(), 4)
    weekend = (
        datetime.combine(friday, time(18), BERLIN),
        datetime.combine(friday + timedelta(days=3), time(7), BERLIN),
    )
    return FreezeStory(
        Declared(
            "Weekend",
            weekend[0].astimezone(UTC),
            weekend[1].astimezone(UTC),
            "Half of us are away. What can wait until Monday waits.",
            is_hard=False,
            rrule="FREQ=WEEKLY;BYDAY=FR",
            time_zone="Europe/Berlin",
            services=tier_0,
            environments=PRODUCTION,
        ),
        "dana",
        88,
    )


def _around_the_sale(times: Times) -> list[FreezeStory]:
    until_new_year, a_move = times.year_end + timedelta(days=17, hours=-10), times.move + timedelta(hours=2)
    year_end = "Most of us are away, and customers send more than in any other weeks."
    sale = "Nothing moves while most orders of the year come in."
    move = "Events of a third of all accounts move. Readers must not restart meanwhile."
    before = "The sale doubles the orders. Deploy only what repairs something."
    moved = ["event-stream", "metrics-store"]
    production = partial(Declared, environments=PRODUCTION)
    return [
        FreezeStory(production("Year end", times.year_end, until_new_year, year_end), "ann", 34),
        FreezeStory(production("The sale", times.sale, times.sale_end, sale), "dana", 20),
        FreezeStory(
            production("Partition move of the event stream", times.move, a_move, move, services=moved), "jonas", 16
        ),
        FreezeStory(
            production("Payments before the sale", times.soft, times.sale, before, is_hard=False, teams=["payments"]),
            "ann",
            11,
        ),
    ]


def _weekday_on_or_after(day: date, weekday: int) -> date:
    return day + timedelta(days=(weekday - day.weekday()) % 7)

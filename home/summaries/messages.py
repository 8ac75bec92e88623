"""The wording of a summary, as parts for Slack and as plain text."""

from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from home.summaries import sections
from home.summaries.policy import Kind
from home.summaries.queries import Day, key_of
from home.summaries.sections import Section
from notifications.outbox import NewMessage
from notifications.parts import Line, Part, plain
from workflow import moments

QUIET = "quiet-summary"
"""The topic of summaries that are written down and not sent, because there is nothing to tell."""
READERS = {Kind.DAILY: sections.DAILY, Kind.WEEKLY: sections.WEEKLY}
CALM = {
    Kind.DAILY: "A quiet day: nothing that customers notice, nothing overdue, nothing waits.",
    Kind.WEEKLY: "A quiet week: nothing is planned, nothing is frozen, nothing happened to learn from.",
}
ASKS = {Kind.DAILY: "Everything in the record", Kind.WEEKLY: "The calendar"}
PLACES = {Kind.DAILY: "/changes", Kind.WEEKLY: "/calendar"}


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary as it is read. `is_quiet`: there was nothing to tell, and one calm line says so."""

    title: str
    parts: tuple[Part, ...]
    is_quiet: bool

    @property
    def text(self) -> str:
        """The same as plain text."""
        return plain(self.parts)


def summary(kind: Kind, day: Day) -> Summary:
    """The summary of a kind about a day, in the words and at the times of its channel."""
    with timezone.override(day.audience.morning.zone):
        found = sections.sections(READERS[kind], day)
    is_quiet = not any(section.lines for section in found)
    return Summary(_title(kind, day), (*_body(kind, found, is_quiet=is_quiet), _foot(kind, day)), is_quiet)


def _title(kind: Kind, day: Day) -> str:
    date = f"{moments.WEEKDAYS[day.day.weekday()]} {day.day.day} {moments.MONTHS[day.day.month - 1]}"
    if kind == Kind.WEEKLY:
        return f"What is coming, from {date}"
    return f"{day.audience.name}, {date}"


def _body(kind: Kind, found: list[Section], *, is_quiet: bool) -> list[Part]:
    if is_quiet:
        return [Part("", [Line(CALM[kind])], is_list=False)]
    return [section.part for section in found]


def _foot(kind: Kind, day: Day) -> Part:
    zone = str(day.audience.morning.zone)
    line = Line(f"(times in {zone})", label=ASKS[kind], url=f"{settings.BASE_URL}{PLACES[kind]}")
    return Part("", [line], is_list=False)


def to_channel(kind: Kind, day: Day, *, is_worth_sending: bool, told: Summary) -> NewMessage:
    """The summary for its channel, worth sending until the day is over."""
    return NewMessage(
        dedup_key=key_of(kind, day.day, day.audience.channel),
        channel="slack",
        recipient=day.audience.channel,
        title=told.title,
        text=told.text,
        topic="" if is_worth_sending else QUIET,
        deadline=day.end - day.now,
        parts=told.parts,
    )


def as_test(kind: Kind, day: Day, *, to: tuple[str, str], by: int, told: Summary) -> NewMessage:
    """A test, `to` as (channel, recipient), asked for by a person (id): one a minute for each kind and channel."""
    way, recipient = to
    return NewMessage(
        dedup_key=f"summary-test:{kind}:{day.now:%Y%m%d%H%M}:{by}:{day.audience.channel}:{way}",
        channel=way,
        recipient=recipient,
        title=f"Test: {told.title}",
        text=told.text,
        parts=told.parts,
    )

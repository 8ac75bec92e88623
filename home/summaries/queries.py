"""What a summary reads: who gets one, and the changes that it tells about, bounded whatever there is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts.models import Membership, Team, User
from changes.models import Change, Freeze, Ticket
from changes.states import Authorization, Origin, Outcome, State, Verdict
from home.summaries.policy import ONE_DAY, Kind, Morning
from notifications.models import Message
from workflow.statements import fetch

COUNTED = 100
"""Up to which number the lines of a section are counted."""
LONGEST_WINDOW = timedelta(days=92)
PROOF_REMEMBERED = timedelta(days=30)
"""How long an unproven deploy that nobody looked at is told every day."""
DAYS_SHOWN = 8
"""How many days back a page looks for the last summary of a channel."""
BOOKED = (State.SUBMITTED, State.APPROVED)
BAD = (Outcome.FAILED, Outcome.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads a channel: the teams (slugs) of which it is, none for the whole organisation, and their morning."""

    channel: str
    name: str
    teams: tuple[str, ...]
    morning: Morning

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it gets: only the organisation reads what is coming, for those who speak for their teams."""
        return (Kind.DAILY,) if self.teams else (Kind.DAILY, Kind.WEEKLY)


def organisation() -> Audience:
    """The whole organisation; its channel may be ""."""
    morning = Morning(ZoneInfo(settings.ORGANISATION_TIME_ZONE), settings.SUMMARY_HOUR)
    return Audience(settings.SLACK_CHANNEL.strip(), settings.ORGANISATION_NAME or "Everybody", (), morning)


def audiences() -> list[Audience]:
    """Every channel once, the organisation's first. A channel of several teams has the morning of the first by name."""
    whole = organisation()
    found = {whole.channel: whole} if whole.channel else {}
    teams: dict[str, list[Team]] = {}
    for team in Team.objects.exclude(slack_channel="").order_by("name", "pk"):
        teams.setdefault(team.slack_channel.strip(), []).append(team)
    for channel, sharing in teams.items():
        if channel and channel not in found:
            zone = ZoneInfo(sharing[0].time_zone or settings.ORGANISATION_TIME_ZONE)
            name, slugs = ", ".join(team.name for team in sharing), tuple(team.slug for team in sharing)
            found[channel] = Audience(channel, name, slugs, Morning(zone, sharing[0].summary_hour))
    return list(found.values())


def key_of(kind: Kind, day: date, channel: str) -> str:
    """What makes a summary the one of its kind, day and channel: `summary:daily:2026-11-24:#payments`."""
    return f"summary:{kind}:{day:%Y-%m-%d}:{channel}"


def sent_of(audience: Audience, kind: Kind, *, now: datetime) -> list[str]:
    """The keys under which a summary of the last days may stand, the newest first."""
    today = audience.morning.day_at(now)
    return [key_of(kind, today - number * ONE_DAY, audience.channel) for number in range(DAYS_SHOWN)]


def messages_of(keys: Iterable[str]) -> Mapping[str, Message]:
    """Those messages of these keys that there are, in one statement."""
    return {message.dedup_key: message for message in Message.objects.filter(dedup_key__in=list(keys))}


def leads_any(person: User, teams: Iterable[str]) -> bool:
    """Whether a person leads one of these teams (slugs)."""
    return Membership.objects.filter(user=person, is_lead=True, team__slug__in=list(teams)).exists()


# --- What a day has to tell ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A local day of a channel, as it looks `now`."""

    audience: Audience
    day: date
    now: datetime

    @property
    def before(self) -> datetime:
        """Midnight of the day before."""
        return self.audience.morning.midnight(self.day - ONE_DAY)

    @property
    def start(self) -> datetime:
        """Midnight."""
        return self.audience.morning.midnight(self.day)

    @property
    def end(self) -> datetime:
        """The midnight after it."""
        return self.audience.morning.midnight(self.day + ONE_DAY)


def of_teams(rows: QuerySet[Change], teams: Iterable[str]) -> QuerySet[Change]:
    """The changes of services of these teams (slugs); all of them for none."""
    slugs = list(teams)
    if not slugs:
        return rows
    named = Ticket.services.through.objects.filter(service__team__slug__in=slugs).values("ticket_id")
    return rows.filter(Q(service__team__slug__in=slugs) | Q(pk__in=named))


def changes_of(day: Day) -> dict[str, list[Change]]:
    """The changes of each kind that a day tells about, up to one more than COUNTED of each. Two statements."""
    rows = of_teams(Change.objects.order_by(), day.audience.teams)
    felt = rows.filter(environment__is_production=True, customer_impacting=True)
    begun = felt.filter(Q(started_at__isnull=False) | Q(finished_at__isnull=False)).order_by("-at", "-id")
    window = Q(window_start__lt=day.end, window_start__gt=day.start - LONGEST_WINDOW, window_end__gt=day.start)
    asked = rows.filter(verdict=Verdict.UNPROVEN, state=State.FINISHED, at__gt=day.now - PROOF_REMEMBERED)
    is_overdue = Q(review_due_at__lte=day.now)
    found = {
        "yesterday": begun.filter(at__gte=day.before, at__lt=day.start),
        "today": begun.filter(at__gte=day.start, at__lt=day.end),
        "planned": felt.filter(window, state__in=BOOKED).order_by("window_start", "id"),
        "unproven": asked.filter(Q(review_due_at=None) | Q(review_due_at__gt=day.now)).order_by("-at", "-id"),
        "overdue": rows.filter(is_overdue, state=State.FINISHED).order_by("review_due_at", "id"),
        "waiting": rows.filter(state=State.SUBMITTED).order_by("-at", "-id"),
    }
    return _loaded(found)


def emergencies_of(day: Day, *, since: datetime) -> list[Change]:
    """The emergencies that began since then, the newest first."""
    rows = of_teams(Change.objects.filter(authorization=Authorization.EMERGENCY), day.audience.teams)
    began = rows.filter(at__gte=since, at__lt=day.start).select_related("service").defer("search_text")
    return list(began.order_by("-at", "-id")[: COUNTED + 1])


def _loaded(wanted: Mapping[str, QuerySet[Change]]) -> dict[str, list[Change]]:
    """The rows of each query, found by one statement and loaded by another."""
    parts, parameters = [], list[object]()
    for number, (kind, rows) in enumerate(wanted.items()):
        sql, given = rows.values("id")[: COUNTED + 1].query.sql_with_params()
        parts.append(f"SELECT '{kind}' AS kind, s{number}.id FROM ({sql}) s{number}")  # noqa: S608 - Django wrote it, values apart
        parameters += given
    ids = fetch(" UNION ALL ".join(parts), parameters)
    related = Change.objects.select_related("service", "environment").defer("search_text", "public_note")
    loaded = related.in_bulk({pk for _, pk in ids})
    found: dict[str, list[Change]] = {kind: [] for kind in wanted}
    for kind, pk in ids:
        found[kind].append(loaded[pk])
    return found


def freezes_for(teams: Iterable[str]) -> set[int] | None:
    """The freezes (ids) that cover something of these teams (slugs); None, for no teams, stands for all."""
    slugs = list(teams)
    if not slugs:
        return None
    of_them = Q(teams__slug__in=slugs) | Q(services__team__slug__in=slugs)
    return set(Freeze.objects.filter(of_them | Q(services=None, teams=None)).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a team's pipelines brought to production in some time."""

    team: str
    deploys: int
    bad: int
    unproven: int


def delivered_by_team(*, since: datetime, until: datetime) -> list[Delivered]:
    """The deploys of each team, by name; a team without any is left out."""
    deploys = Change.objects.filter(
        at__gte=since, at__lt=until, origin=Origin.PIPELINE, environment__is_production=True
    )
    rows = deploys.order_by("service__team__name").values_list("service__team__name")
    bad, unproven = Count("pk", filter=Q(outcome__in=BAD)), Count("pk", filter=Q(verdict=Verdict.UNPROVEN))
    return [Delivered(*row) for row in rows.annotate(deploys=Count("pk"), bad=bad, unproven=unproven)]

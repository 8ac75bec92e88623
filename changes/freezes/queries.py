"""Reads of freezes, overrides and holds: what is in force when, for whom, and who may decide about it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce, Least

from accounts.models import Membership, Team, User
from catalog.models import Environment, Service
from changes.freezes import policy, recurrence
from changes.freezes.models import Freeze, FreezeOverride, Hold
from changes.freezes.policy import Standing
from workflow.decisions import Decision
from workflow.lines import listed

INSTANT = timedelta(microseconds=1)
SHOWN_PAST = 20
"""How many freezes that are over a page shows."""


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """One time [start, end) of a freeze. `is_overridden`: leave was given for all services that were asked about.

    `leave_until` is when that leave ends, and `covers` what the freeze covers in words, where that was asked for.
    """

    freeze_id: int
    name: str
    reason: str
    is_hard: bool
    start: datetime
    end: datetime
    is_overridden: bool = False
    leave_until: datetime | None = None
    covers: str = ""

    @property
    def forbids(self) -> bool:
        """Whether it stands in the way: hard, and no leave was given."""
        return self.is_hard and not self.is_overridden


def terms_of(freeze: Freeze) -> recurrence.Terms:
    """When it is in force, as the calculation takes it."""
    return recurrence.Terms(freeze.start, freeze.end, freeze.rrule, freeze.time_zone, freeze.ended_at)


def begins_at(freeze: Freeze, *, now: datetime) -> datetime | None:
    """When the freeze begins next; None while it is in force and once it is over."""
    if freeze.last_end is not None and freeze.last_end <= now:
        return None
    first = next(iter(recurrence.next_windows(terms_of(freeze), now, most=1)), None)
    return first.start if first and first.start > now else None


def _windows(freeze: Freeze, start: datetime, end: datetime) -> list[FreezeWindow]:
    found = recurrence.windows(terms_of(freeze), start, end)
    return [
        FreezeWindow(freeze.pk, freeze.name, freeze.reason, freeze.is_hard, window.start, window.end)
        for window in found
    ]


def _touching(start: datetime, end: datetime) -> QuerySet[Freeze]:
    """The freezes that may be in force in [start, end): one without a last end may always be."""
    return Freeze.objects.filter(Q(last_end__isnull=True) | Q(last_end__gt=start), start__lt=end)


def _covering(services: Iterable[int], teams: Iterable[int], environment_id: int) -> Q:
    whom = Q(services=None, teams=None) | Q(services__in=list(services)) | Q(teams__in=list(teams))
    return whom & (Q(environments=None) | Q(environments=environment_id))


# --- What is in force ------------------------------------------------------------------------------------------------


def freezes_at(at: datetime, *, service_id: int, team_id: int, environment_id: int) -> list[FreezeWindow]:
    """The freezes in force at `at` for the service, its team and the environment, hard ones first.

    Overridden ones are among them and say so.
    """
    rows = _touching(at, at + INSTANT).filter(_covering([service_id], [team_id], environment_id)).distinct()
    found = [window for freeze in rows for window in _windows(freeze, at, at + INSTANT)]
    given = _given_leave([window for window in found if window.is_hard])
    shown = []
    for window in found:
        ends = [leave.end for leave in given.get(window.freeze_id, ()) if leave.holds(at, {service_id})]
        shown.append(replace(window, is_overridden=bool(ends), leave_until=max(ends, default=None)))
    return sorted(shown, key=lambda window: (not window.is_hard, window.start, window.freeze_id))


def freezes_over(
    start: datetime,
    end: datetime,
    *,
    service_ids: Sequence[int],
    environment_id: int,
    teams: Mapping[int, int] | None = None,
) -> list[FreezeWindow]:
    """The freezes that touch [start, end) for any of the services in the environment, by time.

    `is_overridden`: every one of the services that it covers has leave until the freeze or the time is over. `teams`
    maps the services to their teams (ids), if the caller knows them already.
    """
    known = teams or dict(Service.objects.filter(pk__in=service_ids).values_list("pk", "team_id"))
    covered = _touching(start, end).filter(_covering(known, known.values(), environment_id))
    freezes: dict[int, Freeze] = {}
    concerned: dict[int, set[int]] = defaultdict(set)
    # Each row is a freeze with one service and one team by which it covers what was asked about; neither means all.
    for freeze in covered.annotate(of_service=F("services"), of_team=F("teams")):
        freezes.setdefault(freeze.pk, freeze)
        concerned[freeze.pk] |= _concerned(freeze.of_service, freeze.of_team, known)
    found = [window for freeze in freezes.values() for window in _windows(freeze, start, end)]
    given = _given_leave([window for window in found if window.is_hard])
    shown = []
    for window in found:
        leaves, last = given.get(window.freeze_id, ()), min(window.end, end) - INSTANT
        needed = concerned[window.freeze_id] if leaves else ()
        is_overridden = bool(leaves) and all(any(one.holds(last, {service}) for one in leaves) for service in needed)
        shown.append(replace(window, is_overridden=window.is_hard and is_overridden))
    return sorted(shown, key=lambda window: (window.start, window.freeze_id))


def _concerned(service: int | None, team: int | None, teams: Mapping[int, int]) -> set[int]:
    """Those of the services (id: id of the owning team) that are this one or of this team; without either all."""
    if service is None and team is None:
        return set(teams)
    return {known for known, owner in teams.items() if known == service or owner == team}


def covered_services(freeze: Freeze, teams: Mapping[int, int]) -> set[int]:
    """Which of the services (id: id of the owning team) the freeze covers, whatever the environment."""
    services = {service.pk for service in freeze.services.all()}
    owners = {team.pk for team in freeze.teams.all()}
    if not services and not owners:
        return set(teams)
    return {service for service, team in teams.items() if service in services or team in owners}


@dataclass(frozen=True, slots=True)
class Leave:
    """A confirmed override: from when until when, and for which services (ids); none means all."""

    start: datetime
    end: datetime
    services: frozenset[int]

    def holds(self, at: datetime, services: set[int]) -> bool:
        """Whether it lets these services be changed at `at`."""
        return self.start <= at < self.end and (not self.services or services <= self.services)


def _given_leave(windows: Sequence[FreezeWindow]) -> dict[int, list[Leave]]:
    ids = {window.freeze_id for window in windows}
    if not ids:
        return {}
    rows = FreezeOverride.objects.filter(freeze__in=ids, confirmed_at__isnull=False)
    ends_at = Least("expires_at", Coalesce("revoked_at", "expires_at"))
    rows = rows.annotate(ends_at=ends_at).order_by("pk")
    given: dict[int, tuple[int, datetime, datetime, set[int]]] = {}
    for pk, freeze, start, end, service in rows.values_list("pk", "freeze_id", "confirmed_at", "ends_at", "services"):
        assert start
        _, _, _, services = given.setdefault(pk, (freeze, start, end, set()))
        services |= {service} - {None}
    found: dict[int, list[Leave]] = {}
    for freeze, start, end, services in given.values():
        found.setdefault(freeze, []).append(Leave(start, end, frozenset(services)))
    return found


def all_windows(start: datetime, end: datetime) -> list[FreezeWindow]:
    """Every time of every freeze that touches [start, end), by time, with what it covers in words."""
    rows = _touching(start, end).prefetch_related("services", "teams", "environments")
    found = [
        replace(window, covers=covers_in_words(freeze)) for freeze in rows for window in _windows(freeze, start, end)
    ]
    return sorted(found, key=lambda window: (window.start, window.freeze_id))


def covers_in_words(freeze: Freeze) -> str:
    """“everything”, “production”, “checkout and Payments in production”."""
    whom = [*(service.slug for service in freeze.services.all()), *(team.name for team in freeze.teams.all())]
    where = [environment.slug for environment in freeze.environments.all()]
    if not whom:
        return listed(where) or "everything"
    return listed(whom) + (f" in {listed(where)}" if where else "")


def open_holds(service_ids: Iterable[int]) -> list[Hold]:
    """The holds on these services that nobody has released, the oldest first."""
    rows = Hold.objects.filter(service__in=list(service_ids), released_at__isnull=True)
    return list(rows.select_related("service").order_by("opened_at", "id"))


# --- Who may decide --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """What a freeze covers, as rows; no services and no teams means every service."""

    services: Sequence[Service] = ()
    teams: Sequence[Team] = ()
    environments: Sequence[Environment] = ()

    @property
    def is_wide(self) -> bool:
        """Whether it covers every service."""
        return not self.services and not self.teams

    @property
    def team_ids(self) -> set[int]:
        """The teams that are covered, or that own what is covered."""
        return {team.pk for team in self.teams} | {service.team_id for service in self.services}


def scope_of(freeze: Freeze) -> Scope:
    """What it covers."""
    return Scope(list(freeze.services.all()), list(freeze.teams.all()), list(freeze.environments.all()))


def standing_in(scope: Scope, *, user_id: int, is_admin: bool) -> Standing:
    """What somebody is with regard to a freeze that covers this."""
    led = set(Membership.objects.filter(user=user_id, is_lead=True).values_list("team_id", flat=True))
    return Standing(is_admin=is_admin, leads_covered=bool(led & scope.team_ids), leads_any=bool(led))


def may_decide(freeze: Freeze, person: User) -> Decision:
    """Whether this person may edit, end or override it: the decision that the actions come to as well."""
    scope = scope_of(freeze)
    standing = standing_in(scope, user_id=person.pk, is_admin=person.is_admin)
    return policy.may_decide_on_freeze(standing, is_wide=scope.is_wide)


def who_decide(scope: Scope) -> list[User]:
    """Everybody who may decide about a freeze that covers this: leads first, then administrators, by name."""
    leads = Membership.objects.filter(is_lead=True)
    if not scope.is_wide:
        leads = leads.filter(team__in=scope.team_ids)
    people = User.objects.annotate(leads=Exists(leads.filter(user=OuterRef("pk")))).filter(is_active=True)
    return [*people.filter(Q(leads=True) | Q(is_admin=True)).order_by("-leads", "name", "pk")]


def overrides_to_confirm(person: User, *, now: datetime) -> QuerySet[FreezeOverride]:
    """The overrides that wait for a second person, and that `person` may confirm: the rule `may_decide_on_freeze`."""
    waiting = FreezeOverride.objects.filter(
        confirmed_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now, freeze__ended_at__isnull=True
    )
    waiting = waiting.exclude(requested_by=person)
    if not person.is_admin:
        led = Membership.objects.filter(user=person, is_lead=True).values("team_id")
        covered = Q(freeze__services__team__in=led) | Q(freeze__teams__in=led)
        everything = Q(Exists(led), freeze__services=None, freeze__teams=None)
        waiting = waiting.filter(covered | everything).distinct()
    return waiting


def affected_leads(freeze: Freeze, services: Sequence[Service]) -> list[User]:
    """The leads of the teams that an override concerns: of these services, else of what the freeze covers."""
    scope = Scope(services) if services else scope_of(freeze)
    leads = Membership.objects.filter(is_lead=True)
    if not scope.is_wide:
        leads = leads.filter(team__in=scope.team_ids)
    return list(User.objects.filter(pk__in=leads.values("user"), is_active=True).order_by("pk"))


# --- The pages and the API -------------------------------------------------------------------------------------------


def in_full() -> QuerySet[Freeze]:
    """Freezes with everything that is shown of one."""
    people = ("requested_by", "confirmed_by", "revoked_by")
    overrides = FreezeOverride.objects.select_related(*people).prefetch_related("services")
    return Freeze.objects.select_related("created_by").prefetch_related(
        "services", "teams", "environments", Prefetch("overrides", queryset=overrides.order_by("-id"))
    )


def freeze_in_full(pk: int) -> Freeze | None:
    """One freeze with everything that is shown of it."""
    return in_full().filter(pk=pk).first()


def open_freezes(*, now: datetime) -> list[Freeze]:
    """The freezes that are in force or still to come."""
    return list(in_full().filter(Q(last_end__isnull=True) | Q(last_end__gt=now)).order_by("start", "id"))


def services_covered(freeze: Freeze) -> QuerySet[Service]:
    """The services that it covers, by slug."""
    scope = scope_of(freeze)
    named = Q(pk__in=[service.pk for service in scope.services]) | Q(team__in=[team.pk for team in scope.teams])
    return Service.objects.all() if scope.is_wide else Service.objects.filter(named)


def past_freezes(*, now: datetime) -> list[Freeze]:
    """The last freezes that are over, the latest first."""
    return list(in_full().filter(last_end__lte=now).order_by("-last_end", "-id")[:SHOWN_PAST])

"""What is known about templates: who has a say, what was approved, how they were used, which may be used now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from accounts.models import Membership, User
from catalog.models import Service
from changes.mailboxes import mailbox
from changes.models import Change, Template, TemplateApproval, Ticket
from changes.preapproved import policy
from changes.preapproved.content import terms_of
from changes.states import Authorization, Outcome, State
from changes.tickets.policy import Circle, Hand, Judge, approver_role, four_eyes, judges
from workflow import ledger
from workflow.decisions import Decision
from workflow.errors import Missing
from workflow.models import Entry

WRITTEN = ("proposed", "changed")
"""The verbs under which the ledger keeps what a template said and who wrote it."""
SUGGESTED_FROM, LOOK_BACK = 5, timedelta(days=90)
"""How many successes in how long make a change worth a template."""
WAITING = 5
"""How many templates are looked at for one person at most."""
ENDED = (State.FINISHED, State.CLOSED)
MISHAPS = frozenset(Outcome) - {Outcome.SUCCEEDED, Outcome.NOT_DONE}


@dataclass(frozen=True, slots=True)
class Version:
    """What a template said when `who` (an actor's id) approved it."""

    who: str
    at: datetime
    digest: str
    content: dict[str, Any]


class History:
    """What the ledger tells about a template; `entries` are all of them, oldest first."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)

    @property
    def written_at(self) -> datetime | None:
        """When it was last proposed."""
        return next((entry.occurred_at for entry in reversed(self.entries) if entry.verb in WRITTEN), None)

    @property
    def writers(self) -> set[int]:
        """The ids of who wrote a part of what has not been approved yet."""
        found: set[int] = set()
        for entry in self.entries:
            if entry.verb == "approved" and entry.data.get("until"):
                found.clear()
            elif entry.verb in WRITTEN:
                found.add(int(entry.data["author"]))
        return found

    def approved_before(self, digest: str) -> Version | None:
        """What was last approved by anybody and is not what `digest` names."""
        said = {str(entry.data["digest"]): entry.data["content"] for entry in self.entries if entry.verb in WRITTEN}
        for entry in reversed(self.entries):
            known = str(entry.data.get("digest", ""))
            if entry.verb == "approved" and known != digest and known in said:
                return Version(str(entry.data["approver"]), entry.occurred_at, known, said[known])
        return None

    @property
    def demotion(self) -> Entry | None:
        """Why it was last demoted, if it was."""
        return next((entry for entry in reversed(self.entries) if entry.verb == "demoted"), None)


@dataclass
class Standing:
    """A template with everything that decides about it; the parts are loaded once, when they are asked for."""

    template: Template
    now: datetime

    @cached_property
    def history(self) -> History:
        """What the ledger tells about it."""
        return History(ledger.entries_about(self.template.ref).order_by("id"))

    @property
    def asked_at(self) -> datetime:
        """From when on the present approvals are asked for: a role that somebody got afterwards does not count."""
        until = self.template.approved_until
        if self.template.state == Template.State.APPROVED and until is not None:
            return until - policy.RENEWAL
        return self.history.written_at or self.template.created_at

    @cached_property
    def owners(self) -> tuple[dict[str, str], list[Hand]]:
        """The teams that own one of its services, {slug: name}, and everybody who belongs to them, by name."""
        teams = {service.team_id: service.team for service in self.template.services.all()}
        rows = Membership.objects.filter(team__in=teams, user__is_active=True).order_by("user__name", "user_id")
        return {team.slug: team.name for team in teams.values()}, [Hand(*row) for row in rows.values_list(*OF_HANDS)]

    @cached_property
    def circle(self) -> Circle:
        """Everybody who has a say."""
        teams, hands = self.owners
        writers = {*self.history.writers, self.template.author_id}
        boxes = {mailbox(self.template.author.email)} | {mailbox(one.email) for one in hands if one.user_id in writers}
        writers |= {one.user_id for one in hands if mailbox(one.email) in boxes}
        return Circle(
            level=policy.LEVEL,
            teams=teams,
            hands=hands,
            excluded=dict.fromkeys(writers, "wrote a part of it"),
            filed_at=self.asked_at,
            filed="the template was proposed",
        )

    @cached_property
    def approvals(self) -> list[TemplateApproval]:
        """The approvals that count towards the open decision: not voided, of what it says, and asked for now."""
        return [one for one in standing_approvals(self.template) if one.at >= self.asked_at]

    @property
    def judges(self) -> list[Judge]:
        """Who may approve it and has not yet."""
        given = {one.approver_id for one in self.approvals}
        return [judge for judge in judges(self.circle) if judge.user_id not in given]

    @property
    def decision(self) -> Decision:
        """Whether the approvals that were given are enough, or who is asked."""
        return policy.template_approved(self.circle, [one.approver_id for one in self.approvals])

    @property
    def approvable(self) -> Decision:
        """Whether anybody may approve it now."""
        template = self.template
        return policy.template_approvable(state=template.state, approved_until=template.approved_until, now=self.now)

    def may_approve(self, user_id: int) -> Decision:
        """Whether this person may approve it now: the first rule that refuses, or the last one."""
        for decision in (self.approvable, four_eyes(user_id, self.circle)):
            if decision.outcome == policy.REFUSED:
                return decision
        return approver_role(user_id, self.circle)


# --- One template ----------------------------------------------------------------------------------------------------


def templates() -> QuerySet[Template]:
    """Every template with its services, approvals and people."""
    services = Prefetch("services", Service.objects.select_related("team"))
    approvals = Prefetch("approvals", TemplateApproval.objects.select_related("approver").order_by("at", "id"))
    return Template.objects.select_related("environment", "author").prefetch_related(services, approvals)


def template_named(slug: str) -> Template:
    """The template called `slug`, with everything that its page names; raises Missing."""
    found = templates().filter(slug=slug).first()
    if found is None:
        raise Missing("not_found", f"There is no template “{slug[:64]}”.")
    return found


def standing_of(slug: str, *, lock: bool = False) -> Standing:
    """The template called `slug`, locked until the end of the transaction if asked; raises Missing."""
    if lock:
        # Of two people who decide at once, the second one sees what the first one made of it.
        Template.objects.select_for_update().filter(slug=slug).first()
    return Standing(template_named(slug), timezone.now())


def standing_approvals(template: Template) -> list[TemplateApproval]:
    """The approvals that nothing has voided and that are of what the template says."""
    return [one for one in template.approvals.all() if one.voided_at is None and one.digest == template.digest]


def usability(template: Template, *, now: datetime) -> Decision:
    """Whether changes may be made from the template now: the rule `template_usable` on what the database holds."""
    facts = policy.TemplateFacts(
        state=template.state,
        approved_until=template.approved_until,
        digest=template.digest,
        digest_now=terms_of(template).digest,
        approved_digests=[one.digest for one in standing_approvals(template)],
    )
    return policy.template_usable(facts, now=now)


def owns_a_service(user_id: int, slugs: Iterable[str]) -> bool:
    """Whether the person belongs to a team that owns one of these services."""
    return Service.objects.filter(slug__in=list(slugs), team__memberships__user=user_id).exists()


def may_decide(template: Template, person: User) -> Decision:
    """Whether this person may change or retire it: the decision that the actions come to as well."""
    owns = owns_a_service(person.pk, [service.slug for service in template.services.all()])
    return policy.may_propose_template(owns_a_service=owns, is_admin=person.is_admin)


# --- Lists -----------------------------------------------------------------------------------------------------------


def usable_templates(reader: User | None = None, *, now: datetime | None = None) -> list[Template]:
    """The templates from which changes may be made now; those of the reader's own teams first, then by name."""
    at = now or timezone.now()
    rows = templates().filter(state=Template.State.APPROVED, approved_until__gt=at).order_by("name", "slug")
    found = [template for template in rows if usability(template, now=at).outcome == policy.ALLOWED]
    own = set(Membership.objects.filter(user=reader).values_list("team_id", flat=True)) if reader else set()
    return sorted(found, key=lambda one: not any(service.team_id in own for service in one.services.all()))


OF_HANDS = ("user_id", "user__name", "user__email", "team__slug", "is_lead", "since")
"""What a hand is made of, as columns of a membership."""


def waiting_for(person: User, *, now: datetime) -> list[Template]:
    """The templates that wait for this person's approval, the first of them by name. Two statements, or one."""
    given = TemplateApproval.objects.filter(template=OuterRef("pk"), digest=OuterRef("digest"), voided_at=None)
    near = Template.objects.filter(~Exists(given.filter(approver=person)), state=Template.State.PROPOSED)
    own = Membership.objects.filter(user=person, team__services__templates=OuterRef("pk"))
    near = near.filter(Exists(own)).order_by("name", "slug")
    standings: dict[str, Standing] = {}
    for template, team, hand in _owned(near):
        standing = standings.setdefault(template.ref, Standing(template, now))
        standing.__dict__.setdefault("owners", ({}, []))
        teams, hands = standing.owners
        teams[hand.team] = team
        hands += [] if hand in hands else [hand]
    if not standings:
        return []
    told: dict[str, list[Entry]] = {ref: [] for ref in standings}
    for entry in Entry.objects.filter(subject__in=told).order_by("id"):
        told[entry.subject].append(entry)
    for ref, standing in standings.items():
        standing.history = History(told[ref])
    return [one.template for one in standings.values() if one.may_approve(person.pk).outcome == policy.ALLOWED]


def _owned(near: QuerySet[Template]) -> Iterator[tuple[Template, str, Hand]]:
    """The first of these templates, by name, with the name of each team that owns them and each of its people."""
    first = near.values("pk")[:WAITING]
    named, about = "team__services__templates__", ("pk", "slug", "name", "state", "created_at", "approved_until")
    by = ("author_id", "author__name", "author__email")
    rows = Membership.objects.filter(team__services__templates__in=first, user__is_active=True)
    rows = rows.order_by(f"{named}name", f"{named}slug", "user__name", "user_id")
    columns = (*(named + name for name in about), *(named + name for name in by), "team__name", *OF_HANDS)
    for row in rows.values_list(*columns):
        said = dict(zip(about, row, strict=False))
        pk, name, email, team = row[len(about) : len(about) + 4]
        yield Template(**said, author=User(pk=pk, name=name, email=email)), team, Hand(*row[len(about) + 4 :])


def expiring(*, now: datetime) -> list[int]:
    """The ids of the templates whose approval ends soon, the earliest first."""
    until = now + policy.RENEWAL
    rows = Template.objects.filter(state=Template.State.APPROVED, approved_until__gt=now, approved_until__lte=until)
    return list(rows.order_by("approved_until").values_list("pk", flat=True))


# --- Use -------------------------------------------------------------------------------------------------------------


def outcomes_of(templates: Iterable[int], *, since: datetime | None = None) -> dict[int, dict[str, int]]:
    """How the ended changes made from each of these templates (ids) went: {id: {outcome: count}}."""
    rows = Ticket.objects.filter(template__in=list(templates)).exclude(change__outcome="")
    if since is not None:
        rows = rows.filter(change__at__gte=since)
    counted = rows.order_by().values_list("template_id", "change__outcome").annotate(count=Count("pk"))
    found: dict[int, dict[str, int]] = {}
    for pk, outcome, count in counted:
        if pk is not None:
            found.setdefault(pk, {})[outcome] = count
    return found


def changes_from(template: Template, *, limit: int) -> list[Change]:
    """The latest changes that were made from it."""
    rows = Change.objects.filter(ticket__template=template).select_related("service", "environment", "requester")
    return list(rows.order_by("-at", "-id")[:limit])


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change that was filed, approved and done so often that a template may be worth it. `ref` is the latest one."""

    title: str
    service: str
    count: int
    ref: str


def suggested_templates(*, now: datetime) -> list[Suggestion]:
    """Titles on services with at least 5 reviewed changes that succeeded in 90 days, none that did not, most first."""
    rows = Change.objects.filter(
        authorization=Authorization.REVIEWED, ticket__isnull=False, state__in=ENDED, at__gte=now - LOOK_BACK
    )
    told = rows.order_by("at", "id").values_list("title", "service__slug", "outcome", "pk")
    groups: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for title, service, outcome, pk in told[:20_000]:
        groups.setdefault((pattern_of(title), service), []).append((title, outcome, pk))
    covered = _covered()
    found = [
        Suggestion(ended[-1][0], service, len(ended), f"CHG-{ended[-1][2]}")
        for (pattern, service), ended in groups.items()
        if (pattern, service) not in covered and _is_worth_it([outcome for _, outcome, _ in ended])
    ]
    return sorted(found, key=lambda one: (-one.count, one.title))


def _is_worth_it(outcomes: list[str]) -> bool:
    return outcomes.count(Outcome.SUCCEEDED) >= SUGGESTED_FROM and not MISHAPS & set(outcomes)


def _covered() -> set[tuple[str, str]]:
    rows = Template.objects.exclude(state=Template.State.RETIRED).values_list("title", "services__slug")
    return {(pattern_of(title), service) for title, service in rows if service}


def pattern_of(title: str) -> str:
    """A title without what differs from one time to the next: case, numbers, versions, dates and punctuation."""
    words = "".join(character if character.isalnum() else " " for character in title.lower()).split()
    return " ".join(word for word in words if not any(character.isdigit() for character in word))


def draft_of(ref_id: int) -> Mapping[str, Any] | None:
    """What a filed change says, by the names of a template's terms; None if nobody filed it."""
    ticket = Ticket.objects.select_related("change__environment", "change__service").filter(pk=ref_id).first()
    if ticket is None:
        return None
    change = ticket.change
    of_ticket = ("description", "reason", "risk_answers", "test_evidence", "rollback_plan", "rollback_minutes")
    return {
        "name": change.title[:120],
        "title": change.title,
        "customer_impacting": change.customer_impacting,
        "public_note": change.public_note,
        "services": list(ticket.services.values_list("slug", flat=True)),
        "environment": change.environment.slug,
        **{name: getattr(ticket, name) for name in (*of_ticket, "verification_plan")},
    }

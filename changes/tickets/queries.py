"""What is known about a filed change: who has a say in it, and everything its page and the API show."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Lower

from accounts.models import ApiToken, Membership, User
from catalog.models import Environment, Service
from changes.mailboxes import mailbox
from changes.models import Approval, Change, Run, Template, Ticket
from changes.refs import change_id
from changes.states import Risk, State
from changes.tickets import policy, risk_policy
from changes.tickets.content import bound, digest_of, edition_of
from workflow.errors import Conflict, Missing

RUNS_OF_COMMIT = 500
"""How many deploys of the same commit are asked for its authors, so that others of it hide nobody."""
_ABBREVIATED = re.compile(r"[0-9a-f]{7,39}\Z")


class People(NamedTuple):
    """Who may have to do with a change: the members of its teams, and the ids of who wrote its commits.

    `led_by` is the e-mail of its reader, if they lead any team, else empty.
    """

    teams: dict[str, str]
    hands: list[policy.Hand]
    authors: list[int]
    led_by: str


@dataclass
class Standing:
    """A filed change with everything that decides about it; the parts are loaded once, when they are asked for.

    Of the `reader` (a person's id) is found out, together with everybody else, what they are to other teams.
    """

    change: Change
    ticket: Ticket
    reader: int | None = None
    _parts: dict[int, policy.Parts] = field(default_factory=dict, init=False, repr=False)

    @property
    def ref(self) -> str:
        """`CHG-12`."""
        return self.change.ref

    @cached_property
    def services(self) -> list[Service]:
        """The services it touches, its first one first."""
        found = self.ticket.services.select_related("team").order_by("tier", "slug")
        return sorted(found, key=lambda service: service.pk != self.change.service_id)

    @cached_property
    def approvals(self) -> list[Approval]:
        """Everything that was ever answered, oldest first; what no longer counts has `voided_at`."""
        return list(self.ticket.approvals.select_related("approver"))

    @cached_property
    def said(self) -> dict[str, Any]:
        """Every part of it in the words of the API."""
        change, ticket = self.change, self.ticket
        of_change = ("title", "customer_impacting", "public_note", "window_start", "window_end", "sha")
        of_ticket = ("description", "reason", "risk_answers", "test_evidence", "rollback_plan", "rollback_minutes")
        return {
            **{name: getattr(change, name) for name in of_change},
            **{name: getattr(ticket, name) for name in (*of_ticket, "verification_plan", "commits", "incident")},
            "services": [service.slug for service in self.services],
            "environment": change.environment.slug,
            "implementer": ticket.implementer.email,
        }

    @cached_property
    def content(self) -> dict[str, Any]:
        """What an approval is about."""
        return bound(self.said)

    @property
    def edition(self) -> str:
        """Changes with everything that may be edited, also what no approval is about."""
        return edition_of(self.said)

    @property
    def digest(self) -> str:
        """The hash of the content as it is now."""
        return digest_of(self.content)

    @cached_property
    def risk(self) -> risk_policy.RiskFound:
        """How much could go wrong, and why."""
        return risk_found(self.said, self.services)

    @cached_property
    def people(self) -> People:
        """Everybody who belongs to its teams, who wrote its commits, and its reader."""
        authors = authors_of(self.change.sha, self.ticket.commits)
        return people_around(self.services, authors=authors, reader=self.reader)

    @cached_property
    def circle(self) -> policy.Circle:
        """Everybody who has a say."""
        return circle_around(
            self.people,
            self.change.risk,
            _excluded(self.change, self.ticket, self.people.authors),
            filed_at=self.change.created_at,
            makers=[person for person in (self.change.requester, self.ticket.implementer) if person],
        )

    @property
    def standing_approvals(self) -> list[Approval]:
        """The approvals that count: not voided, and of what the change says now."""
        return [
            one
            for one in self.approvals
            if one.voided_at is None and one.answer == Approval.Answer.APPROVED and one.digest == self.ticket.digest
        ]

    @property
    def rejected(self) -> set[str]:
        """The digests of everything that somebody rejected."""
        return {one.digest for one in self.approvals if one.answer == Approval.Answer.REJECTED}

    def parts_of(self, user_id: int) -> policy.Parts:
        """What this person has to do with it."""
        if user_id not in self._parts:
            self._parts[user_id] = replace(
                parts_in(self.circle, user_id, led_by=self.people.led_by if user_id == self.reader else None),
                is_requester=self.change.requester_id == user_id,
                is_implementer=self.ticket.implementer_id == user_id,
            )
        return self._parts[user_id]


def risk_found(said: Mapping[str, Any], services: Sequence[Service]) -> risk_policy.RiskFound:
    """The risk of a change that says this and touches these services."""
    return risk_policy.judge_risk(
        risk_policy.RiskFacts(
            answers=said["risk_answers"],
            tiers=[service.tier for service in services],
            customer_impacting=said["customer_impacting"],
            rollback_minutes=said["rollback_minutes"],
        )
    )


def standing_of(ref: str, *, lock: bool = False) -> Standing:
    """The filed change called `ref`, locked until the end of the transaction if asked; raises Missing."""
    rows = Change.objects.select_related("service__team", "environment", "requester")
    if lock:
        # Whoever decides about a change takes its row first, so two who decide at once come one after the other.
        Change.objects.select_for_update().filter(pk=change_id(ref)).first()
    change = rows.filter(pk=change_id(ref)).first()
    if change is None:
        raise Missing("not_found", f"There is no change {ref.upper()[:40]}.")
    ticket = Ticket.objects.select_related("implementer", "template").filter(pk=change.pk).first()
    if ticket is None:
        raise Missing("not_a_ticket", f"{change.ref} was logged by a pipeline, so there is nothing to decide about it.")
    return Standing(change, ticket)


def standing_if_filed(change: Change) -> Standing | None:
    """The same for a change that is loaded already; None for one that a pipeline logged."""
    ticket = Ticket.objects.select_related("implementer", "template").filter(pk=change.pk).first()
    return Standing(change, ticket) if ticket else None


def finished_change(ref: str) -> Change:
    """The change called `ref`, locked, if somebody must look back at it; raises Missing and Conflict."""
    Change.objects.select_for_update().filter(pk=change_id(ref)).first()
    change = (
        Change.objects.select_related("service__team", "environment", "requester").filter(pk=change_id(ref)).first()
    )
    if change is None:
        raise Missing("not_found", f"There is no change {ref.upper()[:40]}.")
    if change.state != State.FINISHED and change.review_due_at is None:
        because = f"There is nothing to review about {change.ref}: it is {change.get_state_display().lower()}."
        raise Conflict("transition_illegal", because)
    if change.state == State.IN_PROGRESS:
        raise Conflict("transition_illegal", f"{change.ref} is still under way. Review it when it is finished.")
    return change


def parts_in(circle: policy.Circle, user_id: int, *, led_by: str | None = None) -> policy.Parts:
    """What somebody has to do with the teams of a change; `led_by` is `People.led_by`, if it is about them."""
    own = [hand for hand in circle.hands if hand.user_id == user_id]
    is_lead = any(hand.is_lead for hand in own)
    # Who belongs to an owning team may do all that leads of other teams may, so nothing is asked about them.
    if led_by is None and not own:
        led = Membership.objects.filter(user=user_id, is_lead=True).values_list("user__email", flat=True)
        led_by = led.first() or ""
    leads = is_lead or (not own and bool(led_by) and mailbox(led_by or "") not in circle.mailboxes)
    return policy.Parts(is_lead=is_lead, is_member=bool(own), leads_elsewhere=leads)


def people_around(services: Sequence[Service], *, authors: set[str], reader: int | None = None) -> People:
    """The people of these services' teams, those with the mailboxes of `authors`, and the reader. One statement."""
    teams = {service.team_id: service.team for service in services}
    wanted = Q(memberships__team__in=teams) | Q(pk=reader)
    if authors:
        wanted |= Q(address__in=authors) | Q(email__contains="+")
    rows = User.objects.annotate(address=Lower("email")).filter(wanted).order_by("name", "pk")
    of_team = ("memberships__team_id", "memberships__is_lead", "memberships__since")
    columns = rows.values_list("pk", "name", "email", "is_active", *of_team)
    found, hands = set[int](), list[policy.Hand]()
    led_by = ""
    for pk, name, email, is_active, team, is_lead, since in columns:
        if mailbox(email) in authors:
            found.add(pk)
        if pk == reader and is_lead:
            led_by = email
        if is_active and team in teams:
            hands.append(policy.Hand(pk, name, email, teams[team].slug, is_lead, since))
    return People({team.slug: team.name for team in teams.values()}, hands, sorted(found), led_by)


def circle_around(
    people: People, level: str, excluded: Mapping[int, str], *, filed_at: datetime, makers: Iterable[User] = ()
) -> policy.Circle:
    """Everybody of these people who has a say in a change, which `makers` made, at this level of risk."""
    teams, hands = people.teams, people.hands
    boxes = {mailbox(one.email) for one in makers}
    boxes |= {mailbox(hand.email) for hand in hands if hand.user_id in excluded}
    alike = [hand.user_id for hand in hands if mailbox(hand.email) in boxes]
    left_out = dict.fromkeys(alike, "have the mailbox of somebody who made it") | dict(excluded)
    return policy.Circle(level, teams, hands, left_out, filed_at, frozenset(boxes))


def circle_of_deploy(change: Change, *, reader: int | None = None) -> tuple[policy.Circle, str | None]:
    """Everybody who has a say in what a pipeline deployed: authors of its commits and who logged it have none.

    Beside them stands `People.led_by` of the reader, None without one.
    """
    run = change.run
    people = people_around([change.service], authors=authors_of("", commits_told(run.events)), reader=reader)
    tokens = {event["by"].removeprefix("token:") for event in run.events if event["by"].startswith("token:")}
    owners = ApiToken.objects.filter(pk__in=tokens).values_list("owner_id", flat=True)
    loggers = {event["by"].removeprefix("user:") for event in run.events if event["by"].startswith("user:")}
    excluded = dict.fromkeys(people.authors, "authored one of its commits")
    excluded |= dict.fromkeys([*owners, *map(int, loggers)], "logged it")
    circle = policy.Circle(
        level=change.risk or Risk.LOW,
        teams=people.teams,
        hands=people.hands,
        excluded=excluded,
        filed_at=change.created_at,
    )
    return circle, people.led_by if reader else None


def _excluded(change: Change, ticket: Ticket, authors: Iterable[int]) -> dict[int, str]:
    found = dict.fromkeys(authors, "authored one of its commits")
    found |= dict.fromkeys(ticket.written_by, "wrote a part of it")
    found[ticket.implementer_id] = "took it on"
    if change.requester_id:
        found[change.requester_id] = "requested it"
    return found


def to_be_told(circle: policy.Circle, *, but: int) -> list[tuple[int, str]]:
    """(id, e-mail) of whom an emergency is told: the leads, else whoever is left of the teams, else administrators."""
    others = {hand.user_id: hand for hand in circle.hands if hand.user_id != but}
    leads = {hand.user_id for hand in circle.hands if hand.is_lead}
    found = [(pk, hand.email) for pk, hand in others.items() if pk in leads or not leads - {but}]
    return found or list(User.objects.filter(is_admin=True, is_active=True).exclude(pk=but).values_list("pk", "email"))


def authors_of(sha: str, commits: Sequence[dict[str, str]]) -> set[str]:
    """The mailboxes of who wrote the commits that are named, or that were deployed as `sha`."""
    told = list(commits)
    if sha:
        runs = Run.objects.filter(deployed_as(sha)).order_by("change_id").values_list("events", flat=True)
        told += [commit for events in runs[:RUNS_OF_COMMIT] for commit in commits_told(events)]
    return {author for commit in told if (author := mailbox(str(commit.get("author") or "")))}


def commits_told(events: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The commits of a run; who is left out of a later message about it wrote a part of it all the same."""
    return [commit for event in events for commit in event.get("commits") or ()]


def deployed_as(sha: str) -> Q:
    """The runs that deployed a commit, also where it is written in capitals or abbreviated."""
    low = sha.lower()
    spelled = Q(change__sha__in={sha, low})
    # Of what begins alike, the range is what an index finds.
    return spelled | Q(change__sha__gt=low, change__sha__lt=f"{low}g") if _ABBREVIATED.match(low) else spelled


# --- What a draft names ----------------------------------------------------------------------------------------------


def services_named(slugs: Sequence[str]) -> dict[str, Service]:
    """The services among `slugs` that exist, by slug."""
    return {service.slug: service for service in Service.objects.filter(slug__in=slugs).select_related("team")}


def environment_named(slug: str) -> Environment | None:
    """The environment called `slug`; without a name the first production one."""
    rows = Environment.objects.filter(slug=slug) if slug else Environment.objects.filter(is_production=True)
    return rows.order_by("pk").first()


def person_named(name: str) -> User | None:
    """The active person with this e-mail, or the only one whose e-mail begins with `name` and an @."""
    found = list(User.objects.filter(Q(email__iexact=name) | Q(email__istartswith=f"{name}@"), is_active=True)[:2])
    exact = [person for person in found if person.email.lower() == name.lower()]
    return exact[0] if exact else found[0] if len(found) == 1 else None


def template_named(slug: str) -> Template | None:
    """The template called `slug`, locked against a change of its state while a change is made from it."""
    return Template.objects.select_for_update(of=("self",)).select_related("environment").filter(slug=slug).first()


# --- Lists of duties -------------------------------------------------------------------------------------------------


def waiting_for_approval(limit: int) -> list[Standing]:
    """Changes that wait for an approval, the earliest window first."""
    rows = Ticket.objects.filter(change__state="submitted").order_by(F("change__window_start").asc(nulls_last=True))
    return [Standing(ticket.change, ticket) for ticket in _in_full(rows)[:limit]]


def _in_full(rows: Any) -> Any:
    return rows.select_related(
        "change__service__team", "change__environment", "change__requester", "implementer", "template"
    )


# --- What is due -----------------------------------------------------------------------------------------------------

AT_ONCE = 500
"""How many changes one round of a duty looks at."""


def missed_windows(*, now: datetime) -> list[int]:
    """Ids of the changes whose window passed before they began."""
    rows = Change.objects.filter(state__in=[State.SUBMITTED, State.APPROVED], window_end__lte=now)
    return list(rows.order_by("window_end").values_list("pk", flat=True)[:AT_ONCE])


def settled(*, now: datetime) -> list[int]:
    """Ids of the filed changes that finished a while ago and owe no review."""
    rows = Ticket.objects.filter(
        change__state=State.FINISHED,
        change__review_due_at__isnull=True,
        change__finished_at__lte=now - policy.SETTLED_AFTER,
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def reviews_to_remind_of(*, now: datetime) -> list[int]:
    """Ids of the filed changes whose review is due so soon that somebody must be reminded, or paged, and was not."""
    first = now + policy.REVIEW_WITHIN - policy.REMINDERS[0]
    rows = Ticket.objects.filter(change__review_due_at__lte=first, reminded__lt=len(policy.REMINDERS) + 1)
    return list(rows.order_by("change__review_due_at").values_list("pk", flat=True)[:AT_ONCE])

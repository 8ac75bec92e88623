"""What the page for filing shows: what there is to choose, what is known already, and what would become of a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Membership, User
from catalog.models import Environment, Service
from changes.calendar.queries import Collision, Plan, collisions_of, free_slot_for
from changes.freezes.queries import FreezeWindow
from changes.models import Template
from changes.preapproved.queries import usable_templates
from changes.tickets import narration, policy, queries, risk_policy, start_policy
from changes.tickets.content import Draft
from changes.tickets.forms import Choices, FilingForm, initial_of
from changes.tickets.queries import Standing
from changes.tickets.scheduling import freezes_of, nearby_with_room, teams_of
from changes.tickets.templates import draft_from
from workflow import moments, tones
from workflow.decisions import Decision
from workflow.errors import Missing

LENGTH = timedelta(hours=1)
"""How long the window is that is offered first."""
NOT_COPIED = ("window_start", "window_end", "implementer", "commits", "sha", "incident")
"""What a former change said about itself alone."""


# --- What there is to choose -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """The rows behind the choices, so that what is chosen need not be looked up again."""

    services: Mapping[str, Service]
    environments: Mapping[str, Environment]
    people: Mapping[str, User]
    own_teams: frozenset[int] = frozenset()
    templates: Mapping[str, Template] = field(default_factory=dict)


def known_to(me: User, *, with_templates: bool = True) -> Known:
    """Everything that a change can name, by slug and e-mail."""
    own = frozenset(Membership.objects.filter(user=me).values_list("team_id", flat=True))
    templates = usable_templates(me) if with_templates else []
    return Known(
        services={one.slug: one for one in Service.objects.select_related("team").order_by("team__name", "slug")},
        environments={one.slug: one for one in Environment.objects.all()},
        people={one.email: one for one in User.objects.filter(is_active=True).order_by("name", "email")},
        own_teams=own,
        templates={one.slug: one for one in templates},
    )


def choices_for(me: User, known: Known, *, chosen: Sequence[str] = ()) -> Choices:
    """The choices in words: what is chosen first, then the reader's own teams, then everybody else's."""
    first = [(slug, f"tier {known.services[slug].tier}") for slug in chosen if slug in known.services]
    groups = [("Chosen", first)] if first else []
    by_team: dict[str, list[tuple[str, str]]] = {}
    for service in sorted(known.services.values(), key=lambda one: one.team_id not in known.own_teams):
        if service.slug not in chosen:
            by_team.setdefault(service.team.name, []).append((service.slug, f"tier {service.tier}"))
    people = sorted(known.people.values(), key=lambda one: one.pk != me.pk)
    return Choices(
        services=[*groups, *by_team.items()],
        environments=[(one.slug, one.name) for one in known.environments.values()],
        people=[(one.email, f"{one.name} (you)" if one.pk == me.pk else str(one)) for one in people],
        templates=[(one.slug, one.name) for one in known.templates.values()],
    )


# --- What is known already -------------------------------------------------------------------------------------------


def first_words(me: User, known: Known, wishes: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """What a new form is filled with; `wishes` are the `type`, `template` and `copy` that the address names."""
    start = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + LENGTH
    production = next((one.slug for one in known.environments.values() if one.is_production), None)
    given: dict[str, Any] = {"window_start": start, "window_end": start + LENGTH, "implementer": me.email}
    given |= {"environment": production} if production else {}
    given |= {name: wishes[name] for name in ("type", "template") if wishes.get(name)}
    return {**_copied(wishes.get("copy", "")), **given}


def _copied(ref: str) -> dict[str, Any]:
    if not ref:
        return {}
    try:
        said = queries.standing_of(ref).said
    except Missing:
        return {}
    return initial_of({name: value for name, value in said.items() if name not in NOT_COPIED})


# --- What would become of it -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of a draft if it were submitted now; parts that cannot be known yet are empty."""

    risk: risk_policy.RiskFound
    services: Sequence[Service] = ()
    circle: policy.Circle | None = None
    quorum: Decision | None = None
    window: tuple[datetime, datetime] | None = None
    collisions: Sequence[Collision] = ()
    freezes: Sequence[FreezeWindow] = ()
    slot: tuple[datetime, datetime] | None = None

    @property
    def is_placed(self) -> bool:
        """Whether enough is known to look for what is in its way."""
        return bool(self.services and self.window)

    @property
    def forbids(self) -> bool:
        """Whether the window cannot be had."""
        return any(one.blocks for one in self.collisions) or any(one.forbids for one in self.freezes)


def prospect_of(draft: Draft, known: Known, *, me: User, edited: Standing | None = None) -> Prospect:
    """What would become of what is typed, as `edited` if that change is edited, by the rules that decide later."""
    now = timezone.now()
    services = [known.services[slug] for slug in draft.services if slug in known.services]
    risk = queries.risk_found(draft.as_mapping(), services)
    window = _window_of(draft)
    if not services:
        return Prospect(risk, window=window)
    implementer = known.people.get(draft.implementer, me)
    authors = queries.authors_of(draft.sha, [dict(one) for one in draft.commits])
    people = queries.people_around(services, authors=authors)
    circle = queries.circle_around(
        people,
        risk.level,
        _excluded(people.authors, implementer, me, edited),
        filed_at=edited.change.created_at if edited else now,
        makers=[implementer, edited.change.requester or me if edited else me],
    )
    environment = known.environments.get(draft.environment) or next(iter(known.environments.values()), None)
    around: dict[str, Any] = {}
    if window and environment:
        around = _around(
            services,
            Plan(
                change_id=edited.change.pk if edited else None,
                service_ids=tuple(service.pk for service in services),
                environment_id=environment.pk,
                implementer_id=implementer.pk,
                start=window[0],
                end=window[1],
            ),
        )
    return Prospect(risk, services, circle, policy.quorum_satisfiable(circle), window, **around)


def _excluded(authors: Sequence[int], implementer: User, me: User, edited: Standing | None) -> dict[int, str]:
    found = dict.fromkeys(authors, "authored one of its commits")
    before = edited.circle.excluded if edited else {me.pk: "requested it"}
    found |= {pk: because for pk, because in before.items() if because in {"wrote a part of it", "requested it"}}
    if edited:
        found.setdefault(me.pk, "wrote a part of it")
    return (
        {implementer.pk: "took it on", **found} if implementer.pk in found else {**found, implementer.pk: "took it on"}
    )


def _window_of(draft: Draft) -> tuple[datetime, datetime] | None:
    start, end = draft.window_start, draft.window_end
    if not (start and end and end > start):
        return None
    # What no window may be is not looked up: a freeze may come again in it more often than a page can show.
    reach = start_policy.window_within_reach(start=start, end=end, now=timezone.now())
    return None if reach.outcome == start_policy.REFUSED else (start, end)


def _around(services: Sequence[Service], plan: Plan) -> dict[str, Any]:
    known = nearby_with_room(plan)
    collisions, freezes = collisions_of(plan, known), freezes_of(plan, services)
    is_taken = bool(collisions) or any(one.forbids for one in freezes)
    slot = free_slot_for(plan, known, teams=teams_of(services)) if is_taken else None
    return {"collisions": collisions, "freezes": freezes, "slot": slot}


def outlook_of(form: FilingForm, known: Known, *, me: User, edited: Standing | None = None) -> dict[str, Any]:
    """The content of templates/tickets/_outlook.html: what would become of what the form holds now."""
    draft = form.glimpse()
    template = known.templates.get(form.chosen_template)
    if template:
        draft = draft_from(template, draft)
    prospect = prospect_of(draft, known, me=me, edited=edited)
    now = timezone.now()
    return {
        "prospect": prospect,
        "template": template,
        "risk_look": tones.look(prospect.risk.level, "risk"),
        "risk_title": narration.risk_title(prospect.risk),
        "risk_beyond": narration.risk_beyond(prospect.risk),
        "demand": narration.demand_in_words(prospect.circle) if prospect.circle and not template else "",
        "window": narration.window_in_words(*prospect.window) if prospect.window else "",
        "starts_text": f"Window starts ({moments.zone()})",
        "ends_text": f"Window ends ({moments.zone()})",
        "is_over": bool(prospect.window and prospect.window[1] <= now),
        "slot": _offered(prospect.slot),
    }


def _offered(slot: tuple[datetime, datetime] | None) -> tuple[str, str] | None:
    """A free slot as the value of a button, on the reader's clock, and in words."""
    if slot is None:
        return None
    start, end = (moments.here(at) for at in slot)
    value = f"slot {start:%Y-%m-%dT%H:%M} {end:%Y-%m-%dT%H:%M}"
    until = moments.clock(end) if start.date() == end.date() else moments.stamp(end)
    return value, f"{moments.stamp(start)} to {until} {moments.zone(start)}"


def filing_form(me: User, known: Known, *, typed: Any, initial: Mapping[str, Any]) -> FilingForm:
    """The form, filled with what was typed or else with what is known; a template's own words stand in it."""
    chosen = typed.getlist("services") if typed else [str(slug) for slug in initial.get("services", ())]
    return FilingForm(typed or None, choices=choices_for(me, known, chosen=chosen), initial=dict(initial))

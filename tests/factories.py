"""Objects for tests: fixed, without dice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Membership, Team, User
from catalog.models import Environment, Service
from changes.models import Change, Freeze, Pipeline, Template, Ticket
from changes.search import words
from incidents.models import CorrectiveAction, Incident, Rca, RcaWhy, Why
from oncall.models import EscalationPolicy, EscalationStep, Page, Schedule
from workflow.models import Entry

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
PAGE_KEY = "0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c12"
SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8"


def make_user(email: str, name: str = "", **columns: Any) -> User:
    """A person who can sign in with PASSWORD."""
    user = User(email=email, name=name or email, **columns)
    user.set_password(PASSWORD)
    user.save()
    return user


def make_service(slug: str, team: Team, **columns: Any) -> Service:
    """A service of `team`."""
    return Service.objects.create(slug=slug, name=slug.title(), team=team, **columns)


@dataclass
class Shop:
    """The organisation of the `shop` fixture."""

    ann: User
    bo: User
    cy: User
    admin: User
    payments: Team
    delivery: Team
    checkout: Service
    ledger: Service
    production: Environment
    uat: Environment
    pipeline: Pipeline


def make_shop() -> Shop:
    """Ann leads Payments with Bo; Cy is in Delivery; checkout depends on ledger; checkout-deploy is trusted."""
    ann = make_user("ann@example.com", "Ann Lee", time_zone="Europe/Berlin")
    bo = make_user("bo@example.com", "Bo Okafor")
    cy = make_user("cy@example.com", "Cy Rao")
    admin = make_user("admin@example.com", "Ada Min", is_admin=True)
    payments, delivery = (Team.objects.create(slug=slug, name=slug.title()) for slug in ("payments", "delivery"))
    Membership.objects.create(team=payments, user=ann, is_lead=True)
    Membership.objects.create(team=payments, user=bo)
    Membership.objects.create(team=delivery, user=cy, is_lead=True)
    ledger = make_service("ledger", payments, tier=1)
    checkout = make_service("checkout", payments, tier=0)
    checkout.depends_on.add(ledger)
    production = Environment.objects.create(slug="production", name="Production", is_production=True)
    uat = Environment.objects.create(slug="uat", name="UAT")
    pipeline = Pipeline.objects.create(
        slug="checkout-deploy",
        name="Checkout deploy",
        state=Pipeline.State.TRUSTED,
        requires=["tests", "smoke_test", "rollback"],
        registered_by=ann,
        confirmed_by=bo,
        confirmed_at=timezone.now(),
    )
    pipeline.services.add(checkout)
    pipeline.environments.add(production)
    return Shop(
        ann=ann,
        bo=bo,
        cy=cy,
        admin=admin,
        payments=payments,
        delivery=delivery,
        checkout=checkout,
        ledger=ledger,
        production=production,
        uat=uat,
        pipeline=pipeline,
    )


OF_CHANGE = {column.name for column in Change._meta.concrete_fields}


def make_ticket(shop: Shop, **columns: Any) -> Ticket:
    """A filed change with its ticket: Bo's draft for checkout in production, tomorrow at noon UTC for an hour.

    Columns of Change and of Ticket go to the right one; `services` is a list, the first is the change's own.
    """
    noon = (timezone.now() + timedelta(days=1)).astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    services = columns.pop("services", [shop.checkout])
    said: dict[str, Any] = {
        "type": "standard",
        "origin": "person",
        "authorization": "reviewed",
        "state": "draft",
        "title": "Rotate the checkout credentials",
        "service": services[0],
        "environment": shop.production,
        "requester": shop.bo,
        "risk": "low",
        "window_start": noon,
        "window_end": noon + timedelta(hours=1),
        **columns,
    }
    said.setdefault("at", said.get("started_at") or timezone.now())
    said.setdefault("search_text", words(said["title"], services[0].slug))
    change = Change.objects.create(**{name: value for name, value in said.items() if name in OF_CHANGE})
    of_ticket = {name: value for name, value in columns.items() if name not in OF_CHANGE}
    parts = {"implementer": said["requester"], "reason": "They expire.", "digest": "0" * 64, **of_ticket}
    ticket = Ticket.objects.create(change=change, **parts)
    ticket.services.set(services)
    return ticket


def make_template(shop: Shop, **columns: Any) -> Template:
    """A template that Cy proposed for checkout in production and nobody has approved yet."""
    said = {"slug": "rotate-keys", "title": "Rotate the API keys", "author": shop.cy, "digest": "0" * 64, **columns}
    template = Template.objects.create(name=said["title"], environment=shop.production, **said)
    template.services.add(shop.checkout)
    return template


def make_watch(shop: Shop, *emails: str, **columns: Any) -> Schedule:
    """Payments' schedule in UTC, since ten days; these people, or Ann and Bo, take turns at midnight.

    An override of the day after tomorrow has the id 900001.
    """
    said = {
        "slug": "payments-primary",
        "name": "payments_primary",
        "team": shop.payments,
        "time_zone": "UTC",
        **columns,
    }
    schedule = Schedule.objects.create(**said)
    midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rotation = schedule.rotations.create(name="day", type="daily", start=midnight - timedelta(days=10))
    people = [User.objects.get(email=email) for email in emails] or [shop.ann, shop.bo]
    for position, person in enumerate(people):
        rotation.participants.create(position=position, kind="user", user=person)
    override = {"user": shop.cy, "start": midnight + timedelta(days=2), "end": midnight + timedelta(days=3)}
    schedule.overrides.create(id=900001, alias="ours-1", **override)
    return schedule


def make_freeze(**columns: Any) -> Freeze:
    """A hard freeze of everything, since an hour ago for another hour."""
    now = timezone.now().replace(microsecond=0)
    said = {"name": "Black Friday", "start": now - timedelta(hours=1), "end": now + timedelta(hours=1), **columns}
    return Freeze.objects.create(**{"last_end": said["end"], **said})


def make_incident(shop: Shop, **columns: Any) -> Incident:
    """A Sev 3 on checkout in triage, declared by Ann an hour ago; `services` is a list."""
    now = timezone.now()
    services = columns.pop("services", [shop.checkout])
    said = {
        "title": "Card payments fail",
        "severity": "sev3",
        "declared_at": now - timedelta(hours=1),
        "declared_by": shop.ann,
        "customer_impacting": True,
        "alias": f"{Incident.objects.count():016}",
        "search_text": words("Card payments fail", *(service.slug for service in services)),
        "created_at": now,
        "updated_at": now,
        **columns,
    }
    incident = Incident.objects.create(**said)
    incident.services.set(services)
    return incident


def make_incident_for_routes(shop: Shop) -> Incident:
    """INC-900001 with a note and a draft of an update, both with the id 900001, and INC-900002 beside it."""
    make_incident(shop, id=900002)
    incident, now = make_incident(shop, id=900001), timezone.now()
    said = {"verb": "note", "actor": shop.ann.actor, "occurred_at": now, "recorded_at": now, "data": {"text": "Slow."}}
    Entry.objects.create(id=900001, subject=incident.ref, **said)
    incident.updates.create(id=900001, message="We look.", status="investigating", created_at=now)
    return incident


def make_rca_for_routes(shop: Shop) -> Rca:
    """RCA-900001 of INC-900001 by Bo with the why 900001, and ACT-900001 against it, which Cy owns."""
    incident, now = Incident.objects.get(pk=900001), timezone.now()
    rca = Rca.objects.create(id=900001, incident=incident, author=shop.bo, due_at=now, created_at=now, updated_at=now)
    evidence = [{"kind": "note", "value": "Seen.", "label": ""}]
    said = {"question": "Why?", "claim": "No limit", "path": "occurrence", "state": "supported", "evidence": evidence}
    why = Why.objects.create(id=900001, **said, category="technology", stop_reason="Ours.", author=shop.bo)
    RcaWhy.objects.create(rca=rca, why=why)
    promise = {"title": "Limit it", "type": "technology", "effect": "prevent", "owner": shop.cy, "why": why}
    CorrectiveAction.objects.create(id=900001, rca=rca, due=now.date(), **promise)
    return rca


def make_page_for_routes(shop: Shop) -> Page:
    """A page to Ann that goes on, under the key that the addresses of the API's tests have, and a policy to change."""
    policy = EscalationPolicy.objects.create(slug="checkout-deploy", name="Checkout", team=shop.payments)
    EscalationStep.objects.create(policy=policy, position=0, user=shop.ann)
    now = timezone.now()
    step = {"type": "user", "id": shop.ann.pk, "name": "Ann Lee", "wait": 5}
    said = {"title": "Look", "target_type": "user", "target": shop.ann.email, "created_at": now, "step": 1}
    plan = {"name": "Ann Lee", "repeat": 0, "steps": [step, step]}
    page = Page.objects.create(key=PAGE_KEY, plan=plan, next_run_at=now + timedelta(minutes=5), **said)
    page.steps.create(number=0, target="user Ann Lee", state="sent", people=[{"id": 1, "name": "Ann Lee"}], at=now)
    return page


def deployment(**changed: Any) -> dict[str, Any]:
    """The body of a finished deploy that proves everything, a minute ago; pass fields to differ, None to leave out."""
    finished = timezone.now() - timedelta(seconds=30)
    body: dict[str, Any] = {
        "service": "checkout",
        "environment": "production",
        "pipeline": "checkout-deploy",
        "run_id": "4711",
        "status": "succeeded",
        "version": "2.14.0",
        "sha": SHA,
        "artifact_digest": "sha256:" + "71c0e4" * 10 + "71c0",
        "started_at": (finished - timedelta(minutes=2)).isoformat(),
        "finished_at": finished.isoformat(),
        "commits": [
            {
                "sha": SHA,
                "author": "ann@example.com",
                "reviewed_by": ["bo@example.com"],
                "authored_at": finished.isoformat(),
            }
        ],
        "evidence": {
            "tests": {"passed": 412, "failed": 0, "sha": SHA},
            "smoke_test": {"status": "passed", "at": finished.isoformat()},
            "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
        },
    }
    body.update(changed)
    return {name: value for name, value in body.items() if value is not None}

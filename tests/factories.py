"""Objects for tests: fixed, without dice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.utils import timezone

from accounts.models import Membership, Team, User
from catalog.models import Environment, Service
from changes.pipelines.models import Pipeline

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8"


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person who can sign in with the password `correct horse battery`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    name = factory.Sequence(lambda number: f"Person {number}")

    @factory.post_generation
    def password(self, create: bool, extracted: str | None, **_: Any) -> None:
        self.set_password(extracted or "correct horse battery")  # type: ignore[attr-defined]
        if create:
            self.save()  # type: ignore[attr-defined]


class TeamFactory(factory.django.DjangoModelFactory[Team]):
    class Meta:
        model = Team

    slug = factory.Sequence(lambda number: f"team-{number}")
    name = factory.LazyAttribute(lambda team: team.slug.title())


class ServiceFactory(factory.django.DjangoModelFactory[Service]):
    class Meta:
        model = Service

    slug = factory.Sequence(lambda number: f"service-{number}")
    name = factory.LazyAttribute(lambda service: service.slug.title())
    team = factory.SubFactory(TeamFactory)


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
    ann = UserFactory(email="ann@example.com", name="Ann Lee", time_zone="Europe/Berlin")
    bo = UserFactory(email="bo@example.com", name="Bo Okafor")
    cy = UserFactory(email="cy@example.com", name="Cy Rao")
    admin = UserFactory(email="admin@example.com", name="Ada Min", is_admin=True)
    payments, delivery = TeamFactory(slug="payments"), TeamFactory(slug="delivery")
    Membership.objects.create(team=payments, user=ann, is_lead=True)
    Membership.objects.create(team=payments, user=bo)
    Membership.objects.create(team=delivery, user=cy, is_lead=True)
    ledger = ServiceFactory(slug="ledger", team=payments, tier=1)
    checkout = ServiceFactory(slug="checkout", team=payments, tier=0)
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
            {"sha": SHA, "author": "ann@example.com", "reviewed_by": ["bo@example.com"], "authored_at": finished.isoformat()}
        ],
        "evidence": {
            "tests": {"passed": 412, "failed": 0, "sha": SHA},
            "smoke_test": {"status": "passed", "at": finished.isoformat()},
            "rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"},
        },
    }
    body.update(changed)
    return {name: value for name, value in body.items() if value is not None}

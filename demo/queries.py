"""What is of the demo and what is not."""

from django.db.models import QuerySet

from accounts.models import Membership, Team, User
from catalog.models import Environment, Service
from changes.models import Change
from changes.pipelines.models import Pipeline
from changes.tickets.policy import Hand
from demo.filed.company import Company, Person, ServiceFact, name_of

DOMAIN = "@halyard.example"
TEAMS = ("payments", "delivery", "platform", "data", "dashboard", "trust")
PIPELINES = (
    *("checkout-deploy", "ledger-deploy", "mta-deploy", "webhooks-deploy", "delivery-deploy", "edge-deploy"),
    *("platform-deploy", "data-deploy", "insights-deploy", "dashboard-deploy", "site-deploy", "trust-deploy"),
)


def is_made() -> bool:
    """Whether the demo is there."""
    return User.objects.filter(email__endswith=DOMAIN).exists() and Change.objects.exists()


def strangers() -> int:
    """How many people are not of the demo."""
    return User.objects.exclude(email__endswith=DOMAIN).count()


def pipelines() -> QuerySet[Pipeline]:
    """The demo's pipelines."""
    return Pipeline.objects.filter(slug__in=PIPELINES).prefetch_related("services", "environments").order_by("pk")


def company() -> Company:
    """Who is who, for the rules."""
    people = User.objects.filter(email__endswith=DOMAIN).order_by("pk")
    services = Service.objects.filter(team__slug__in=TEAMS).select_related("team")
    hands: dict[str, list[Hand]] = {slug: [] for slug in TEAMS}
    rows = Membership.objects.filter(team__slug__in=TEAMS, user__email__endswith=DOMAIN).order_by("user__name")
    for row in rows.values_list("user_id", "user__name", "user__email", "team__slug", "is_lead", "since"):
        hands[row[3]].append(Hand(*row))
    return Company(
        people={name_of(user.email): Person(user.pk, user.email, user.actor) for user in people},
        services={service.slug: ServiceFact(service.pk, service.team.slug, service.tier) for service in services},
        teams=dict(Team.objects.filter(slug__in=TEAMS).values_list("slug", "name")),
        hands=hands,
        production=Environment.objects.get(slug="production").pk,
    )

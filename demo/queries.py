"""What is of the demo and what is not."""

from django.db.models import QuerySet

from accounts.models import User
from changes.models import Change
from changes.pipelines.models import Pipeline

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

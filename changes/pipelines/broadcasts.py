"""What everybody is told in Slack about a deploy that customers may feel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from catalog.models import Environment, Service
from changes import broadcasts
from changes.messages import Progress
from changes.pipelines.drafts import Draft


def is_news(draft: Draft) -> bool:
    """Whether a new deploy is told about; what is only backfilled never is."""
    return not draft.is_quiet and broadcasts.is_news(customer_impacting=draft.recorded.run.customer_impacting)


def tell_deploy(ref: str, change: Mapping[str, Any], *, at: datetime) -> None:
    """Tell how a deploy stands, by the columns of its change, if customers may feel it."""
    if not broadcasts.is_news(customer_impacting=change["customer_impacting"]):
        return
    service = Service.objects.select_related("team").get(pk=change["service_id"])
    environment = Environment.objects.get(pk=change["environment_id"])
    told = Progress(
        ref=ref,
        title=change["title"],
        where=f"{service.slug} in {environment.slug}",
        outcome=change["outcome"],
        is_felt=change["customer_impacting"],
        note=change["public_note"],
        began=change["started_at"],
        ended=change["finished_at"],
    )
    broadcasts.tell(told, services=[service], environment=environment, at=at)

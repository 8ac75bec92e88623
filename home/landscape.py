"""What a new token may be limited to, and a deploy of this installation to show it with."""

from accounts.examples import Landscape
from catalog.models import Environment, Service
from changes.pipelines.models import Pipeline


def landscape(services: list[str], environments: list[str]) -> Landscape:
    """Every service and environment; the deploy shown lies within the given slugs, where empty means all.

    It names a trusted pipeline if one fits, else a name that a pipeline of that service would have, and leaves
    production alone where it can, because the deploy shown brings no proof.
    """
    all_services = list(Service.objects.values_list("slug", flat=True))
    all_environments = list(Environment.objects.values_list("slug", flat=True))
    fitting = Pipeline.objects.filter(
        state=Pipeline.State.TRUSTED,
        services__slug__in=services or all_services,
        environments__slug__in=environments or all_environments,
    )
    found = fitting.order_by("environments__is_production", "slug", "services__slug")
    example = found.values_list("services__slug", "environments__slug", "slug").first()
    if example is None:
        service = next(iter(services or all_services), "")
        example = (service, next(reversed(environments or all_environments), ""), f"{service}-deploy"[:64])
    service, environment, pipeline = example
    return Landscape(all_services, all_environments, service, environment, pipeline)

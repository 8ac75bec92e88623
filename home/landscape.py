"""What a new token may be limited to, and a deploy of this installation to show it with."""

from accounts.examples import Landscape
from catalog.models import Environment, Service
from changes.pipelines.models import Pipeline


def landscape(services: list[str], environments: list[str]) -> Landscape:
    """Every service and environment; the deploy shown lies within the given slugs, where empty means all.

    It names a trusted pipeline if one fits, else a name that a pipeline of that service would have.
    """
    all_services = list(Service.objects.values_list("slug", flat=True))
    all_environments = list(Environment.objects.values_list("slug", flat=True))
    fitting = Pipeline.objects.filter(
        state=Pipeline.State.TRUSTED,
        services__slug__in=services or all_services,
        environments__slug__in=environments or all_environments,
    )
    found = fitting.values_list("services__slug", "environments__slug", "slug").first()
    if found is None:
        service = next(iter(services or all_services), "")
        found = (service, next(iter(environments or all_environments), ""), f"{service}-deploy"[:64])
    service, environment, pipeline = found
    return Landscape(all_services, all_environments, service, environment, pipeline)

"""Pipelines in the words of the API. Shape only."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from changes.pipelines.models import Pipeline
from changes.pipelines.registration import Terms, terms_of


def _slugs() -> serializers.ListField:
    return serializers.ListField(child=serializers.SlugField(max_length=64), allow_empty=False, max_length=200)


class PipelineTerms(serializers.Serializer[dict[str, Any]]):
    """What a pipeline deploys and must prove, all of it; slugs, and names of checks."""

    name = serializers.CharField(max_length=120, allow_blank=True, default="")
    services = _slugs()
    environments = _slugs()
    requires = serializers.ListField(child=serializers.CharField(max_length=40), allow_empty=False, max_length=20)

    def terms(self, present: Pipeline | None = None) -> Terms:
        """The terms as the actions take them; the token that is believed stays as it is."""
        said = self.validated_data
        token = present.token if present else None
        return Terms(said["name"], said["services"], said["environments"], said["requires"], token)


class NewPipeline(PipelineTerms):
    """The same with the slug, which stays."""

    slug = serializers.SlugField(max_length=64)


class Confirmation(serializers.Serializer[dict[str, Any]]):
    """Which terms the confirmer looked at: `terms_digest` of the pipeline as it was shown."""

    seen = serializers.CharField(max_length=64)


def pipeline_json(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline as it stands; people by e-mail."""
    terms = terms_of(pipeline)
    registrar, confirmer = pipeline.registered_by, pipeline.confirmed_by
    return {
        "ref": pipeline.ref,
        "url": f"{settings.BASE_URL}/pipelines/{pipeline.slug}",
        "slug": pipeline.slug,
        "name": terms.name,
        "state": pipeline.state,
        "services": sorted(terms.services),
        "environments": sorted(terms.environments),
        "requires": list(terms.requires),
        "token": terms.token.name if terms.token else None,
        "registered_by": registrar.email if registrar else None,
        "confirmed_by": confirmer.email if confirmer else None,
        "confirmed_at": pipeline.confirmed_at,
        "terms_digest": terms.digest,
        "created_at": pipeline.created_at,
        "updated_at": pipeline.updated_at,
    }

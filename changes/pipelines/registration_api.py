"""The door for those who register pipelines by script: `/api/v1/pipelines`. The same actions as on the page."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from changes.pipelines import registration, schema
from changes.pipelines.models import Pipeline
from changes.pipelines.queries import pipeline_in_full
from changes.pipelines.serializers import Confirmation, NewPipeline, PipelineTerms, pipeline_json
from workflow.errors import Malformed, Missing
from workflow.idempotency import answers_once


def _found(slug: str) -> Pipeline:
    found = pipeline_in_full(slug)
    if found is None:
        raise Missing("not_found", f"There is no pipeline “{slug[:64]}”.")
    return found


class Pipelines(ApiView):
    """Register a pipeline."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.REGISTER_PIPELINE
    @answers_once
    def post(self, request: Request) -> Response:
        """Propose it; 201, and it waits for a second person."""
        said = NewPipeline(data=request.data)
        said.is_valid(raise_exception=True)
        slug = said.validated_data["slug"]
        registration.register_pipeline(slug, said.terms(), by=caller_of(request))
        return Response(pipeline_json(_found(slug)), status=201)


class OnePipeline(ApiView):
    """One pipeline."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "changes"}

    @schema.READ_PIPELINE
    def get(self, request: Request, slug: str) -> Response:
        """The pipeline with its trust, and the digest of its terms that a confirmation names."""
        return Response(pipeline_json(_found(slug)))

    @schema.CHANGE_PIPELINE
    def patch(self, request: Request, slug: str) -> Response:
        """Change its terms; what is left out stays. A second person must confirm it again."""
        found, body = _found(slug), request.data
        if not isinstance(body, dict):
            raise Malformed("not_an_object", "The body is no object. Write the terms that change in braces.")
        present = {name: value for name, value in pipeline_json(found).items() if name in PipelineTerms().fields}
        said = PipelineTerms(data={**present, **body})
        said.is_valid(raise_exception=True)
        registration.change_pipeline(slug, said.terms(found), by=caller_of(request))
        return Response(pipeline_json(_found(slug)))


class PipelineConfirmation(ApiView):
    """The second person's word."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.CONFIRM_PIPELINE
    @answers_once
    def post(self, request: Request, slug: str) -> Response:
        """Trust the pipeline for the terms that `seen` names."""
        said = Confirmation(data=request.data)
        said.is_valid(raise_exception=True)
        registration.confirm_pipeline(slug, seen=said.validated_data["seen"], by=caller_of(request))
        return Response(pipeline_json(_found(slug)))

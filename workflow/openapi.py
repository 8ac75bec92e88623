"""How the API is described. What is true of every endpoint is said here once: scope, refusals, limits, idempotency.

An endpoint adds what is its own with drf-spectacular's `extend_schema`. Shapes are pydantic models: those that read a
request, and Answers, which are never built and only describe.
"""

from typing import Any

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from workflow.doors import PROBLEM, TITLES, problem_body
from workflow.paging import DEFAULT_PAGE_SIZE, PAGE_SIZES
from workflow.wire import MAX_BODY

Operation = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"


class Answer(BaseModel):
    """What the API answers. A field without a default is always there."""

    model_config = ConfigDict(defer_build=True)


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str = Field(description="Its name, with dots into objects and lists: `commits.0.sha`. May be empty.")
    code: str = Field(description="Stable, for programs.", examples=["required"])
    message: str = Field(description="A sentence for a person.", examples=["This field is required."])


class Problem(Answer):
    """Why a request was refused, after RFC 9457. Programs look at `code`, people read `detail`."""

    type: str = Field(examples=["urn:decklog:problem:unknown_service"])
    title: str = Field(description="What the status means.", examples=["Not acceptable as it is"])
    status: int = Field(description="The HTTP status again.", examples=[422])
    code: str = Field(description="Which rule refused; stable.", examples=["unknown_service"])
    detail: str = Field(description="What happened and what to do next.", examples=["There is no service “chekout”."])
    errors: list[FieldProblem] = Field(description="What is wrong field by field; empty when it is about no field.")


WHY: dict[int, str] = {
    400: "It cannot be read: no JSON in UTF-8, a parameter that does not exist, a cursor that is not ours.",
    401: "The token is missing, unknown, expired or revoked.",
    403: "The token lacks the scope `{scope}`, or its limits or a rule forbid it.",
    404: "There is nothing under this name, or you may not see it.",
    409: "The present state does not allow it, or the first request with this Idempotency-Key is still running.",
    413: f"The body is over {MAX_BODY // 1024**2} MiB.",
    415: "The body is not `application/json`.",
    422: "It can be read but what it says is wrong; `errors` names the fields. Also an Idempotency-Key that was used "
    "with another body.",
    429: "The token asks too often. Wait as many seconds as Retry-After says.",
    503: "The database is away. Nothing was written; send it again after Retry-After.",
}
"""Why each refusal comes. Which of them an endpoint can give follows from its method and address."""
CODES: dict[int, str] = {
    400: "malformed_json",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    409: "idempotency_in_flight",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "throttled",
    503: "database_away",
}
"""A code that each may carry, for the examples."""
DONE = "As asked."
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A text of your own. The same key with the same body gets the first answer again for 24 hours, and "
    "nothing happens twice.",
)
PAGING = [
    OpenApiParameter(
        "page_size",
        {
            "type": "integer",
            "minimum": PAGE_SIZES.start,
            "maximum": PAGE_SIZES.stop - 1,
            "default": DEFAULT_PAGE_SIZE,
        },
        description="How many at once.",
    ),
    OpenApiParameter("cursor", {"type": "string"}, description="Where the page begins. Follow `next` and `previous`."),
]
"""The parameters of every list."""


class Documented(AutoSchema):
    """Describes an endpoint from its `scopes`, its docstrings and its wrappers."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Operation | None:
        """The operation with every refusal it can give."""
        operation: Operation | None = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        shape: Any = Problem
        problem = self.resolve_serializer(shape, "response").ref
        answers = {
            status: {**answer, "description": answer["description"] or DONE}
            for status, answer in operation["responses"].items()
        }
        answers |= {str(status): self._refusal(status, problem) for status in refusals(self.method, path)}
        return operation | {"responses": dict(sorted(answers.items()))}

    def get_override_parameters(self) -> list[Any]:
        """Its own parameters, and Idempotency-Key where that works."""
        given = super().get_override_parameters()
        answers_once = getattr(getattr(self.view, self.method.lower(), None), "answers_once", False)
        return [*given, IDEMPOTENCY_KEY] if answers_once else given

    def _refusal(self, status: int, problem: dict[str, Any]) -> dict[str, Any]:
        scopes: dict[str, str] = getattr(self.view, "scopes", {})
        why = WHY[status].format(scope=scopes.get(self.method, ""))
        example = problem_body(status, CODES[status], why)
        answer = {
            "description": f"{TITLES[status]}. {why}",
            "content": {PROBLEM: {"schema": problem, "example": example}},
        }
        return answer | {"headers": RETRY_AFTER} if status in {429, 503} else answer


def refusals(method: str, path: str) -> list[int]:
    """The statuses with which a request may be refused."""
    found = [400, 401, 403, 429, 503]
    if "{" in path:
        found.append(404)
    if method in WRITES:
        found += [409, 413, 415, 422]
    return sorted(found)


class Plain(GenerateJsonSchema):
    """JSON Schema without titles that only repeat the name of the field."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


class PydanticShapes(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # drf-spectacular's own is untyped
    """Describes pydantic models as they read a request: what has a default may be left out.

    drf-spectacular's own extension describes them as they write one, and then everything would be required.
    """

    target_class = "pydantic.BaseModel"
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        """The class's own name."""
        set_override(self.target, "suppress_collision_warning", True)  # noqa: FBT003 - its signature
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """The JSON Schema; models inside it become components of their own."""
        schema: dict[str, Any] = self.target.model_json_schema(
            ref_template=REFERENCE, schema_generator=Plain, mode="validation"
        )
        for name, inner in schema.pop("$defs", {}).items():
            named = {"name": name, "type": ResolvedComponent.SCHEMA, "object": name}
            part = ResolvedComponent(**named, schema=inner)  # type: ignore[no-untyped-call]  # drf-spectacular's own is untyped
            auto_schema.registry.register_on_missing(part)
        return schema


def without_trailing_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """The addresses as clients should write them. A slash at the end works as well and is not worth a word."""
    return [(path.rstrip("/"), regex, method, view) for path, regex, method, view in endpoints]

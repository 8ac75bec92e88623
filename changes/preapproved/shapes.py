"""The shapes of what is sent to `/api/v1/templates`."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from changes.preapproved.content import Terms
from changes.tickets.shapes import SEEN_EDITION, Seen
from workflow.errors import Unprocessable
from workflow.shapes import Shape, Short, Slug, validated

Text = Annotated[str, StringConstraints(max_length=20_000)]
Name = Annotated[str, StringConstraints(max_length=120)]
Yes = Annotated[bool, Field(strict=True)]
Minutes = Annotated[int, Field(ge=0, le=100_000, strict=True)]


class TemplateParts(Shape):
    """Everything that a template says; what is left out stays as it is."""

    name: Name = Field("", description="For people who choose one; left out, the title.")
    title: Short = Field("", description="The title of the changes made from it.")
    services: Annotated[list[Slug], Field(max_length=40)] = Field(default_factory=list, description="Slugs.")
    environment: str = Field("", description="Its slug.", max_length=64)
    description: Text = ""
    reason: Text = ""
    customer_impacting: Yes = False
    public_note: Annotated[str, StringConstraints(max_length=4000)] = Field("", description="What customers are told.")
    risk_answers: dict[str, Yes] = Field(default_factory=dict, description="Each risk question, true or false.")
    test_evidence: Text = ""
    rollback_plan: Text = ""
    rollback_minutes: Minutes = Field(0, description="How long the way back takes.")
    verification_plan: Text = ""


class TemplateEdit(TemplateParts):
    """The parts to change."""

    seen: Seen = Field("", description=SEEN_EDITION)


class NewTemplate(TemplateParts):
    """A template to propose; it must say all that a reviewed change says, but its window."""

    slug: Slug = Field(description="Its name in addresses; it stays.")


class Approval(Shape):
    """The word of somebody who may approve."""

    seen: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="The `digest` of what you read. If the template changed since, the approval is refused."
    )
    note: Text = ""


class Retirement(Shape):
    """The word of somebody who ends its use."""

    reason: Text = Field(description="Why it is not wanted any more.")


def read_new(body: Any) -> tuple[str, Terms]:
    """The slug and the terms in a body; raises InvalidFields and Unprocessable("unknown_field")."""
    said = validated(NewTemplate, body)
    _refuse_unknown(body, NewTemplate)
    parts: dict[str, Any] = {"rollback_minutes": None} | said.model_dump(exclude_unset=True)
    return parts.pop("slug"), Terms(**{"name": "", "title": "", "services": [], "environment": "", **parts})


def read_edit(body: Any) -> tuple[dict[str, Any], str]:
    """The parts of a template to change, and the edition that was read, if it says so.

    Raises InvalidFields and Unprocessable("unknown_field").
    """
    said = validated(TemplateEdit, body)
    _refuse_unknown(body, TemplateEdit)
    return said.model_dump(exclude_unset=True, exclude={"seen"}), said.seen


def _refuse_unknown(body: Any, shape: type[Shape]) -> None:
    unknown = sorted(set(body) - set(shape.model_fields))
    if unknown:
        because = f"A template has no “{unknown[0][:40]}”. Nothing was written."
        raise Unprocessable("unknown_field", because, field=unknown[0][:40])

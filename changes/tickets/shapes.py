"""The shapes of what is sent to `/api/v1/changes`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from changes.tickets.content import Draft
from workflow.errors import Unprocessable
from workflow.shapes import Moment, Person, Sha, Shape, Slug, validated

Text = Annotated[str, StringConstraints(max_length=20_000)]
Yes = Annotated[bool, Field(strict=True)]
Seen = Annotated[str, StringConstraints(max_length=64)]
SEEN_EDITION = "The `edition` of what you read. If somebody edited it since, nothing is changed."


class TicketCommit(Shape):
    """A commit that the change brings, and who wrote it; they cannot approve it."""

    sha: Sha
    author: Person = Field("", description="E-mail.")


class ChangeParts(Shape):
    """Everything that a filed change says; what is left out stays as it is."""

    title: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="What is changed, in a few words."
    )
    description: Text | None = None
    reason: Text | None = Field(None, description="Why.")
    services: Annotated[list[Slug], Field(max_length=40)] | None = Field(None, description="Slugs.")
    environment: Slug | None = Field(None, description="Its slug; left out, the first production one.")
    customer_impacting: Yes | None = None
    public_note: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        None, description="What customers are told."
    )
    risk_answers: dict[str, Yes] | None = Field(None, description="Each risk question, true or false.")
    test_evidence: Text | None = None
    rollback_plan: Text | None = None
    rollback_minutes: Annotated[int, Field(ge=0, le=100_000, strict=True)] | None = None
    verification_plan: Text | None = None
    window_start: Moment | None = None
    window_end: Moment | None = None
    implementer: Person | None = Field(None, description="E-mail of who carries it out; left out, who files it.")
    incident: Annotated[str, StringConstraints(max_length=40)] | None = Field(None, examples=["INC-3"])
    sha: Sha | None = None
    commits: Annotated[list[TicketCommit], Field(max_length=200)] | None = None


class ChangeEdit(ChangeParts):
    """The parts to change."""

    seen: Seen | None = Field(None, description=SEEN_EDITION)


class NewChange(ChangeParts):
    """A change to file."""

    type: Literal["standard", "emergent"] = Field("standard", description="Emergent begins at once.")
    template: Slug | None = Field(None, description="Slug of a pre-approved template.")
    submit: Yes = Field(default=False, description="Ask for approval at once.")


class Word(Shape):
    """What goes with a decision."""

    reason: Text | None = None
    note: Text | None = None
    outcome: str | None = Field(None, description="With finish and correct: how it ended.", max_length=40)
    seen: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="With approve: the `digest` of what you read. If it changed, the approval is refused."
    )
    answers: dict[str, Yes] | None = Field(None, description="With review: its questions, true or false.")


def read_new(body: Any) -> tuple[Draft, NewChange]:
    """The draft in a body, and the body; raises InvalidFields."""
    said = validated(NewChange, body)
    parts = _parts(said)
    return Draft(type=said.type, template=said.template or "", **parts), said


def read_edit(body: Any) -> tuple[dict[str, Any], str]:
    """The parts to change in a body, and the edition that was read, if it says so.

    Raises InvalidFields and Unprocessable("unknown_field").
    """
    said = validated(ChangeEdit, body)
    unknown = [name for name in body if name not in ChangeEdit.model_fields]
    if unknown:
        because = f"“{unknown[0][:40]}” cannot be edited. Nothing was changed."
        raise Unprocessable("unknown_field", because, field=unknown[0][:40])
    return _parts(said, clears=True), said.seen or ""


def read_word(body: Any) -> Word:
    """What goes with a decision; raises InvalidFields."""
    return validated(Word, body)


def unknown_fields(body: Mapping[str, Any]) -> list[str]:
    """Warnings for what was sent and not understood."""
    return [f"unknown_field:{name[:40]}" for name in body if name not in NewChange.model_fields][:10]


_EMPTY: dict[str, Any] = {
    "services": (),
    "customer_impacting": False,
    "risk_answers": {},
    "rollback_minutes": None,
    "window_start": None,
    "window_end": None,
    "commits": (),
}


def _parts(said: ChangeParts, *, clears: bool = False) -> dict[str, Any]:
    """What was sent, as Draft has it; null empties a part that is there, and means nothing in a new change."""
    sent = {
        name: value for name, value in said.model_dump(exclude_unset=True).items() if name in ChangeParts.model_fields
    }
    if not clears:
        sent = {name: value for name, value in sent.items() if value is not None}
    return {name: _EMPTY.get(name, "") if value is None else _read(name, value) for name, value in sent.items()}


def _read(name: str, value: Any) -> Any:
    if name in {"window_start", "window_end"}:
        return datetime.fromisoformat(value)
    return tuple(value) if name == "services" else value

"""What Opsgenie's webhook sends. Shape only; most of it is not needed."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from oncall.alerting.actions import Notice
from workflow.shapes import Shape, validated

Text = Annotated[str, StringConstraints(max_length=600)]


class SaidAlert(Shape):
    """The alert; what is said about Escalate has no alias."""

    alertId: Text = ""  # noqa: N815 - Opsgenie's own name
    alias: Text = ""
    updatedAt: int | Text = Field(default="", description="Nanoseconds; tells one acknowledgement from another.")  # noqa: N815 - Opsgenie's own name


class SaidNotice(Shape):
    """What happened to an alert."""

    action: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(examples=["Acknowledge"])
    alert: SaidAlert = Field(default_factory=SaidAlert)


def read_notice(body: Any) -> Notice:
    """What Opsgenie says; raises InvalidFields."""
    said = validated(SaidNotice, body)
    return Notice(said.action, said.alert.alertId, said.alert.alias, str(said.alert.updatedAt))

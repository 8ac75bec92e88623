"""The part of the API's document about Opsgenie's webhook."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from pydantic import Field

from oncall.alerting.serializers import SaidNotice
from workflow.openapi import Answer


class NoticeTaken(Answer):
    """What became of it."""

    deduplicated: bool = Field(description="Whether it says nothing new, or is about no page of ours.")


TAKE_OPSGENIE = extend_schema(
    operation_id="take_opsgenie",
    summary="Hear from Opsgenie that an alert was answered",
    description="For Opsgenie's webhook integration, which sends the header X-Decklog-Secret with one of "
    "OPSGENIE_WEBHOOK_SECRET instead of a token. It is not believed: the alert is read from Opsgenie, and the page "
    "is acknowledged if it was answered there.",
    request=SaidNotice,
    responses={202: NoticeTaken},
    examples=[
        OpenApiExample(
            "Acknowledged",
            value={
                "action": "Acknowledge",
                "alert": {
                    "alertId": "70413a06-38d6-4c85-92b8-5ebc900d42e2",
                    "alias": "page:0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c12:0:4",
                    "updatedAt": 1796083200000000000,
                },
            },
            request_only=True,
        )
    ],
)

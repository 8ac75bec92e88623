"""The door of how people are reached: `/api/v1/me/notifications`, for oneself only."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from accounts.contacts import actions, queries, schema
from accounts.contacts.serializers import notifications_json, read_wish
from accounts.models import User


def shown(person: User) -> dict[str, Any]:
    """How somebody is reached now."""
    return notifications_json(queries.addressee(person), queries.contacts_of(person))


class MyNotifications(ApiView):
    """How the caller is reached."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PUT": "changes"}

    @schema.READ_NOTIFICATIONS
    def get(self, request: Request) -> Response:
        """What goes where and when, and the addresses."""
        return Response(shown(User.objects.get(pk=caller_of(request).user_id)))

    @schema.CHANGE_NOTIFICATIONS
    def put(self, request: Request) -> Response:
        """Put this in the place of what was wanted before."""
        caller = caller_of(request)
        person = User.objects.get(pk=caller.user_id)
        actions.change_preference(person, read_wish(request.data), actor=caller.actor)
        return Response(shown(person))

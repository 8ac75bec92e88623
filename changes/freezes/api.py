"""The door of freezes: `/api/v1/freezes`."""

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from changes.freezes import actions, queries, revising, schema
from changes.freezes.models import Freeze
from changes.freezes.serializers import (
    FreezeEnded,
    OverrideConfirmed,
    OverrideRevoked,
    freeze_json,
    override_json,
    read_edit,
    read_freeze,
    read_wish,
)
from workflow.errors import Missing
from workflow.idempotency import answers_once
from workflow.lists import list_json, page_of, read_wanted
from workflow.shapes import validated


def found_freeze(pk: int) -> Freeze:
    """The freeze with everything that is shown of it; raises Missing."""
    freeze = queries.freeze_in_full(pk)
    if freeze is None:
        raise Missing("not_found", f"There is no freeze {pk}.")
    return freeze


def shown(pk: int) -> dict[str, Any]:
    """The freeze as it now stands; raises Missing."""
    return freeze_json(found_freeze(pk), now=timezone.now())


class Freezes(ApiView):
    """List the freezes, or declare one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "changes"}

    @schema.LIST_FREEZES
    def get(self, request: Request) -> Response:
        """Every freeze, past ones included; the one that was declared last first."""
        page, now = page_of(queries.in_full(), read_wanted(request.query_params)), timezone.now()
        rows = [freeze_json(freeze, now=now) for freeze in page.rows]
        return Response(list_json(rows, page, query=request.query_params, path=request.path))

    @schema.DECLARE_FREEZE
    @answers_once
    def post(self, request: Request) -> Response:
        """Declare it; 201, and it counts at once."""
        freeze = actions.declare_freeze(read_freeze(request.data), by=caller_of(request))
        return Response(shown(freeze.pk), status=201)


class OneFreeze(ApiView):
    """One freeze."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "changes"}

    @schema.READ_FREEZE
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """The freeze with its overrides."""
        return Response(shown(int(id)))

    @schema.EDIT_FREEZE
    def patch(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """Give it other terms, as long as it is not over."""
        declared, seen = read_edit(request.data, found_freeze(int(id)))
        revising.edit_freeze(int(id), declared, by=caller_of(request), seen=seen)
        return Response(shown(int(id)))


class FreezeOverrides(ApiView):
    """Ask for leave to change something in a freeze."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.ASK_OVERRIDE
    @answers_once
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """Ask; 201, and it counts once another person confirmed it."""
        override = actions.ask_override(int(id), read_wish(request.data), by=caller_of(request))
        return Response(override_json(override), status=201)


class OverrideConfirmation(ApiView):
    """The second person's word."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.CONFIRM_OVERRIDE
    @answers_once
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """Confirm an override that somebody else asked for; the affected teams' leads are told."""
        said = validated(OverrideConfirmed, request.data)
        actions.confirm_override(int(id), said.override, by=caller_of(request))
        return Response(shown(int(id)))


class OverrideRevocation(ApiView):
    """Taking leave back."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.REVOKE_OVERRIDE
    @answers_once
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """Revoke an override, confirmed or not; those who were told of it are told."""
        said = validated(OverrideRevoked, request.data)
        revising.revoke_override(int(id), said.override, by=caller_of(request), reason=said.reason)
        return Response(shown(int(id)))


class FreezeEnd(ApiView):
    """End a freeze early."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    @schema.END_FREEZE
    @answers_once
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - its name in the address
        """End it now, with all times that were still to come."""
        actions.end_freeze(int(id), by=caller_of(request), reason=validated(FreezeEnded, request.data).reason)
        return Response(shown(int(id)))

"""The door of incidents: `/api/v1/incidents`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from accounts.callers import Caller
from changes.queries import names_of
from incidents import (
    correcting,
    declaring,
    intervals,
    linking,
    merging,
    moving,
    paging,
    people,
    queries,
    schema,
    shapes,
)
from incidents.filters import read_choice
from incidents.models import Incident
from incidents.refs import incident_id, missing
from incidents.serializers import filed_json, impact_json, incident_json, link_json, update_json
from incidents.updates import actions as updates
from oncall.paging.actions import Target
from oncall.paging.serializers import page_json
from workflow.idempotency import answers_once
from workflow.lists import list_json, page_of
from workflow.shapes import validated

READS_AND_WRITES: dict[str, str] = {"GET": "read", "POST": "incidents", "PATCH": "incidents", "DELETE": "incidents"}


def shown(ref: str, *, by: Caller) -> dict[str, Any]:
    """The incident in full as this caller may see it; raises Missing."""
    incident = queries.in_full(by.user_id).filter(pk=incident_id(ref)).first()
    if incident is None:
        raise missing(ref)
    said = incident_json(incident, names=names_of(_actors(incident)))
    parent = incident.merged_into
    if parent is not None and parent.restricted and queries.visible_to(by.user_id).filter(pk=parent.pk).exists():
        said["merged_into"] = parent.ref
    return {**said, "filed_changes": [filed_json(change) for change in queries.filed_for(incident)]}


def _actors(incident: Incident) -> set[str]:
    return {said["actor"] for said in incident.sources.values()}


class Incidents(ApiView):
    """List the incidents, or declare one."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "POST": "incidents"}

    @schema.LIST
    def get(self, request: Request) -> Response:
        """Those that you may see; the one that was declared last first."""
        choice, wanted = read_choice(request.query_params)
        rows = queries.narrowed(queries.in_full(caller_of(request).user_id), choice)
        page = page_of(rows, wanted, at="declared_at")
        names = names_of({actor for incident in page.rows for actor in _actors(incident)})
        told = [incident_json(incident, names=names) for incident in page.rows]
        return Response(list_json(told, page, query=request.query_params, path=request.path))

    @schema.DECLARE
    @answers_once
    def post(self, request: Request) -> Response:
        """Put it on the record. Sev 1 and 2 page who has the watch and hold the services until they are resolved."""
        by = caller_of(request)
        incident = declaring.declare_incident(shapes.read_declaration(request.data), by=by)
        return Response(shown(incident.ref, by=by), status=201)


class OneIncident(ApiView):
    """One incident."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read", "PATCH": "incidents"}

    @schema.READ
    def get(self, request: Request, incident: str) -> Response:
        """Everything that is known of it."""
        return Response(shown(incident, by=caller_of(request)))

    @schema.EDIT
    def patch(self, request: Request, incident: str) -> Response:
        """Say when things really happened, how bad it is, or what else was wrong. What was said before is kept."""
        by = caller_of(request)
        correcting.edit_incident(incident, shapes.read_edit(request.data), by=by)
        return Response(shown(incident, by=by))


class _Verb(ApiView):
    """One thing that can be done with an incident; answers with the incident as it then is."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    def answer(self, request: Request, ref: str, deed: Callable[[Caller], object]) -> Response:
        """Do it."""
        by = caller_of(request)
        deed(by)
        return Response(shown(ref, by=by))


class Acknowledge(_Verb):
    """Acknowledge."""

    @schema.verb("acknowledge", "Acknowledge an incident")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Say that you are at work on it; pages stop. From triage it goes to investigating."""
        validated(shapes.Reasoned, request.data)
        return self.answer(request, incident, lambda by: moving.acknowledge_incident(incident, by=by))


class Advance(_Verb):
    """Advance."""

    @schema.verb("advance", "Say how far it is")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Go on to investigating or identified. A step that leaves one out, or goes back, needs a `reason`."""
        said = validated(shapes.Advance, request.data)
        deed = moving.advance_incident
        return self.answer(request, incident, lambda by: deed(incident, said.state, by=by, reason=said.reason))


class Mitigate(_Verb):
    """Mitigate."""

    @schema.verb("mitigate", "Say that it hurts no longer")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """It hurts no longer; what it hurt is over from then on."""
        said = validated(shapes.Mitigation, request.data)
        at, deed = shapes.moment(said.mitigated_at), moving.mitigate_incident
        return self.answer(request, incident, lambda by: deed(incident, by=by, reason=said.reason, mitigated_at=at))


class Resolve(_Verb):
    """Resolve."""

    @schema.verb("resolve", "Resolve an incident")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """It is over. Say who noticed first and whether customers did; its services are free again."""
        said = shapes.read_resolution(request.data)
        return self.answer(request, incident, lambda by: moving.resolve_incident(incident, said, by=by))


class Reopen(_Verb):
    """Reopen."""

    @schema.verb("reopen", "Reopen an incident")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """It hurts again, with a `reason`. A new interval begins; the earlier times stay."""
        said = validated(shapes.Reopening, request.data)
        at, deed = shapes.moment(said.impact_started_at), moving.reopen_incident
        return self.answer(
            request, incident, lambda by: deed(incident, by=by, reason=said.reason, impact_started_at=at)
        )


class Close(_Verb):
    """Close."""

    @schema.verb("close", "Close an incident")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Nothing is left to do: what it taught is published or waived, and every root cause is answered."""
        said = validated(shapes.Reasoned, request.data)
        return self.answer(request, incident, lambda by: moving.close_incident(incident, by=by, reason=said.reason))


class Cancel(_Verb):
    """Cancel."""

    @schema.verb("cancel", "Cancel an incident")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """It was none, with a `reason`."""
        said = validated(shapes.Reasoned, request.data)
        return self.answer(request, incident, lambda by: moving.cancel_incident(incident, by=by, reason=said.reason))


class Merge(_Verb):
    """Merge."""

    @schema.verb("merge", "Merge an incident into another")
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Make it a part of another one, with a `reason`; intervals, alerts and links go there."""
        said = validated(shapes.MergeWish, request.data)
        deed = merging.merge_incident
        return self.answer(request, incident, lambda by: deed(incident, said.into, by=by, reason=said.reason))


class Roles(_Verb):
    """Roles."""

    @schema.GIVE_ROLE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Make somebody commander, comms or scribe; null takes the role back."""
        said = validated(shapes.RoleGiven, request.data)
        return self.answer(request, incident, lambda by: people.give_role(incident, said.role, said.user, by=by))


class Invitations(_Verb):
    """Invitations."""

    @schema.INVITE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Let somebody see it though it is restricted."""
        said = validated(shapes.Invitation, request.data)
        return self.answer(request, incident, lambda by: people.invite(incident, said.user, by=by))


class Impacts(ApiView):
    """Intervals of impact."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.ADD_IMPACT
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Say over which time a service was hurt, and how badly; overlaps are never counted twice."""
        said = validated(shapes.NewImpact, request.data)
        span = (datetime.fromisoformat(said.start), shapes.moment(said.end))
        impact = intervals.add_impact(incident, said.service, said.level, span, by=caller_of(request))
        return Response(impact_json(impact), status=201)


class MarkedChanges(ApiView):
    """What changes have to do with it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.MARK_CHANGE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Say that a change caused it, contributed, fixed it, or had nothing to do with it."""
        said = validated(shapes.ChangeMark, request.data)
        link = linking.mark_change(incident, said.change, said.role, by=caller_of(request), remark=said.note)
        return Response(link_json(link), status=201)


class Updates(ApiView):
    """What customers are told."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.ADD_UPDATE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Publish it at once, or keep it as a draft."""
        said = validated(shapes.NewUpdate, request.data)
        deed = updates.draft_update if said.draft else updates.publish_update
        update = deed(incident, shapes.read_words(said), by=caller_of(request))
        return Response(update_json(update), status=201)


class Publication(ApiView):
    """A draft that becomes public."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.PUBLISH_DRAFT
    @answers_once
    def post(self, request: Request, incident: str, update: str) -> Response:
        """Publish it as it stands."""
        published = updates.publish_draft(incident, int(update), by=caller_of(request))
        return Response(update_json(published))


class Pages(ApiView):
    """Pages about it."""

    scopes: ClassVar[dict[str, str]] = {"POST": "incidents"}

    @schema.PAGE_SOMEONE
    @answers_once
    def post(self, request: Request, incident: str) -> Response:
        """Wake somebody: the first step is taken at once, and the next ones until somebody answers."""
        said = validated(shapes.IncidentPageWish, request.data)
        target = Target(said.target.type, said.target.id)
        page = paging.page_someone(incident, target, said.message, by=caller_of(request))
        return Response(page_json(page), status=202)

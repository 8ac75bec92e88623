"""Every write to what customers are told: drafted, changed, published. A published one stays as it was read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from incidents import policy
from incidents.models import Incident, PublicUpdate
from incidents.record import note, sourced, taken
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.transitions import move

LONGEST = 4000
MOVES: dict[str, frozenset[str]] = {
    PublicUpdate.State.DRAFT: frozenset({PublicUpdate.State.PUBLISHED}),
    PublicUpdate.State.PUBLISHED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What an update says; `public` False keeps it among ourselves.

    `next_by` is until when the next one is promised.
    """

    message: str
    status: str
    public: bool = True
    next_by: datetime | None = None


@transaction.atomic
def draft_update(ref: str, words: Words, *, by: Caller) -> PublicUpdate:
    """Keep an update that nobody outside reads yet.

    Raises Missing, Unprocessable("required"), Unprocessable("too_long"), Conflict("restricted_stays_inside").
    """
    now, incident = timezone.now(), taken(ref, by=by)
    update = _insert(incident, words, by=by, now=now)
    note(incident, "update_drafted", by, {"update": update.pk, "status": words.status}, at=now)
    return update


@transaction.atomic
def publish_update(ref: str, words: Words, *, by: Caller) -> PublicUpdate:
    """Write an update and publish it at once; the same refusals."""
    now, incident = timezone.now(), taken(ref, by=by)
    return _publish(incident, _insert(incident, words, by=by, now=now), by=by, now=now)


@transaction.atomic
def publish_draft(ref: str, pk: int, *, by: Caller) -> PublicUpdate:
    """Publish a draft; raises Missing, Conflict("transition_illegal"), Conflict("restricted_stays_inside")."""
    now, incident = timezone.now(), taken(ref, by=by)
    update = PublicUpdate.objects.select_for_update().filter(incident=incident, pk=pk).first()
    if update is None:
        raise Missing("not_found", f"{incident.ref} has no update {pk}.")
    require(policy.restricted_stays_inside(restricted=incident.restricted, public=update.public), Conflict)
    return _publish(incident, update, by=by, now=now)


def _insert(incident: Incident, words: Words, *, by: Caller, now: datetime) -> PublicUpdate:
    text = words.message.strip()
    if not text:
        raise Unprocessable("required", "Write what customers shall read.", field="message")
    if len(text) > LONGEST:
        raise Unprocessable("too_long", f"Use at most {LONGEST:,} characters.", field="message")
    decision = policy.restricted_stays_inside(restricted=incident.restricted, public=words.public)
    require(decision, Conflict)
    if words.next_by is not None and words.next_by <= now:
        raise Unprocessable("next_lies_ahead", "The next update is promised for a time to come.", field="next_by")
    update = PublicUpdate(
        incident=incident,
        message=text,
        status=words.status,
        public=words.public,
        next_by=words.next_by,
        author_id=by.user_id or None,
        created_at=now,
        updated_at=now,
    )
    update.save(force_insert=True)
    return update


def _publish(incident: Incident, update: PublicUpdate, *, by: Caller, now: datetime) -> PublicUpdate:
    move(update, PublicUpdate.State.PUBLISHED, moves=MOVES, published_at=now, updated_at=now)
    columns: dict[str, Any] = {"updated_at": now}
    if update.public and incident.first_public_post_at is None:
        columns["first_public_post_at"] = now
        columns["sources"] = sourced(incident, ["first_public_post_at"], by=by, source="Decklog")
    amend(incident, **columns)
    facts = {"update": update.pk, "status": update.status, "public": update.public, "text": update.message}
    note(incident, "update_published", by, facts, at=now)
    return update


def drafts(updates: Iterable[PublicUpdate]) -> list[PublicUpdate]:
    """Those that wait to be published, the newest first."""
    return [one for one in updates if one.state == PublicUpdate.State.DRAFT][::-1]

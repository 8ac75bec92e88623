"""Every write about the public change log."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from changes.models import Change
from public.changelog import policy, queries
from public.changelog.models import Note
from public.changelog.states import MOVES, Kind, State
from workflow.amendments import amend
from workflow.decisions import Decision, require
from workflow.errors import Conflict, Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.lines import line_fault
from workflow.transitions import move


@dataclass(frozen=True, slots=True)
class Words:
    """What a note says, and from when on."""

    title: str
    text: str
    kind: str = Kind.BETTER
    embargo_until: datetime | None = None


@transaction.atomic
def write_note(change: Change, words: Words, *, by: Caller) -> Note:
    """Write or rewrite the note of a change. It goes out when it may; one that is out changes at once, visibly.

    Raises Forbidden("may_write_public_note"), Unprocessable("change_may_be_told"), Unprocessable with the field of a
    word that cannot stand.
    """
    now = timezone.now()
    _require_say(change, by=by)
    _require_tellable(change)
    _judge(words, now=now)
    columns = {**_columns(words), "updated_at": now}
    note, is_new = Note.objects.select_for_update().get_or_create(change=change, defaults=columns | {"created_at": now})
    if is_new:
        _put_down(note, "written", by.actor, _facts(words))
    else:
        _rewrite(note, columns, actor=by.actor)
    _send_out_if_due(note, change, actor=by.actor, now=now)
    return note


def _rewrite(note: Note, columns: dict[str, object], *, actor: str) -> None:
    shown = {name: getattr(note, name) for name in ("title", "text", "kind")}
    is_other = any(columns[name] != value for name, value in shown.items())
    if note.state == State.WITHDRAWN:
        move(note, State.DRAFT, moves=MOVES)
    if is_other and note.published_at is not None:
        columns = columns | {"edited_at": columns["updated_at"]}
    if amend(note, **columns):
        _put_down(note, "edited", actor, {**_facts_of(note), "before": shown})


@transaction.atomic
def withdraw_note(change: Change, *, by: Caller) -> Note:
    """Take a note out of the change log, or say that there is nothing to tell customers about this change.

    Raises Forbidden("may_write_public_note"), Conflict("transition_illegal").
    """
    _require_say(change, by=by)
    now = timezone.now()
    title, text = policy.words_of(change.public_note or change.title)
    blank = {"title": title or change.ref, "text": text, "created_at": now, "updated_at": now}
    note, _ = Note.objects.select_for_update().get_or_create(change=change, defaults=blank)
    move(note, State.WITHDRAWN, moves=MOVES, updated_at=now)
    _put_down(note, "withdrawn", by.actor, {})
    return note


@transaction.atomic
def take_note(change_id: int, *, now: datetime) -> Note | None:
    """Make a note of what the change's own public note says and send it out; None if somebody was faster."""
    change = Change.objects.select_related("environment", "service").get(pk=change_id)
    if not change.public_note.strip() or Note.objects.filter(change=change).exists():
        return None
    title, text = policy.words_of(change.public_note)
    words = Words(title, text)
    fresh = {**_columns(words), "created_at": now, "updated_at": now}
    note, is_new = Note.objects.get_or_create(change=change, defaults=fresh)
    if is_new:
        _put_down(note, "written", SYSTEM, _facts(words))
        _send_out_if_due(note, change, actor=SYSTEM, now=now)
    return note


def send_out_due(*, now: datetime) -> int:
    """Publish what is due: drafts that wait for nothing more, and public notes of changes that worked; how many."""
    drafts = list(queries.ready(now=now).values_list("change_id", flat=True))
    fresh = list(queries.untold(now=now).exclude(public_note="").order_by("pk").values_list("pk", flat=True))
    return sum(_publish_one(pk, now=now) for pk in drafts) + sum(take_note(pk, now=now) is not None for pk in fresh)


@transaction.atomic
def _publish_one(change_id: int, *, now: datetime) -> bool:
    # The lock lets a second run, or somebody who edits at this moment, wait until this one is through.
    note = Note.objects.select_for_update().filter(change=change_id, state=State.DRAFT).first()
    if note is None:
        return False
    change = Change.objects.select_related("environment", "service").get(pk=change_id)
    return _send_out_if_due(note, change, actor=SYSTEM, now=now)


def _send_out_if_due(note: Note, change: Change, *, actor: str, now: datetime) -> bool:
    goes = policy.note_goes_out(state=change.state, outcome=change.outcome, embargo_until=note.embargo_until, now=now)
    if note.state != State.DRAFT or goes.outcome != policy.ALLOWED or _tellable(change).outcome != policy.ALLOWED:
        return False
    ended = change.finished_at or change.at
    listed_at = max(ended, note.embargo_until or ended)
    published_at = note.published_at or now
    move(note, State.PUBLISHED, moves=MOVES, published_at=published_at, listed_at=listed_at, updated_at=now)
    _put_down(note, "published", actor, {}, goes.rule)
    return True


def _require_say(change: Change, *, by: Caller) -> None:
    standing = queries.standing(change, user_id=by.user_id, is_admin=by.is_admin)
    require(policy.may_write_public_note(standing))


def _tellable(change: Change) -> Decision:
    return policy.change_may_be_told(
        customer_impacting=change.customer_impacting,
        is_production=change.environment.is_production,
        has_public_service=queries.is_public(change),
    )


def _require_tellable(change: Change) -> None:
    require(_tellable(change), Conflict)


def _judge(words: Words, *, now: datetime) -> None:
    unreadable = line_fault(words.title)
    if unreadable:
        raise Unprocessable("one_line", unreadable, field="title")
    embargo = policy.embargo_is_sound(embargo_until=words.embargo_until, now=now)
    require(embargo, Unprocessable, field="embargo_until")


def _columns(words: Words) -> dict[str, object]:
    return {
        "title": words.title.strip(),
        "text": words.text.strip(),
        "kind": words.kind,
        "embargo_until": words.embargo_until,
    }


def _facts(words: Words) -> dict[str, object]:
    until = words.embargo_until.isoformat() if words.embargo_until else None
    return {"title": words.title, "text": words.text, "kind": words.kind, "embargo_until": until}


def _facts_of(note: Note) -> dict[str, object]:
    return _facts(Words(note.title, note.text, note.kind, note.embargo_until))


def _put_down(note: Note, verb: str, actor: str, facts: dict[str, object], rule: str = "") -> None:
    now = timezone.now()
    record(note.ref, Happening(verb, actor, now, {"change": f"CHG-{note.change_id}", **facts}, rule), at=now)

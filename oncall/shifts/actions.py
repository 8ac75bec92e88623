"""Every write about overrides, swaps, hand-over notes and the secret links of calendars."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.callers import Caller
from accounts.contacts.actions import tell, tell_all
from accounts.models import User
from oncall import policy, queries, watching
from oncall.actions import locked
from oncall.models import HandoverNote, Override, RotaLink, Rotation, Schedule, SwapRequest
from oncall.shifts import messages
from oncall.shifts.states import SWAP_MOVES
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, Unprocessable
from workflow.ledger import Happening, record
from workflow.transitions import move

MOST_LINKS, LONGEST_NOTE = 20, 4000


@dataclass(frozen=True, slots=True)
class Wish:
    """That `user` (e-mail) has the watch over [start, end) in these rotations (names; none means all)."""

    user: str
    start: datetime
    end: datetime
    rotations: Sequence[str] = ()
    reason: str = ""


# --- Overrides -------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_override(slug: str, wish: Wish, *, by: Caller) -> Override:
    """Let somebody have the watch instead; who has it by the rota is told, and so is who takes it.

    Raises Missing, Unprocessable, Conflict("overrides_overlap"), Conflict("changed_in_opsgenie"),
    Forbidden("may_override").
    """
    schedule = locked(slug)
    _require_say(schedule, by)
    start, end = _minute(wish.start), _minute(wish.end)
    require(policy.override_is_sound(start=start, end=end), Unprocessable, field="end")
    person = queries.people_named([wish.user.strip().lower()]).filter(is_active=True).first()
    if person is None:
        because = f"Nobody who may sign in has the e-mail “{wish.user[:254]}”."
        raise Unprocessable("unknown_person", because, field="user")
    rotations = _rotations(schedule, wish.rotations)
    return _put_override(schedule, person, (start, end, wish.reason), rotations=rotations, by=by)


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _require_say(schedule: Schedule, by: Caller) -> None:
    hand = queries.hand_of(by.user_id, by.is_admin, team_id=schedule.team_id)
    require(policy.may_override(queries.with_turns(hand, schedule, user_id=by.user_id)))
    require(policy.changed_here(schedule.truth, is_override=True), Conflict)


def _rotations(schedule: Schedule, names: Sequence[str]) -> list[Rotation]:
    rows = list(schedule.rotations.filter(name__in=names, removed_at__isnull=True)) if names else []
    missing = set(names) - {row.name for row in rows}
    if missing:
        because = f"This schedule has no rotation “{min(missing)[:100]}”."
        raise Unprocessable("unknown_rotation", because, field="rotations")
    return rows


def _put_override(
    schedule: Schedule,
    person: User,
    terms: tuple[datetime, datetime, str],
    *,
    rotations: Sequence[Rotation],
    by: Caller,
) -> Override:
    start, end, reason = terms
    new = policy.Claim(start, end, [rotation.pk for rotation in rotations])
    require(policy.overrides_lie_apart(new, queries.claims(schedule, start, end)), Conflict, field="start")
    now = timezone.now()
    override = Override.objects.create(
        schedule=schedule,
        user=person,
        start=start,
        end=end,
        alias=f"ours-{uuid.uuid4()}",
        reason=reason[:300],
        created_by_id=by.user_id,
        created_at=now,
    )
    override.rotations.set(rotations)
    _note(schedule, "override_added", by, _facts(override))
    moved = [other for other in queries.moved_by(override) if other.pk != by.user_id]
    tell_all([messages.override_told(override, who=by.name, to=other) for other in moved], at=now)
    return override


@transaction.atomic
def cancel_override(slug: str, pk: int, *, by: Caller) -> None:
    """Take an override back; one that has begun ends now, and what was stays. Twice is as good as once.

    Raises Missing, Forbidden("may_override"), Conflict("changed_in_opsgenie").
    """
    schedule = locked(slug)
    _require_say(schedule, by)
    override = schedule.overrides.filter(pk=pk).first()
    if override is None:
        raise Missing("not_found", f"This schedule has no override {pk}.")
    now = _minute(timezone.now())
    if override.cancelled_at is not None or override.end <= now:
        return
    if override.start < now:
        amend(override, end=now)
    else:
        amend(override, cancelled_at=now)
    _note(schedule, "override_cancelled", by, _facts(override))


def _facts(override: Override) -> dict[str, object]:
    return {
        "override": override.pk,
        "user": f"user:{override.user_id}",
        "start": override.start.astimezone(UTC).isoformat(),
        "end": override.end.astimezone(UTC).isoformat(),
        "rotations": sorted({rotation.name for rotation in override.rotations.all()}),
        "reason": override.reason,
    }


# --- Swaps -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_swap(slug: str, wish: Wish, *, by: Caller) -> SwapRequest:
    """Ask another person to take one's own watch; it counts once they agree.

    Raises Missing, Unprocessable, Conflict("has_the_watch"), Conflict("changed_in_opsgenie").
    """
    schedule = locked(slug)
    require(policy.changed_here(schedule.truth, is_override=True), Conflict)
    start, end = _minute(wish.start), _minute(wish.end)
    require(policy.override_is_sound(start=start, end=end), Unprocessable, field="end")
    pieces = watching.watch_of(schedule, start, end).final(start, end)
    require(policy.has_the_watch(is_whole=all(by.user_id in piece.people for piece in pieces)), Conflict, field="start")
    asked = queries.people_named([wish.user.strip().lower()]).filter(is_active=True).exclude(pk=by.user_id).first()
    if asked is None:
        raise Unprocessable("unknown_person", "Choose another person who may sign in.", field="user")
    now = timezone.now()
    swap = SwapRequest.objects.create(
        schedule=schedule,
        asked_by_id=by.user_id,
        asked=asked,
        start=start,
        end=end,
        reason=wish.reason[:300],
        created_at=now,
    )
    _note(schedule, "swap_asked", by, {"swap": swap.pk, "asked": asked.actor})
    tell(messages.swap_asked(swap, who=by.name), at=now)
    return swap


@transaction.atomic
def answer_swap(pk: int, *, agrees: bool, by: Caller) -> SwapRequest:
    """Agree to a swap, which becomes an override, or decline it.

    Raises Missing, Forbidden("may_answer_swap"), Conflict("transition_illegal"), Conflict("has_the_watch"),
    Conflict("overrides_overlap").
    """
    swap = SwapRequest.objects.select_related("schedule", "asked", "asked_by").filter(pk=pk).first()
    if swap is None:
        raise Missing("not_found", f"There is no such request {pk}.")
    require(policy.may_answer_swap(is_asked=swap.asked_id == by.user_id))
    schedule, now = locked(swap.schedule.slug), timezone.now()
    end = SwapRequest.State.ACCEPTED if agrees else SwapRequest.State.DECLINED
    move(swap, end, moves=SWAP_MOVES, decided_at=now)
    if agrees:
        require(policy.changed_here(schedule.truth, is_override=True), Conflict)
        pieces = watching.watch_of(schedule, swap.start, swap.end).final(swap.start, swap.end)
        still_his = all(swap.asked_by_id in piece.people for piece in pieces)
        require(policy.still_has_the_watch(is_whole=still_his), Conflict)
        rows = queries.rotations_of_person(schedule, swap.asked_by_id, swap.start, swap.end)
        terms = (swap.start, swap.end, swap.reason)
        amend(swap, override=_put_override(schedule, swap.asked, terms, rotations=rows, by=by))
    _note(schedule, f"swap_{end.value}", by, {"swap": swap.pk})
    tell(messages.swap_answered(swap), at=now)
    return swap


# --- Hand-over and links ---------------------------------------------------------------------------------------------


@transaction.atomic
def leave_note(slug: str, text: str, *, by: Caller) -> HandoverNote:
    """Leave word to whoever has the watch next. Raises Missing, Forbidden("may_override"), Unprocessable."""
    schedule = locked(slug)
    hand = queries.hand_of(by.user_id, by.is_admin, team_id=schedule.team_id)
    require(policy.may_override(queries.with_turns(hand, schedule, user_id=by.user_id)))
    if not text.strip() or len(text) > LONGEST_NOTE:
        because = f"Write what the next one must know, in at most {LONGEST_NOTE} characters."
        raise Unprocessable("note_needed", because, field="text")
    note = HandoverNote.objects.create(
        schedule=schedule, author_id=by.user_id, text=text.strip(), written_at=timezone.now()
    )
    _note(schedule, "handed_over", by, {"note": note.pk})
    return note


def digest_of(secret: str) -> str:
    """What is kept of a secret, which has too much randomness to need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_link(owner: User, schedule: Schedule | None) -> tuple[RotaLink, str]:
    """A secret address for calendars, and its secret, which nothing else holds. Raises Conflict("too_many_links")."""
    User.objects.select_for_update().get(pk=owner.pk)
    if RotaLink.objects.filter(owner=owner, revoked_at__isnull=True).count() >= MOST_LINKS:
        raise Conflict("too_many_links", f"You have {MOST_LINKS} links already. Revoke one first.")
    secret, now = secrets.token_urlsafe(32), timezone.now()
    link = RotaLink.objects.create(owner=owner, schedule=schedule, digest=digest_of(secret), created_at=now)
    record(owner.ref, Happening("rota_link_made", owner.actor, now, {"link": link.pk}), at=now)
    return link, secret


@transaction.atomic
def revoke_link(pk: int, *, by: User) -> None:
    """Make a link show nothing from now on; twice is as good as once. Raises Missing for one that is not one's own."""
    link, now = RotaLink.objects.filter(pk=pk, owner=by).first(), timezone.now()
    if link is None:
        raise Missing("not_found", "There is no such link among yours.")
    if RotaLink.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=now):
        record(by.ref, Happening("rota_link_revoked", by.actor, now, {"link": pk}), at=now)


def note_use(link: RotaLink, *, now: datetime) -> None:
    """Remember that somebody read it, at most once a minute."""
    if link.last_used_at is None or link.last_used_at < now - timedelta(minutes=1):
        amend(link, last_used_at=now)


def _note(schedule: Schedule, verb: str, by: Caller, facts: dict[str, object]) -> None:
    now = timezone.now()
    record(schedule.ref, Happening(verb, by.actor, now, facts), at=now)

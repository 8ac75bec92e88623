"""Asking for an evidence pack, and making it."""

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from accounts.models import User
from changes.audit import lease, policy, queries
from changes.audit.archive import pieces
from changes.audit.cells import moment
from changes.audit.lease import Lease, Overtaken
from changes.audit.making import Made, make_pack
from changes.audit.models import EvidencePack, PackPiece
from changes.audit.population import Scope
from changes.audit.states import MOVES
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Unprocessable
from workflow.ledger import SYSTEM, Happening, record
from workflow.transitions import move

log = structlog.get_logger("decklog.evidence")
State = EvidencePack.State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for; without a seed Decklog draws one. See EvidencePack for the rest."""

    since: datetime
    until: datetime
    services: Sequence[str] = ()
    sample: int = policy.USUAL_SAMPLE
    seed: str = ""


# --- Asking ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def request_pack(wanted: Wanted, *, by: User) -> EvidencePack:
    """Ask for a pack; a worker makes it. Raises Forbidden("may_audit"), Unprocessable for what cannot be made."""
    _require_right(by)
    require_makeable(wanted)
    scope = scope_of(wanted)
    pack = EvidencePack(
        requested_by=by,
        since=scope.since,
        until=scope.until,
        services=list(scope.services),
        sample=scope.sample,
        seed=scope.seed,
    )
    pack.save(force_insert=True)
    data: dict[str, object] = {"since": moment(scope.since), "until": moment(scope.until)}
    data |= {"services": list(scope.services), "sample": scope.sample, "seed": scope.seed}
    _note(pack, "requested", data, actor=by.actor)
    return pack


@transaction.atomic
def ask_again(pk: int, *, by: User) -> EvidencePack:
    """Have a pack that was given up made after all. Raises Forbidden("may_audit"), Conflict("transition_illegal")."""
    _require_right(by)
    pack = queries.pack_named(pk)
    move(pack, State.QUEUED, moves=MOVES, error="", done=0, total=0, attempt=0, finished_at=None)
    _note(pack, "asked_again", {}, actor=by.actor)
    return pack


def require_makeable(wanted: Wanted) -> None:
    """Raise Unprocessable("pack_period") or Unprocessable("pack_sample") if no such pack can be made."""
    period = policy.pack_period(since=wanted.since, until=wanted.until, now=timezone.now())
    for decision, field in ((period, "until"), (policy.pack_sample(wanted.sample), "sample")):
        require(decision, Unprocessable, field=field)


def scope_of(wanted: Wanted) -> Scope:
    """What was asked for, with a seed that nobody could foresee if none was given."""
    seed = wanted.seed or secrets.token_hex(8)
    return Scope(wanted.since, wanted.until, tuple(sorted(wanted.services)), wanted.sample, seed)


def _require_right(by: User) -> None:
    decision = queries.decide(by)
    require(decision)


def _note(pack: EvidencePack, verb: str, data: dict[str, object], *, actor: str = SYSTEM, rule: str = "") -> None:
    now = timezone.now()
    record(pack.ref, Happening(verb, actor, now, data, rule), at=now)


# --- Making ----------------------------------------------------------------------------------------------------------


def make_next(*, now: datetime) -> bool:
    """Make the oldest pack that waits, or whose maker died; False when there is none, or somebody is at one."""
    waiting = queries.next_to_make()
    if any(pack.state == State.BUILDING and lease.is_held(pack, now=now) for pack in waiting):
        return False
    for pack in waiting:
        held = lease.take(pack, now=now)
        if held is not None:
            if _begin(pack, held):
                _make(pack, held)
            return True
    return False


@transaction.atomic
def _begin(pack: EvidencePack, held: Lease) -> bool:
    """Whether it may be begun; it is given up when it was begun too often."""
    pack.refresh_from_db()
    if pack.state not in {State.QUEUED, State.BUILDING}:
        held.end()
        return False
    decision = policy.another_attempt(pack.attempt - 1)
    if pack.state == State.QUEUED:
        move(pack, State.BUILDING, moves=MOVES)
    if decision.outcome == policy.REFUSED:
        _give_up(pack, held, decision.because, rule=decision.rule)
        return False
    _note(pack, "begun", {}, rule=decision.rule)
    return True


def _make(pack: EvidencePack, held: Lease) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="decklog-zip-") as place:
            target = Path(place) / f"{pack.ref}.zip"
            made = make_pack(_scope(pack), target, progress=lambda done, total: _report(pack, held, done, total))
            _keep(pack, held, made, target)
    except Overtaken:
        log.warning("pack_overtaken", pack=pack.ref)
    except (DatabaseError, InterfaceError):
        # Nothing can be written now. Its heartbeat stops, so whoever looks next begins it again.
        log.exception("pack_interrupted", pack=pack.ref)
        connection.close()
    except Exception as trouble:
        log.exception("pack_failed", pack=pack.ref)
        _fail(pack, held, trouble)


def _scope(pack: EvidencePack) -> Scope:
    return Scope(pack.since, pack.until, tuple(pack.services), pack.sample, pack.seed)


def _report(pack: EvidencePack, held: Lease, done: int, total: int) -> None:
    """Beat, and show how far it is; raises Overtaken."""
    if held.is_due or done == 0:
        held.beat()
        amend(pack, done=done, total=total)


def _keep(pack: EvidencePack, held: Lease, made: Made, target: Path) -> None:
    """Put the zip into the database, each piece only while the lease holds, and say that it is ready."""
    with transaction.atomic():
        held.beat()
        PackPiece.objects.filter(pack=pack).delete()
    for number, content in enumerate(pieces(target), start=1):
        with transaction.atomic():
            held.beat()
            PackPiece(pack=pack, number=number, content=content).save(force_insert=True)
    with transaction.atomic():
        held.beat()
        facts = {"done": made.changes, "total": made.changes, "sha256": made.sha256}
        move(pack, State.READY, moves=MOVES, finished_at=timezone.now(), **facts)
        newest = made.proven.newest.digest if made.proven.newest else ""
        said: dict[str, object] = {"sha256": made.sha256, "changes": made.changes, "sampled": made.sampled}
        _note(pack, "made", {**said, "newest_seal": newest})
        held.end()


@transaction.atomic
def _fail(pack: EvidencePack, held: Lease, trouble: Exception) -> None:
    because = f"It could not be made: {type(trouble).__name__}. An operator finds more in the log, under {pack.ref}."
    if isinstance(trouble, OSError):
        because = f"The worker could not write its files: {trouble.strerror or trouble}. Make room, then ask again."
    held.beat()
    _give_up(pack, held, because)


def _give_up(pack: EvidencePack, held: Lease, because: str, *, rule: str = "") -> None:
    move(pack, State.FAILED, moves=MOVES, error=because[:300], finished_at=timezone.now())
    _note(pack, "failed", {"because": because[:300]}, rule=rule)
    held.end()

"""Reads of evidence packs, and of what their page says about the ledger."""

from collections.abc import Iterator

from django.db.models import Sum
from django.db.models.functions import Length

from accounts.models import Membership, User
from changes.audit.models import EvidencePack, PackPiece
from changes.audit.policy import may_audit
from workflow.decisions import Decision
from workflow.errors import Missing
from workflow.models import Seal

SHOWN = 50


def decide(user: User) -> Decision:
    """Whether this person may ask for packs and take them home."""
    leads = Membership.objects.filter(user=user, is_lead=True).exists()
    return may_audit(is_admin=user.is_admin, leads_a_team=leads)


def newest_packs() -> list[EvidencePack]:
    """The packs that were asked for last."""
    return list(EvidencePack.objects.select_related("requested_by").order_by("-pk")[:SHOWN])


def pack_named(pk: int) -> EvidencePack:
    """The pack; raises Missing."""
    found = EvidencePack.objects.select_related("requested_by").filter(pk=pk).first()
    if found is None:
        raise Missing("not_found", f"There is no evidence pack PACK-{pk}.")
    return found


def next_to_make() -> list[EvidencePack]:
    """The packs that wait or are being made, the oldest first."""
    states = (EvidencePack.State.QUEUED, EvidencePack.State.BUILDING)
    return list(EvidencePack.objects.filter(state__in=states).order_by("pk"))


def content_of(pack: EvidencePack) -> Iterator[bytes]:
    """The zip, piece by piece."""
    rows = PackPiece.objects.filter(pack=pack).order_by("number")
    return (bytes(content) for content in rows.values_list("content", flat=True).iterator(chunk_size=1))


def size_of(pack: EvidencePack) -> int:
    """How many bytes the zip has."""
    found = PackPiece.objects.filter(pack=pack).aggregate(size=Sum(Length("content")))
    return int(found["size"] or 0)


def newest_seal() -> Seal | None:
    """The seal that outsiders compare."""
    return Seal.objects.order_by("-id").first()

"""The ledger keeps what happened, and shows when somebody touched it."""

import hashlib
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from workflow.ledger import Happening, gaps, merkle_root, record, seal_batch, verify
from workflow.models import Entry, Seal

pytestmark = pytest.mark.django_db


def happened(number: int, **data: object) -> Entry:
    past = timezone.now() - timedelta(minutes=5)
    return record(f"CHG-{number}", Happening("started", "token:1", past, {"n": number, **data}), at=past)


def seal() -> Seal | None:
    return seal_batch(now=timezone.now())


def tamper(sql: str) -> None:
    """What an intruder with the database owner's rights would do: lift the triggers, then change rows."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE workflow_entry DISABLE TRIGGER USER")
        else:
            cursor.execute("DROP TRIGGER workflow_entry_no_UPDATE")
            cursor.execute("DROP TRIGGER workflow_entry_no_DELETE")
        cursor.execute(sql)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_an_entry_can_be_neither_changed_nor_deleted(verb):
    entry = happened(1)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Entry.objects.filter(pk=entry.pk).update(verb="x") if verb == "update" else entry.delete()
    assert Entry.objects.get().verb == "started"


def test_an_untouched_ledger_verifies_over_several_seals():
    for batch in range(3):
        for number in range(4):
            happened(10 * batch + number, text="ä “quoted” \u2028")
        assert seal() is not None
    assert seal() is None
    assert list(verify()) == []
    chain = list(Seal.objects.order_by("id"))
    assert [seal.previous for seal in chain] == ["", chain[0].digest, chain[1].digest]


def test_fresh_entries_wait_until_slower_transactions_have_settled():
    record("CHG-1", Happening("started", "token:1", timezone.now(), {}), at=timezone.now())
    assert seal() is None


@pytest.mark.parametrize(
    ("sql", "where"),
    [
        ("UPDATE workflow_entry SET actor = 'user:9' WHERE id = {second}", "entries"),
        ("UPDATE workflow_entry SET data = '{{}}' WHERE id = {second}", "entries"),
        ("DELETE FROM workflow_entry WHERE id = {second}", "entry {second}"),
        ("DELETE FROM workflow_entry WHERE id = {last}", "entry {last}"),
        ("UPDATE workflow_seal SET root = 'x' WHERE id = {seal}", "seal {seal}"),
    ],
)
def test_whatever_was_changed_afterwards_is_named(sql, where):
    entries = [happened(number) for number in range(3)]
    sealed = seal()
    assert sealed is not None
    ids = {"second": entries[1].pk, "last": entries[2].pk, "seal": sealed.pk}
    tamper(sql.format(**ids))
    assert next(verify()).where.startswith(where.format(**ids))


def test_an_entry_committed_late_into_a_sealed_range_is_covered_by_the_next_seal():
    first = happened(1)
    late = Entry(pk=first.pk + 1, subject="CHG-2", verb="started", actor="token:1", data={})
    late.occurred_at = late.recorded_at = timezone.now() - timedelta(minutes=5)
    third = Entry(pk=first.pk + 2, subject="CHG-3", verb="started", actor="token:1", data={})
    third.occurred_at = third.recorded_at = late.recorded_at
    third.save(force_insert=True)
    sealed = seal()
    assert sealed is not None
    assert sealed.absent[-1] == [late.pk, late.pk]
    late.save(force_insert=True)
    assert [fault.where for fault in verify()] == [f"entry {late.pk}"]
    following = seal()
    assert following is not None
    assert following.late_ids == [late.pk]
    assert list(verify()) == []


def test_the_command_says_what_it_found():
    happened(1)
    seal()
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "1 entry" in out.getvalue()
    tamper("UPDATE workflow_entry SET verb = 'forged'")
    with pytest.raises(CommandError, match="entries"):
        call_command("verify_ledger", stdout=StringIO())


def test_merkle_roots_depend_on_order_and_on_every_leaf():
    leaves = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]
    roots = {merkle_root(leaves[:n]) for n in range(6)} | {merkle_root(leaves[::-1])}
    assert len(roots) == 7


def test_gaps_are_counted_from_the_start():
    assert gaps([3, 4, 7], 1) == [[1, 2], [5, 6]]
    assert gaps([], 1) == []

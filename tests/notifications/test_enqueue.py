"""What an action may rely on when it enqueues."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from notifications import actions, outbox, places, relay
from notifications.intake import KeyTooLong, UnknownChannel
from notifications.models import REF, Message
from notifications.outbox import Fallback, NewMessage, OutsideTransaction
from notifications.providers.memory import MemoryProvider
from notifications.providers.protocol import Rejected
from tests.notifications.conftest import MAIL, Post, send_all, state_of
from workflow.errors import Conflict
from workflow.ledger import Happening, new_entry
from workflow.models import Entry
from workflow.statements import FromParent, NewRow, insert_together

HELLO = NewMessage(dedup_key="hello", channel="memory", recipient="ann@example.com", title="Hello", text="Look.")


@pytest.mark.django_db(transaction=True)
def test_a_message_needs_the_transaction_of_what_it_tells_about(memory: MemoryProvider) -> None:
    with pytest.raises(OutsideTransaction):
        outbox.enqueue(HELLO, at=timezone.now())
    with pytest.raises(OutsideTransaction):
        outbox.cancel("some topic")
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_message_with_it(memory: MemoryProvider) -> None:
    with transaction.atomic():
        outbox.enqueue(HELLO, at=timezone.now())
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert send_all() == 0


def test_the_same_key_twice_is_one_message(post: Post, memory: MemoryProvider) -> None:
    first = post("unproven:CHG-1", text="first")
    second = post("unproven:CHG-1", text="second")
    assert first.pk == second.pk
    send_all()
    assert [parcel.text for parcel in memory.delivered] == ["first"]


def test_a_channel_that_nobody_delivers_is_refused_at_once(post: Post) -> None:
    with pytest.raises(UnknownChannel):
        post(channel="slack")
    with pytest.raises(UnknownChannel):
        post(channel="slack", fallbacks=(Fallback("pager", "user:ann@example.com"),))
    with pytest.raises(UnknownChannel):
        post(fallbacks=(Fallback("pigeon", "ann"),))
    assert not Message.objects.exists()


def test_without_a_pager_a_page_is_a_mail_at_once_and_still_a_page(post: Post) -> None:
    page = post(
        channel="pager",
        recipient="schedule:payments-primary",
        priority=Message.Priority.PAGE,
        fallbacks=(Fallback("pager", "user:ann@example.com"), Fallback("email", "ann@example.com")),
    )
    assert (page.channel, page.recipient, page.priority) == ("email", "ann@example.com", Message.Priority.PAGE)
    assert page.dedup_key == "hello"
    assert "fallbacks" not in page.payload


def test_a_newer_message_takes_the_place_of_one_that_still_waits(post: Post, memory: MemoryProvider) -> None:
    started, other = post("started", replaces="progress:CHG-1"), post("other", replaces="progress:CHG-2")
    elsewhere = post("elsewhere", replaces="progress:CHG-1", recipient="#payments")
    ended = post("ended", text="Ended.", replaces="progress:CHG-1")
    assert send_all() == 3
    assert [state_of(each) for each in (started, other, elsewhere, ended)] == ["cancelled", "sent", "sent", "sent"]
    assert started.last_answer == "A newer message took its place."
    assert "Ended." in [parcel.text for parcel in memory.delivered]
    assert [parcel.replaces for parcel in memory.delivered] == ["", "", ""]


def test_a_newer_message_names_the_one_that_arrived_before(post: Post, memory: MemoryProvider) -> None:
    for key in ("started", "paused", "ended"):
        post(key, replaces="progress:CHG-1")
        send_all()
    post("unrelated")
    send_all()
    assert [parcel.replaces for parcel in memory.delivered] == ["", "memory-1", "memory-2", ""]


def test_a_message_waits_while_the_one_it_replaces_is_being_sent(post: Post, memory: MemoryProvider) -> None:
    started = post("started", replaces="progress:CHG-1")
    claimed = relay.claim(MAIL, at=timezone.now())
    assert claimed is not None
    ended = post("ended", replaces="progress:CHG-1")
    assert send_all() == 0
    relay.finish(claimed, relay.deliver(claimed), at=timezone.now())
    assert send_all() == 1
    assert (state_of(started), state_of(ended)) == ("sent", "sent")
    assert memory.delivered[-1].replaces == "memory-1"


def test_what_was_replaced_after_it_failed_is_not_sent_again_by_hand(post: Post, memory: MemoryProvider) -> None:
    started = post("started", replaces="progress:CHG-1")
    memory.answers.append(Rejected("is_archived"))
    send_all()
    post("ended", replaces="progress:CHG-1")
    send_all()
    with pytest.raises(Conflict, match="replaced by a newer one"):
        actions.retry_now(started.pk, actor="admin", is_admin=True, at=timezone.now())
    assert len(memory.delivered) == 1


def test_a_key_that_would_not_fit_is_refused_instead_of_cut(post: Post) -> None:
    with pytest.raises(KeyTooLong):
        post("k" * 161)


def test_a_message_is_not_sent_before_its_time(post: Post, memory: MemoryProvider) -> None:
    post(not_before=timezone.now() + timedelta(hours=8))
    assert send_all() == 0
    assert send_all(ahead=8 * 3600 + 1) == 1


def test_a_message_inserted_with_its_parent_names_the_parent(memory: MemoryProvider, db: None) -> None:
    now = timezone.now()
    new = NewMessage(
        dedup_key=FromParent("unproven:CHG-"),
        channel="memory",
        recipient="ann@example.com",
        subject=FromParent("CHG-"),
        title=f"{REF} is unproven",
        text=f"Prove {REF}: https://decklog.example/changes/{REF}",
    )
    happening = Happening("filed", "system", now, {})
    parent = NewRow(Entry, {**new_entry("CHG-", happening, at=now).values, "subject": "parent"})
    parent_id = insert_together(parent, [outbox.new_message(new, at=now)])
    message = Message.objects.get()
    assert (message.dedup_key, message.subject) == (f"unproven:CHG-{parent_id}", f"CHG-{parent_id}")
    assert message.title == f"CHG-{parent_id} is unproven"
    send_all()
    assert memory.delivered[0].text == f"Prove CHG-{parent_id}: https://decklog.example/changes/CHG-{parent_id}"
    assert memory.delivered[0].title == f"CHG-{parent_id} is unproven"
    assert state_of(message) == "sent"


def test_a_parent_is_not_inserted_when_its_message_has_a_taken_key(post: Post) -> None:
    post("taken")
    now = timezone.now()
    parent = NewRow(
        Entry, {**new_entry("CHG-", Happening("filed", "system", now, {}), at=now).values, "subject": "parent"}
    )
    child = outbox.new_message(
        NewMessage(dedup_key="taken", channel="memory", recipient="a@example.com", title="", text=""), at=now
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_together(parent, [child])
    assert not Entry.objects.filter(subject="parent").exists()


def test_calling_off_a_topic_stops_what_waits_and_nothing_else(post: Post, memory: MemoryProvider) -> None:
    waiting = [post("page:1", topic="page:INC-3"), post("page:2", topic="page:INC-3")]
    other = post("page:3", topic="page:INC-4")
    with transaction.atomic():
        assert outbox.cancel("page:INC-3") == 2
    send_all()
    assert [state_of(message) for message in waiting] == ["cancelled", "cancelled"]
    assert state_of(other) == "sent"
    assert len(memory.delivered) == 1


@pytest.mark.django_db(transaction=True)
def test_calling_off_is_undone_by_a_rollback(post: Post, memory: MemoryProvider) -> None:
    message = post("page:1", topic="page:INC-3")
    with transaction.atomic():
        outbox.cancel("page:INC-3")
        transaction.set_rollback(True)
    send_all()
    assert state_of(message) == "sent"


def test_the_payload_keeps_any_text_that_people_write(post: Post, memory: MemoryProvider) -> None:
    text: Any = "“quotes”, {braces}, %s, \u2028 and 🚀"
    post(text=text)
    send_all()
    assert memory.delivered[0].text == text


def test_finding_what_is_replaced_costs_little_however_much_was_sent(post: Post, memory: MemoryProvider) -> None:
    for key in ("started", "ended"):
        post(key, replaces="progress:CHG-1")
        send_all()
    message = Message.objects.latest("pk")
    plan = places.of_place(message.replaces, message.channel, message.recipient).order_by("-id").explain()
    assert connection.vendor == "postgresql" or "message_by_replaces" in plan

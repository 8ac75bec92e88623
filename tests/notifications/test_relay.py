"""What the relay promises about every message, whatever happens to whoever carries it."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifications import actions, outbox, policy, queries, relay, sweeper, tallies
from notifications.models import Mark, Message, Tally
from notifications.outbox import Fallback
from notifications.policy import Crashed, Failed
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent, Verdict
from notifications.states import MOVES
from tests.notifications.conftest import MAIL, PAGES, Post, later, send_all, state_of, verdicts_of
from workflow.transitions import is_legal

S = Message.State


def test_a_message_that_is_due_arrives_and_says_so(post: Post, memory: MemoryProvider) -> None:
    message = post()
    assert send_all() == 1
    assert state_of(message) == "sent"
    assert message.sent_at is not None
    assert message.provider_ref == "memory-1"
    assert (message.lease_until, message.last_error) == (None, "")
    assert message.tries == [{"at": message.sent_at.isoformat(), "verdict": "sent", "detail": "taken"}]
    assert send_all(ahead=3600) == 0


def test_a_claimed_message_cannot_be_claimed_again(post: Post) -> None:
    post()
    first = relay.claim(MAIL, at=timezone.now())
    assert first is not None
    assert first.attempt == 1
    assert relay.claim(MAIL, at=timezone.now()) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_workers_that_claim_at_once_share_the_messages_without_overlap(post: Post) -> None:
    for number in range(30):
        post(f"m{number}")
    claimed: list[int] = []

    def claim_all() -> None:
        while (one := relay.claim(MAIL, at=timezone.now())) is not None:
            claimed.append(one.id)
        connection.close()

    threads = [threading.Thread(target=claim_all) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_a_message_that_somebody_holds_does_not_hold_up_the_others(post: Post) -> None:
    held, free = post("held"), post("free")
    claims: list[relay.Claim | None] = []

    def claim_one() -> None:
        claims.append(relay.claim(MAIL, at=timezone.now()))
        connection.close()

    with transaction.atomic():
        Message.objects.select_for_update().get(pk=held.pk)
        thread = threading.Thread(target=claim_one)
        thread.start()
        thread.join(5)
    assert [one.id for one in claims if one] == [free.pk]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_provider_works(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    deliver = relay.deliver

    def watched(claimed: relay.Claim) -> policy.Ending:
        seen.append(connection.in_atomic_block)
        assert Message.objects.get(pk=claimed.id).state == "sending"
        return deliver(claimed)

    monkeypatch.setattr(relay, "deliver", watched)
    post()
    send_all()
    assert seen == [False]


def test_what_a_dead_worker_held_is_sent_by_another(post: Post, memory: MemoryProvider) -> None:
    message = post(priority=Message.Priority.PAGE)
    assert relay.claim(PAGES, at=timezone.now()) is not None  # and then its worker dies
    assert relay.rescue(at=timezone.now()) == 0
    assert relay.rescue(at=later(26)()) == 1
    assert send_all(PAGES, ahead=26) == 1
    assert state_of(message) == "sent"
    assert verdicts_of(message) == ["crashed", "sent"]
    assert message.attempt == 2


def test_a_late_answer_of_an_old_attempt_changes_nothing(post: Post, memory: MemoryProvider) -> None:
    message = post()
    old = relay.claim(MAIL, at=timezone.now())
    assert old is not None
    relay.rescue(at=later(60)())
    new = relay.claim(MAIL, at=later(60)())
    assert new is not None
    assert not relay.finish(old, Rejected("never"), at=later(61)())
    assert state_of(message) == "sending"
    assert relay.finish(new, Sent("new"), at=later(62)())
    assert not relay.finish(old, Failed("lost"), at=later(63)())
    assert state_of(message) == "sent"
    assert message.provider_ref == "new"


def test_the_time_a_provider_names_is_kept(post: Post, memory: MemoryProvider) -> None:
    message = post()
    memory.answers.append(RetryAfter(7, "429 too many requests"))
    send_all()
    assert state_of(message) == "pending"
    assert message.last_error == "429 too many requests"
    assert send_all(ahead=6) == 0
    assert send_all(ahead=7.5) == 1
    assert verdicts_of(message) == ["retry_after", "sent"]


def test_a_rejected_message_is_given_up_at_once_and_counted(post: Post, memory: MemoryProvider) -> None:
    message = post()
    memory.answers.append(Rejected("550 no such person"))
    send_all()
    assert state_of(message) == "dead"
    assert message.last_error == "550 no such person"
    assert queries.health().dead == 1
    assert send_all(ahead=86_000) == 0


def test_failures_are_tried_again_ever_more_slowly_until_it_is_too_late(post: Post, memory: MemoryProvider) -> None:
    message = post(deadline=timedelta(minutes=10))
    memory.answers.extend(NoAnswer("451 later") for _ in range(100))
    at = timezone.now()
    while state_of(message) == "pending":
        at = max(at, message.due_at)
        claimed = relay.claim(MAIL, at=at)
        assert claimed is not None
        relay.finish(claimed, relay.deliver(claimed), at=at)
    assert state_of(message) == "dead"
    assert message.last_error == "451 later Given up: too late to try again."
    assert 6 <= len(message.tries) <= 9
    assert at < message.deadline_at


def test_a_message_that_breaks_its_provider_does_not_stop_the_others(post: Post, memory: MemoryProvider) -> None:
    poison, healthy = post("poison"), post("healthy")
    memory.answers.append(KeyError("no such part"))
    assert send_all() == 2
    assert state_of(poison) == "pending"
    assert poison.last_error == "KeyError while sending."
    assert state_of(healthy) == "sent"


@pytest.mark.parametrize("payload", [[], "text", 7, {"title": {"a": 1}, "text": None, "fallbacks": 3}])
def test_a_payload_of_any_shape_does_not_stop_the_others(post: Post, payload: object) -> None:
    poison = post("poison")
    Message.objects.filter(pk=poison.pk).update(payload=payload)
    healthy = post("healthy")
    send_all()
    assert state_of(healthy) == "sent"
    assert state_of(poison) in {"pending", "sent"}
    Message.objects.update(state="pending", deadline_at=timezone.now())
    relay.bury(at=later(1)())
    assert [state_of(message) for message in (poison, healthy)] == ["dead", "dead"]
    assert isinstance(poison.title, str)


def test_a_message_that_takes_its_worker_down_five_times_is_given_up(post: Post) -> None:
    message = post()
    for number in range(5):
        assert relay.claim(MAIL, at=later(60 * number)()) is not None
        relay.rescue(at=later(60 * number + 50)())
    assert state_of(message) == "dead"
    assert "5 times" in message.last_error


def test_a_provider_that_never_answers_costs_a_bounded_time(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()

    class Drip:
        def deliver(self, parcel: Parcel) -> Verdict:
            never.wait(20)
            return Sent()

    monkeypatch.setitem(PROVIDERS, "memory", Drip())
    monkeypatch.setitem(policy.PROVIDER_SECONDS, Message.Priority.NORMAL, 0.1)
    message = post()
    send_all()
    never.set()
    assert state_of(message) == "pending"
    assert message.last_error.startswith("No answer within")


def test_an_attempt_ends_before_its_lease() -> None:
    for priority in Message.Priority:
        assert policy.LEASE[priority].total_seconds() >= policy.PROVIDER_SECONDS[priority] + 10


def test_what_waited_beyond_its_deadline_is_not_sent_any_more(post: Post, memory: MemoryProvider) -> None:
    message = post(deadline=timedelta(minutes=1))
    assert send_all(ahead=61) == 0
    assert relay.bury(at=later(61)()) == 1
    assert state_of(message) == "dead"
    assert memory.asked == []


def test_a_message_whose_provider_was_removed_ends_loudly(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    message = post()
    monkeypatch.delitem(PROVIDERS, "memory")
    assert relay.bury(at=timezone.now()) == 1
    assert state_of(message) == "dead"
    assert message.last_error == "No provider delivers to this channel."


def test_a_message_that_is_given_up_goes_another_way(
    post: Post, memory: MemoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "email", spare)
    message = post(
        "page:INC-3", priority=0, subject="INC-3", topic="page:INC-3", fallbacks=(Fallback("email", "ann@example.com"),)
    )
    memory.answers.append(Rejected("422 no such schedule"))
    send_all(PAGES)
    assert relay.work(relay.Lane("email", 0)) == 1
    assert state_of(message) == "dead"
    substitute = Message.objects.get(channel="email")
    assert (substitute.state, substitute.subject, substitute.topic) == ("sent", "INC-3", "page:INC-3")
    assert [parcel.recipient for parcel in spare.delivered] == ["ann@example.com"]


def test_a_page_that_is_long_in_coming_goes_another_way_as_well_once(
    post: Post, memory: MemoryProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "email", spare)
    memory.answers.extend([NoAnswer("Opsgenie is away.")] * 8)
    page = post("page:INC-3", priority=0, topic="page:INC-3", fallbacks=(Fallback("email", "ann@example.com"),))
    send_all(PAGES)
    send_all(PAGES, ahead=5)
    assert Message.objects.count() == 1
    for ahead in (28, 70, 110):
        send_all(PAGES, ahead=ahead)
        relay.work(relay.Lane("email", 0), clock=later(ahead))
    assert [parcel.recipient for parcel in spare.delivered] == ["ann@example.com"]
    assert state_of(page) == "pending"
    assert Message.objects.get(channel="email").topic == "page:INC-3"


def test_what_is_no_page_waits_for_its_own_way(post: Post, memory: MemoryProvider) -> None:
    memory.answers.append(RetryAfter(600, "busy"))
    post(fallbacks=(Fallback("email", "ann@example.com"),))
    send_all()
    assert Message.objects.count() == 1


def test_nothing_goes_another_way_when_it_is_far_too_late(post: Post) -> None:
    post(deadline=timedelta(minutes=1), fallbacks=(Fallback("email", "ann@example.com"),))
    relay.bury(at=later(2 * 86_400)())
    assert Message.objects.count() == 1


def test_a_message_called_off_while_it_is_sent_is_not_tried_again(post: Post, memory: MemoryProvider) -> None:
    message = post(topic="page:INC-3", fallbacks=(Fallback("email", "ann@example.com"),))
    claimed = relay.claim(MAIL, at=timezone.now())
    assert claimed is not None
    with transaction.atomic():
        assert outbox.cancel("page:INC-3") == 0
    relay.finish(claimed, Failed("timeout"), at=timezone.now())
    assert state_of(message) == "cancelled"
    assert Message.objects.count() == 1


def test_a_paused_outbox_takes_messages_in_and_sends_none(post: Post, memory: MemoryProvider) -> None:
    early = post("early")
    assert actions.pause(actor="system", at=timezone.now())
    assert not actions.pause(actor="system", at=timezone.now())
    late = post("late")
    expired = post("expired", deadline=timedelta(seconds=-1))
    sweeper.round_of_watch()
    assert send_all() == 0
    assert [state_of(message) for message in (early, late, expired)] == ["pending"] * 3
    assert actions.resume(actor="system", at=timezone.now())
    sweeper.round_of_watch()
    assert send_all() == 2
    assert [state_of(message) for message in (early, late, expired)] == ["sent", "sent", "dead"]


def test_a_page_is_sent_before_mail_that_was_there_first(post: Post) -> None:
    lanes = relay.lanes()
    assert [lane.priority for lane in lanes] == sorted(lane.priority for lane in lanes)
    post("mail")
    page = post("page", priority=0)
    claimed = relay.claim(PAGES, at=timezone.now())
    assert claimed is not None
    assert claimed.id == page.pk


@pytest.mark.parametrize("start", list(S))
def test_a_message_moves_only_as_the_table_says(post: Post, start: Message.State) -> None:
    """Walks every verb from every state and compares what happens with the table."""
    ways = {
        "claim": lambda pk: relay.claim(MAIL, at=timezone.now()),
        "rescue": lambda pk: relay.rescue(at=later(3600)()),
        "bury": lambda pk: relay.bury(at=later(90_000)()),
        "withdraw": relay.withdraw_one,
        "revive": lambda pk: relay.revive(pk, by="user:1", at=timezone.now()),
        "withdraw, then rescue": lambda pk: (relay.withdraw_one(pk), relay.rescue(at=later(3600)())),
    }
    arrived = set()
    for name, verb in ways.items():
        message = post(name)
        Message.objects.all().update(state=start, lease_until=timezone.now() if start == S.SENDING else None)
        Message.objects.exclude(pk=message.pk).delete()
        verb(message.pk)
        arrived.add(state_of(message))
    for ending in (Sent(), RetryAfter(1, ""), Rejected(""), Failed(""), Crashed()):
        message = post(f"{ending}")
        Message.objects.filter(pk=message.pk).update(state=start, attempt=1)
        relay.finish(relay.Claim(message.pk, 1, MAIL, "", "", "", "{}"), ending, at=timezone.now())
        arrived.add(state_of(message))
    assert {end for end in arrived - {start} if not is_legal(MOVES, start, end)} == set()
    assert arrived - {start} == {str(end) for end in MOVES[start]}


def test_tallies_equal_a_full_count_after_any_walk(post: Post, memory: MemoryProvider) -> None:
    dice = random.Random(7)
    answers: list[Verdict | BaseException] = [Sent(), Rejected("550"), NoAnswer("451"), RetryAfter(1, "429")]
    for number in range(60):
        post(f"m{number}", topic=f"t{number % 7}")
        memory.answers.append(dice.choice(answers))
    send_all()
    with transaction.atomic():
        outbox.cancel("t3")
    for pk in Message.objects.filter(state="dead").values_list("pk", flat=True)[:5]:
        relay.revive(pk, by="user:1", at=timezone.now())
    send_all(ahead=30)
    before = {kind: queries.tallied(kind) for kind in Tally.Kind.values}
    while Tally.objects.count() >= tallies.CROWDED:
        tallies.fold()
    for number in range(tallies.CROWDED):
        Tally.objects.create(channel="other", kind="state", word="sent", count=number)
    tallies.fold()
    assert Tally.objects.count() < 30
    assert {kind: {k: v for k, v in queries.tallied(kind).items() if k[0] == "memory" and v} for kind in before} == {
        kind: {k: v for k, v in sums.items() if v} for kind, sums in before.items()
    }
    for state in relay.FINAL:
        counted = Message.objects.filter(state=state).count()
        assert before["state"].get(("memory", state), 0) == counted
    tries = [each["verdict"] for message in Message.objects.all() for each in message.tries]
    assert sum(before["verdict"].values()) == len(tries) - tries.count("revived")


def test_a_round_of_watch_leaves_a_mark_that_tells_its_age(db: None) -> None:
    assert queries.health().sweeper_age_seconds is None
    sweeper.round_of_watch()
    age = queries.health().sweeper_age_seconds
    assert age is not None
    assert 0 <= age < 5
    Mark.objects.filter(name=Mark.SWEEPER).update(at=timezone.now() - timedelta(seconds=40))
    assert 39 < (queries.health().sweeper_age_seconds or 0) < 50


def test_no_secret_of_an_error_is_kept(post: Post, memory: MemoryProvider) -> None:
    message = post()
    memory.answers.append(NoAnswer("refused smtp://user:hunter2@mail.example and Bearer abc.def"))
    send_all()
    message.refresh_from_db()
    assert "hunter2" not in str(message.tries) + message.last_error
    assert "abc.def" not in str(message.tries) + message.last_error

"""Personal messages go where and when their reader wants them; addresses count once they are verified."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.actions import deactivate_person
from accounts.contacts import actions, digests, queries, unsubscribe
from accounts.contacts.actions import Wish, call_off, tell
from accounts.contacts.letters import Letter
from accounts.contacts.models import Aside, Contact, Preference
from accounts.contacts.policy import Urgency
from accounts.models import User
from notifications.models import Message
from notifications.providers import PROVIDERS
from notifications.providers.memory import MemoryProvider
from notifications.relay import Lane
from tests.conftest import token_client
from tests.factories import Shop
from tests.mail_server import MailServer
from tests.notifications.conftest import mail_server, send_all
from workflow.errors import Conflict, Missing, TooMany, Unprocessable
from workflow.models import Entry

__all__ = ["mail_server"]
pytestmark = pytest.mark.django_db
EVENING = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
"""22:30 where Ann lives."""
MORNING = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
EMAIL = Lane("email", Message.Priority.NORMAL)
PAGE = "/settings/notifications"


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> MemoryProvider:
    """A Slack that takes everything."""
    provider = MemoryProvider()
    monkeypatch.setitem(PROVIDERS, "slack", provider)
    return provider


def letter(person: User, urgency: Urgency = Urgency.ASK, key: str = "approval:CHG-7", **said: Any) -> Letter:
    words = {"title": "CHG-7 waits for you", "text": "Approve CHG-7: http://x/changes/CHG-7", **said}
    return Letter(person.pk, urgency, f"{key}:{person.pk}", subject="CHG-7", topic=key, **words)


def say(letters: Letter, at: datetime | None = None) -> None:
    with transaction.atomic():
        tell(letters, at=at or timezone.now())


def want(person: User, **said: Any) -> None:
    """Keep what somebody wants, the rest as at the beginning."""
    beginning: dict[str, Any] = {"ways": {}, "collected": [], "quiet_start": None, "quiet_end": None, "digest_hour": 8}
    actions.change_preference(person, Wish(**{**beginning, **said}), actor=person.actor)


def verified(person: User, address: str = "U024BE7LH", kind: str = "slack") -> Contact:
    return Contact.objects.create(user=person, kind=kind, address=address, verified_at=timezone.now())


def sent() -> list[tuple[str, str, str]]:
    return [(one.channel, one.recipient, one.state) for one in Message.objects.order_by("pk")]


# --- Where and when --------------------------------------------------------------------------------------------------


def test_who_never_said_anything_gets_mails_at_once(shop: Shop) -> None:
    for urgency in Urgency:
        say(letter(shop.ann, urgency, key=str(urgency)), EVENING)
    messages = list(Message.objects.order_by("pk"))
    assert {(one.channel, one.recipient, one.due_at) for one in messages} == {("email", "ann@example.com", EVENING)}
    assert [one.priority for one in messages] == [Message.Priority.PAGE, *[Message.Priority.NORMAL] * 2]


def test_quiet_hours_hold_back_everything_but_pages(shop: Shop) -> None:
    want(shop.ann, quiet_start=time(22), quiet_end=time(7))
    say(letter(shop.ann, Urgency.PAGE, key="page"), EVENING)
    say(letter(shop.ann, Urgency.ASK, key="ask"), EVENING)
    assert [one.due_at for one in Message.objects.order_by("pk")] == [EVENING, MORNING]


def test_each_chosen_way_is_taken_once_however_often_it_is_told(shop: Shop, slack: MemoryProvider) -> None:
    contact = verified(shop.ann)
    want(shop.ann, ways={"ask": ["email", contact.way]})
    for _ in range(2):
        say(letter(shop.ann))
    assert sent() == [("email", "ann@example.com", "pending"), ("slack", "U024BE7LH", "pending")]


def test_a_message_that_slack_does_not_take_comes_by_mail(shop: Shop, slack: MemoryProvider) -> None:
    contact = verified(shop.ann)
    want(shop.ann, ways={"ask": [contact.way]})
    say(letter(shop.ann))
    assert Message.objects.get().payload["fallbacks"] == [["email", "ann@example.com"]]


def test_nothing_goes_to_an_address_that_is_not_verified(shop: Shop, slack: MemoryProvider) -> None:
    contact = actions.add_contact(shop.ann, kind="slack", address="U024BE7LH")
    with pytest.raises(Unprocessable, match="no way to reach you"):
        want(shop.ann, ways={"ask": [contact.way]})
    Preference.objects.create(user=shop.ann, ways={"ask": [contact.way]})
    Message.objects.all().delete()
    say(letter(shop.ann))
    assert sent() == [("email", "ann@example.com", "pending")]


def test_who_is_deactivated_gets_nothing_not_even_what_waits(shop: Shop, slack: MemoryProvider) -> None:
    contact = verified(shop.ann)
    want(shop.ann, ways={"ask": [contact.way]}, collected=["news"])
    say(letter(shop.ann))
    say(letter(shop.ann, Urgency.NEWS, key="news"))
    deactivate_person(shop.ann, by=shop.admin)
    say(letter(shop.ann, Urgency.PAGE, key="page"))
    assert {state for _, _, state in sent()} == {"cancelled"}
    assert digests.make_due_digests(now=timezone.now() + timedelta(days=3)) == 0


# --- The digest ------------------------------------------------------------------------------------------------------


def put_aside(person: User) -> None:
    want(person, collected=["ask", "news"])
    say(letter(person, key="approval:CHG-7"), EVENING)
    say(letter(person, key="approval:CHG-8", title="CHG-8 waits for you"), EVENING)
    say(letter(person, Urgency.NEWS, key="decided:CHG-9", title="CHG-9: Approved."), EVENING)


def test_a_digest_is_one_mail_with_what_is_still_open_and_goes_once(shop: Shop) -> None:
    put_aside(shop.ann)
    with transaction.atomic():
        call_off("approval:CHG-8")
    at_eight = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
    assert digests.make_due_digests(now=at_eight - timedelta(seconds=1)) == 0
    assert [digests.make_due_digests(now=at_eight + timedelta(minutes=late)) for late in (0, 0, 1, 60)] == [1, 0, 0, 0]
    mail = Message.objects.get()
    assert mail.title == "1 thing waits for you and 1 piece of news"
    assert "CHG-7" in mail.payload["text"]
    assert "CHG-9: Approved." in mail.payload["text"]
    assert "CHG-8" not in mail.payload["text"]


def test_a_digest_goes_to_the_mail_that_was_chosen_and_to_the_account_once_that_is_removed(shop: Shop) -> None:
    contact = verified(shop.ann, "ann@home.example", "email")
    want(shop.ann, ways={"ask": [contact.way]}, collected=["ask"])
    say(letter(shop.ann), EVENING)
    digests.make_due_digests(now=EVENING + timedelta(days=1))
    assert sent() == [("email", "ann@home.example", "pending")]
    with time_machine.travel(EVENING + timedelta(days=1)):
        actions.remove_contact(shop.ann, contact.pk)
    assert sent() == [("email", "ann@home.example", "cancelled"), ("email", "ann@example.com", "pending")]


def test_what_comes_late_for_a_digest_is_in_the_next_one(shop: Shop) -> None:
    put_aside(shop.ann)
    at_eight = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
    digests.make_due_digests(now=at_eight)
    say(letter(shop.ann, key="slow"), EVENING)
    assert digests.make_due_digests(now=at_eight + timedelta(minutes=1)) == 0
    assert digests.make_due_digests(now=at_eight + timedelta(days=1)) == 1
    assert Message.objects.count() == 2


def test_who_wants_single_mails_again_gets_by_mail_what_waited(shop: Shop) -> None:
    with time_machine.travel(EVENING, tick=False):
        put_aside(shop.ann)
        want(shop.ann, collected=["news"])
    assert sorted(one.title for one in Message.objects.all()) == ["CHG-7 waits for you", "CHG-8 waits for you"]
    assert Aside.objects.filter(settled_at__isnull=True).count() == 1


# --- Unsubscribing ---------------------------------------------------------------------------------------------------


def test_news_carries_a_way_out_that_works_for_strangers_and_only_by_a_post(
    shop: Shop, mail_server: MailServer, client: Client
) -> None:
    say(letter(shop.ann, Urgency.NEWS))
    assert send_all(EMAIL) == 1
    (mail,) = mail_server.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.sub(r"\s", "", mail["List-Unsubscribe"]).strip("<>").removeprefix("http://127.0.0.1:8000")
    stranger = Client(enforce_csrf_checks=True)

    shown = stranger.get(link)
    assert "This turns off mails with news" in shown.content.decode()
    assert not Preference.objects.exists()

    for _ in range(2):
        assert "These mails are off" in stranger.post(link, {"List-Unsubscribe": "One-Click"}).content.decode()
    for urgency in Urgency:
        say(letter(shop.ann, urgency, key=f"later-{urgency}"))
    assert [one.dedup_key for one in Message.objects.filter(dedup_key__startswith="later").order_by("pk")] == [
        f"later-page:{shop.ann.pk}",
        f"later-ask:{shop.ann.pk}",
    ]


def test_turning_the_digest_off_loses_nothing_that_waits_for_its_reader(shop: Shop) -> None:
    with time_machine.travel(EVENING, tick=False):
        put_aside(shop.ann)
        link = unsubscribe.address(shop.ann.pk, unsubscribe.Kind.DIGEST).removeprefix("http://127.0.0.1:8000")
        assert Client().post(link).status_code == 200
    assert sorted(one.title for one in Message.objects.all()) == ["CHG-7 waits for you", "CHG-8 waits for you"]


def test_a_link_that_was_changed_does_nothing(shop: Shop) -> None:
    link = unsubscribe.address(shop.ann.pk, unsubscribe.Kind.NEWS).removeprefix("http://127.0.0.1:8000")
    for spoilt in (f"{link}x", "/unsubscribe/x", "/unsubscribe/a:b"):
        assert Client().post(spoilt).status_code == 403
    assert not Preference.objects.exists()


def test_a_mail_that_asks_something_offers_no_way_out(shop: Shop, mail_server: MailServer) -> None:
    say(letter(shop.ann, Urgency.ASK))
    send_all(EMAIL)
    assert mail_server.mails[0]["List-Unsubscribe"] is None


# --- Addresses -------------------------------------------------------------------------------------------------------


def code_to(address: str) -> str:
    found = re.search(r"Type (\d{8})", Message.objects.filter(recipient=address).latest("pk").payload["text"])
    assert found
    return found[1]


def test_an_address_counts_once_its_code_was_typed(ann: Client, shop: Shop) -> None:
    answer = ann.post(f"{PAGE}/contacts", {"kind": "email", "address": "ann@home.example"})
    contact = Contact.objects.get()
    assert answer.headers["Location"] == f"{PAGE}/contacts/{contact.pk}/verify"
    wrong = ann.post(answer.headers["Location"], {"code": "0"})
    assert "This is not the code that was sent last." in wrong.content.decode()
    code = code_to("ann@home.example")
    assert ann.post(answer.headers["Location"], {"code": f"{code[:4]} {code[4:]}"}).status_code == 302
    contact.refresh_from_db()
    assert contact.verified_at
    kept = str([*Entry.objects.values_list("data", flat=True)]) + str(Contact.objects.values().get())
    assert code not in kept
    assert Entry.objects.filter(subject=shop.ann.ref, verb="contact_verified").count() == 1


def test_five_wrong_codes_use_a_code_up(shop: Shop) -> None:
    contact = actions.add_contact(shop.ann, kind="email", address="ann@home.example")
    code = code_to("ann@home.example")
    for _ in range(5):
        with pytest.raises(Unprocessable, match="not the code"):
            actions.verify_contact(shop.ann, contact.pk, "x")
    with pytest.raises(Unprocessable, match="used up"):
        actions.verify_contact(shop.ann, contact.pk, code)


def test_codes_are_throttled_even_when_the_address_is_removed_and_added_again(shop: Shop) -> None:
    contact = actions.add_contact(shop.ann, kind="email", address="bo@home.example")
    actions.remove_contact(shop.ann, contact.pk)
    with pytest.raises(TooMany, match="Ask again in"):
        actions.add_contact(shop.ann, kind="email", address="bo@home.example")
    assert not Contact.objects.exists()


def test_nobody_touches_the_address_of_somebody_else(shop: Shop, ann: Client) -> None:
    contact = verified(shop.bo)
    for deed in (actions.send_code, actions.remove_contact):
        with pytest.raises(Missing):
            deed(shop.ann, contact.pk)
    assert ann.get(f"{PAGE}/contacts/{contact.pk}/verify").status_code == 404
    with pytest.raises(Conflict):
        actions.add_contact(shop.ann, kind="email", address="ANN@example.com")


def test_what_waits_for_a_removed_address_is_called_off_and_comes_by_mail_at_the_same_time(
    shop: Shop, slack: MemoryProvider
) -> None:
    contact = verified(shop.ann)
    want(shop.ann, ways={"ask": [contact.way]}, quiet_start=time(22), quiet_end=time(7))
    with time_machine.travel(EVENING, tick=False):
        say(letter(shop.ann), EVENING)
        actions.remove_contact(shop.ann, contact.pk)
    assert sent() == [("slack", "U024BE7LH", "cancelled"), ("email", "ann@example.com", "pending")]
    assert Message.objects.get(channel="email").due_at == MORNING
    assert queries.addressee(shop.ann).wanted["ask"] == ["email"]


# --- The pages and the API -------------------------------------------------------------------------------------------


def test_what_is_chosen_on_the_page_is_kept_and_what_is_wrong_is_said_without_losing_it(
    ann: Client, shop: Shop
) -> None:
    whole = {"page": "email", "ask": "email", "quiet_start": "22:00", "quiet_end": "07:00", "digest_hour": "8"}
    assert ann.post(PAGE, {**whole, "collected": "news"}).status_code == 302
    preference = Preference.objects.get(user=shop.ann)
    assert preference.ways == {"ask": ["email"], "news": [], "page": ["email"]}
    assert (preference.quiet_start, preference.collected) == (time(22), ["news"])
    wrong = ann.post(PAGE, {**whole, "page": [], "quiet_end": "08:30", "collected": "news"}).content.decode()
    assert "needs at least one way" in wrong
    assert 'value="08:30"' in wrong
    assert 'value="22:00"' in ann.get(PAGE).content.decode()


def test_a_test_is_sent_and_its_delivery_is_shown_once_a_minute(
    ann: Client, shop: Shop, mail_server: MailServer
) -> None:
    for _ in range(2):
        ann.post(f"{PAGE}/test", {"way": "email"})
    assert send_all(EMAIL) == 1
    assert mail_server.mails[0]["Subject"] == "A test from Decklog"
    page = ann.get(PAGE).content.decode()
    assert "Your last tests" in page
    assert "250 accepted" in page


def test_administrators_see_whether_somebody_can_be_reached(shop: Shop, client: Client) -> None:
    client.force_login(shop.admin)
    assert "A page would arrive." in client.get(f"/settings/people/{shop.ann.pk}").content.decode()
    shop.bo.set_unusable_password()
    shop.bo.save()
    assert "They never signed in" in client.get(f"/settings/people/{shop.bo.pk}").content.decode()
    assert queries.reachable([shop.ann.pk, shop.bo.pk, 999]) == {
        shop.ann.pk: "",
        shop.bo.pk: "They never signed in, so nobody knows that their e-mail arrives.",
        999: "There is no such account.",
    }


def test_a_token_reads_and_changes_what_its_owner_wants_and_nobody_elses(shop: Shop) -> None:
    api = token_client(shop.ann, "read", "changes")
    wish = {
        "ways": {"page": ["email"], "ask": ["email"], "news": []},
        "collected": ["ask"],
        "quiet_hours": {"start": "22:00", "end": "07:00"},
        "digest_hour": 9,
    }
    answer = api.put("/api/v1/me/notifications", wish, format="json")
    assert answer.json() == {**wish, "time_zone": "Europe/Berlin", "contacts": []}
    assert api.get("/api/v1/me/notifications").json() == answer.json()
    assert token_client(shop.bo, "read").get("/api/v1/me/notifications").json()["collected"] == []
    refused = api.put("/api/v1/me/notifications", {**wish, "ways": {**wish["ways"], "ask": []}}, format="json")  # type: ignore[dict-item]
    assert (refused.status_code, refused.json()["code"]) == (422, "a_way_is_left")
    assert token_client(shop.ann, "read").put("/api/v1/me/notifications", wish, format="json").status_code == 403

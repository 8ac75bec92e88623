"""Did the page go out? The delivery log answers, and an administrator acts."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications import actions, policy, sweeper
from notifications.models import Mark, Message
from notifications.providers.memory import MemoryProvider
from notifications.providers.protocol import NoAnswer, Rejected
from tests import factories
from tests.notifications.conftest import Post, send_all, state_of
from workflow import ledger


@pytest.fixture
def admin(shop: factories.Shop, client: Client) -> Client:
    """A browser in which an administrator is signed in, while a worker sweeps."""
    client.force_login(shop.admin)
    sweeper.round_of_watch()
    return client


def text_of(answer: Any) -> str:
    """The page as words, with the white space of the template gone."""
    return " ".join(answer.content.decode().split())


def test_strangers_are_sent_to_sign_in(client: Client, shop: factories.Shop) -> None:
    answer = client.get("/delivery")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/delivery")
    assert client.post("/delivery/1/retry").status_code == 302


def test_an_empty_log_says_what_will_be_there(admin: Client) -> None:
    page = text_of(admin.get("/delivery"))
    assert "No message has been sent yet." in page
    assert "Everything is sent that can be sent." in page


def test_the_log_tells_what_became_of_each_message_in_words(admin: Client, post: Post, memory: MemoryProvider) -> None:
    memory.answers.extend([Rejected("550 no such person"), NoAnswer("451 try again later")])
    post("dead", title="Prove CHG-7", subject="CHG-7")
    post("retrying", title="Prove CHG-8")
    post("sent", title="Prove CHG-9")
    send_all()
    post("queued", title="Prove <CHG-10>")
    page = text_of(admin.get("/delivery"))
    assert page.index("Prove &lt;CHG-10&gt;") < page.index("Prove CHG-9") < page.index("Prove CHG-8")
    for words in ("Not delivered", "Retrying", "Queued", "try 2", "1 attempt", "550 no such person"):
        assert words in page
    assert "Refused: 550 no such person" in page
    assert "Failed: 451 try again later" in page
    assert 'href="/changes/CHG-7"' in page
    assert "ann@example.com" in page


def test_the_filters_are_in_the_address(admin: Client, post: Post, memory: MemoryProvider) -> None:
    memory.answers.append(Rejected("550"))
    post("dead", title="Alpha-7", subject="CHG-7")
    send_all()
    post("other", title="Beta-8", subject="CHG-8")
    assert "Beta-8" not in text_of(admin.get("/delivery?state=dead"))
    page = text_of(admin.get("/delivery?subject=chg-8&channel="))
    assert ("Alpha-7" in page, "Beta-8" in page) == (False, True)
    assert "Remove the filter About CHG-8" in page
    assert "No message matches these filters." in text_of(admin.get("/delivery?channel=pager"))


@pytest.mark.parametrize(
    "query",
    ["state=lost", "channel=pigeon", "cursor=xyz", f"subject={'x' * 41}", "subject=%00", "cursor=%00&state[]=1"],
)
def test_a_filter_that_makes_no_sense_says_so_and_shows_the_log(admin: Client, post: Post, query: str) -> None:
    post(title="Prove CHG-7")
    answer = admin.get(f"/delivery?{query}")
    assert answer.status_code == 200
    assert "Prove CHG-7" in text_of(answer)
    assert 'class="dl-banner dl-warn"' in text_of(answer)


def test_paging_shows_every_message_once_down_and_up_again(admin: Client, post: Post) -> None:
    for number in range(120):
        post(f"m{number}", title=f"title-{number:03}")
    down, address = [], "/delivery"
    while True:
        answer = admin.get(address)
        down.append([row.title for row in answer.context["rows"]])
        if not answer.context["older"]:
            break
        address = "/delivery" + answer.context["older"]
    assert [title for page in down for title in page] == [f"title-{number:03}" for number in reversed(range(120))]
    up = [down[-1]]
    while answer.context["newer"]:
        answer = admin.get("/delivery" + answer.context["newer"])
        up.append([row.title for row in answer.context["rows"]])
    assert up == down[::-1]


def test_the_page_costs_the_same_number_of_queries_for_one_message_and_for_fifty(admin: Client, post: Post) -> None:
    post("first")
    with CaptureQueriesContext(
        connection,
    ) as few:
        admin.get("/delivery")
    for number in range(49):
        post(f"m{number}")
    with CaptureQueriesContext(connection) as many:
        admin.get("/delivery")
    assert len(many) == len(few) <= 12


def test_an_administrator_sends_a_dead_message_again(
    admin: Client, shop: factories.Shop, post: Post, memory: MemoryProvider
) -> None:
    memory.answers.append(Rejected("550 no such person"))
    message = post(title="Prove CHG-7", subject="CHG-7", deadline=timedelta(seconds=30))
    send_all()
    answer = admin.post(f"/delivery/{message.pk}/retry", {"back": "state=dead"})
    assert (answer.status_code, answer["Location"]) == (302, "/delivery?state=dead")
    assert state_of(message) == "pending"
    assert message.deadline_at > timezone.now() + timedelta(hours=1)
    assert send_all() == 1
    assert state_of(message) == "sent"
    assert [entry.verb for entry in ledger.timeline("CHG-7")] == ["message_retried"]
    assert ledger.timeline("CHG-7")[0].actor == shop.admin.actor
    assert "Asked for again by a person" in text_of(admin.get("/delivery"))


def test_an_administrator_calls_a_waiting_message_off(admin: Client, post: Post, memory: MemoryProvider) -> None:
    message = post(subject="CHG-7")
    assert admin.post(f"/delivery/{message.pk}/cancel").status_code == 302
    assert state_of(message) == "cancelled"
    assert send_all() == 0
    assert [entry.verb for entry in ledger.timeline("CHG-7")] == ["message_cancelled"]


def test_nobody_else_may_and_the_page_says_who_can(
    admin: Client, shop: factories.Shop, post: Post, memory: MemoryProvider
) -> None:
    memory.answers.append(Rejected("550"))
    message = post()
    send_all()
    admin.force_login(shop.ann)
    page = text_of(admin.get("/delivery"))
    assert "Retry now" not in page
    assert "Administrators can send a message again or call it off. Only they see where other people" in page
    for deed in ("retry", "cancel"):
        answer = admin.post(f"/delivery/{message.pk}/{deed}", follow=True)
        assert "Only an administrator can do this." in text_of(answer)
    assert state_of(message) == "dead"


@pytest.mark.parametrize(("pk", "said"), [(10**18, "There is no such message."), (0, "so it cannot be sent again")])
def test_what_cannot_be_sent_again_is_refused_with_the_reason(admin: Client, post: Post, pk: int, said: str) -> None:
    message = post()
    send_all()
    answer = admin.post(f"/delivery/{pk or message.pk}/retry", follow=True)
    assert said in text_of(answer)
    assert state_of(message) == "sent"


def test_nothing_is_changed_by_looking_and_an_address_in_back_leads_nowhere_else(admin: Client, post: Post) -> None:
    message = post()
    assert admin.get(f"/delivery/{message.pk}/cancel").status_code == 405
    answer = admin.post(f"/delivery/{message.pk}/cancel", {"back": "//evil.example/?x"})
    assert answer["Location"].startswith("/delivery?")


def test_a_pause_and_a_silent_worker_are_said_on_top(admin: Client, post: Post) -> None:
    post()
    actions.pause(actor="system", at=timezone.now())
    assert "Sending is paused." in text_of(admin.get("/delivery"))
    actions.resume(actor="system", at=timezone.now())
    Mark.objects.update(at=timezone.now() - timedelta(minutes=3))
    assert "Nothing is being sent." in text_of(admin.get("/delivery"))
    assert Message.objects.get().state == "pending"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann@Example.com", "Ann@Example.com"),
        ("bo@example.com", "b***@example.com"),
        ("user:bo@example.com", "user:b***@example.com"),
        (
            "550 <bo@example.com>: unknown, not ann@example.com.",
            "550 <b***@example.com>: unknown, not ann@example.com.",
        ),
        ("joann@example.com", "j***@example.com"),
        ("U024BE7LH", "U***"),
        ("#changes", "#changes"),
        ("schedule:payments-primary", "schedule:payments-primary"),
    ],
)
def test_of_other_peoples_addresses_a_reader_sees_little(text: str, seen: str) -> None:
    assert policy.Eyes(is_admin=False, own={"ann@example.com"}).see(text) == seen
    assert policy.Eyes(is_admin=True).see(text) == text


def test_the_log_hides_where_others_are_reached_from_all_but_administrators(
    admin: Client, shop: factories.Shop, post: Post, memory: MemoryProvider
) -> None:
    memory.answers.append(Rejected("550 no subscriber@example.com here"))
    post("theirs", recipient="subscriber@example.com")
    post("mine", recipient=shop.ann.email)
    send_all()
    assert "subscriber@example.com" in text_of(admin.get("/delivery"))
    admin.force_login(shop.ann)
    page = text_of(admin.get("/delivery"))
    assert "subscriber@example.com" not in page
    assert page.count("s***@example.com") >= 2
    assert shop.ann.email in page
    assert Message.objects.get(dedup_key="theirs").recipient == "subscriber@example.com"

"""Answers that are given in Opsgenie, and alerts there whose page is over."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.callers import caller_of_person
from notifications.models import Message
from oncall.alerting import errands
from oncall.alerting.models import Errand
from oncall.alerting.policy import MOST_TRIES, Seen, page_of, pause_after, was_answered
from oncall.paging.actions import Target, Wanted, acknowledge, cancel, page
from oncall.providers.protocol import Unanswered
from workflow.ledger import timeline

HOOK = "/api/v1/hooks/opsgenie"


class Account:
    """An Opsgenie with these alerts by alias; what was closed is listed."""

    def __init__(self, **alerts):
        self.alerts, self.closed, self.is_down = alerts, [], False

    def alert(self, alias):
        """As Opsgenie shows it."""
        if self.is_down:
            raise Unanswered("Opsgenie is down.")
        return self.alerts.get(alias)

    def close_alert(self, alias):
        """Closed, if it is there."""
        if alias not in self.alerts:
            return False
        self.closed.append(alias)
        return True


@pytest.fixture
def paged(shop):
    """A page about INC-3 that Ann got as an alert of Opsgenie, with its alias."""
    row = page(Wanted(Target("user", "ann@example.com"), "Checkout is down", subject="INC-3"), by=None)
    alias = f"{row.topic}:0:{shop.ann.pk}"
    Message.objects.filter(topic=row.topic).update(channel="pager", state="sent")
    return row, alias


@pytest.fixture
def hook(settings):
    """Says to Decklog what Opsgenie's webhook says, with a secret."""
    settings.OPSGENIE_WEBHOOK_SECRET = ["the-old-secret", "the-new-secret"]

    def say(alias, action="Acknowledge", secret="the-new-secret", at=1):
        alert = {"alertId": "a-1", "alias": alias, "updatedAt": at, "message": "Checkout is down"}
        body = {"action": action, "alert": alert, "integrationName": "Decklog"}
        headers = {"HTTP_X_DECKLOG_SECRET": secret} if secret else {}
        return Client().post(HOOK, body, content_type="application/json", **headers)

    return say


def test_an_alert_that_is_acknowledged_there_is_answered_here_once_it_was_read_there(shop, paged, hook):
    row, alias = paged
    account = Account(**{alias: Seen(is_acknowledged=False, is_closed=False, by="")})
    answers = [hook(alias, secret="the-old-secret"), hook(alias), hook(alias, at=2), hook("disk full")]
    assert [(one.status_code, one.json()["deduplicated"]) for one in answers] == [
        (202, False),
        (202, True),
        (202, False),
        (202, True),
    ]
    assert errands.run_due(remote=account) == 2
    row.refresh_from_db()
    assert row.state == "paging", "what the webhook says is not believed"

    account.alerts[alias] = Seen(is_acknowledged=True, is_closed=False, by="ANN@example.com")
    hook(alias, at=3)
    errands.run_due(remote=account)
    row.refresh_from_db()
    assert (row.state, row.acknowledged_by, row.acknowledged_via) == ("acknowledged", shop.ann, "opsgenie")
    assert (timeline("INC-3")[0].verb, timeline("INC-3")[0].actor) == ("page_acknowledged", shop.ann.actor)
    assert errands.run_due(remote=account) == 1
    assert account.closed == [alias]


@pytest.mark.parametrize("secret", ["", "the-third-secret", "the-old-secret,the-new-secret"])
def test_whoever_does_not_know_a_live_secret_is_refused(shop, paged, hook, secret):
    answer = hook(paged[1], secret=secret)
    assert answer.status_code == 401
    assert answer.json()["code"] in {"not_authenticated", "authentication_failed"}
    assert not Errand.objects.exists()


def test_without_a_secret_in_the_settings_no_header_counts(shop, paged, hook, settings):
    settings.OPSGENIE_WEBHOOK_SECRET = []
    assert hook(paged[1]).status_code == 401


def test_what_says_nothing_about_a_page_is_taken_and_forgotten_and_what_cannot_be_read_is_refused(shop, hook):
    said = {"action": "Escalate", "alert": {"alertId": "a-1"}, "escalationId": "e-1"}
    headers = {"X-Decklog-Secret": "the-new-secret"}
    assert Client().post(HOOK, said, content_type="application/json", headers=headers).status_code == 202
    for spoilt in ({}, {"action": 7}, {"action": "Close", "alert": []}):
        refusal = Client().post(HOOK, spoilt, content_type="application/json", headers=headers)
        assert refusal.status_code == 422, refusal.content
    assert not Errand.objects.exists()


def test_an_opsgenie_that_is_down_is_asked_again_later_and_loses_no_answer(shop, paged, hook):
    row, alias = paged
    account = Account(**{alias: Seen(is_acknowledged=True, is_closed=False, by="")})
    account.is_down = True
    hook(alias)
    assert errands.run_due(remote=account) == 1
    assert errands.run_due(remote=account) == 0, "not at once"
    Errand.objects.update(due_at=timezone.now())
    account.is_down = False
    errands.run_due(remote=account)
    row.refresh_from_db()
    assert (row.state, row.acknowledged_by) == ("acknowledged", None)


@pytest.mark.parametrize("ends", ["answered", "cancelled"])
def test_when_a_page_is_over_its_alerts_are_closed_there(shop, paged, ends):
    row, alias = paged
    if ends == "answered":
        acknowledge(row.key, user=shop.ann, via="page", actor=shop.ann.actor)
    else:
        cancel(row.key, by=caller_of_person(shop.bo))
    account = Account()
    errands.run_due(remote=account)
    waiting = Errand.objects.get()
    assert (waiting.tries, waiting.outcome) == (1, "There is no such alert yet.")
    account.alerts[alias] = Seen(is_acknowledged=False, is_closed=False, by="")
    Errand.objects.update(due_at=timezone.now())
    errands.run_due(remote=account)
    assert account.closed == [alias]
    assert Errand.objects.get().due_at is None


# --- The rules, without a database -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (None, "open"),
        (Seen(is_acknowledged=False, is_closed=False, by=""), "open"),
        (Seen(is_acknowledged=True, is_closed=False, by="who@example.com"), "answered"),
        (Seen(is_acknowledged=False, is_closed=True, by=""), "open"),
        (Seen(is_acknowledged=False, is_closed=True, by="Alert Policy"), "open"),
        (Seen(is_acknowledged=False, is_closed=True, by="Ann@Example.com"), "answered"),
    ],
)
def test_an_alert_that_a_rule_closed_by_itself_was_answered_by_nobody(seen, outcome):
    assert was_answered(seen, known={"ann@example.com"}).outcome == outcome


def test_only_an_alias_that_begins_with_a_key_is_a_page():
    key = "0a6f3c1e-5d6b-4f0e-9a51-7f2f7b1f0c12"
    assert str(page_of(f"page:{key}:0:4")) == str(page_of(f"page:{key}")) == key
    assert [page_of(alias) for alias in ("", "disk", "page:", f"page:{key}0", f"page:{key[:-1]}:0:4")] == [None] * 5


def test_pauses_grow_and_end_after_about_an_hour():
    pauses = [pause for tries in range(1, MOST_TRIES) if (pause := pause_after(tries)) is not None]
    assert len(pauses) == MOST_TRIES - 1
    assert pauses == sorted(pauses)
    assert timedelta(minutes=30) < sum(pauses, timedelta()) < timedelta(hours=2)
    assert pause_after(MOST_TRIES) is None

"""Reminders of analyses that are owed."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Membership
from incidents.rca.models import Rca
from incidents.rca.reminding import is_reminded, remind_of_analyses
from notifications.models import Message
from tests.factories import Shop, make_incident, make_shop, make_user

DUE = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)


def test_an_analysis_is_reminded_of_the_day_before_on_the_day_after_it_and_then_every_third_day():
    due = date(2026, 11, 26)
    assert [n for n in range(-9, 13) if is_reminded(due, today=due + timedelta(days=n))] == [-1, 0, 1, 3, 6, 9, 12]


def _owed(shop: Shop, **columns: object) -> Rca:
    incident = make_incident(shop, **columns)
    return Rca.objects.create(incident=incident, author=shop.bo, due_at=DUE)


def _told() -> dict[str, str]:
    return dict(Message.objects.filter(dedup_key__contains="rca-owed").values_list("recipient", "payload__title"))


@pytest.mark.django_db
def test_the_author_is_reminded_once_a_day_and_the_leads_too_once_it_is_over():
    shop = make_shop()
    rca = _owed(shop)
    assert remind_of_analyses(now=DUE.replace(hour=7)) == 0
    for hour in (9, 10, 15):
        remind_of_analyses(now=DUE.replace(hour=hour))
    assert _told() == {shop.bo.email: f"{rca.ref} is due today: Card payments fail"}
    Message.objects.all().delete()
    remind_of_analyses(now=DUE + timedelta(days=3))
    leads = Membership.objects.filter(team=shop.payments, is_lead=True).values_list("user__email", flat=True)
    assert set(_told()) == {shop.bo.email, *leads}
    assert set(_told().values()) == {f"{rca.ref} is 3 days over: Card payments fail"}
    text = Message.objects.latest("pk").payload["text"]
    assert text.startswith("Finish the root cause analysis now; it was due Thursday 26 November: http")


@pytest.mark.django_db
def test_what_is_done_is_not_reminded_of_and_of_what_only_a_few_may_see_nothing_is_told():
    shop = make_shop()
    stranger = make_user("out@example.com")
    done = _owed(shop)
    Rca.objects.filter(pk=done.pk).update(state="published")
    secret = _owed(shop, restricted=True, title="Keys were stolen", commander=shop.bo)
    Rca.objects.filter(pk=_owed(shop, restricted=True, title="Keys were stolen twice").pk).update(author=stranger)
    remind_of_analyses(now=DUE)
    assert _told() == {shop.bo.email: "Something that only a few may see is due today"}
    message = Message.objects.get(dedup_key__contains="rca-owed")
    assert secret.ref in message.payload["text"]
    assert "stolen" not in str(message.payload)
    assert message.subject == ""

"""A freeze is changed and leave is taken back by those who may, and both versions stay on the record."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from changes.freezes.policy import freeze_keeps_its_past
from changes.freezes.queries import freezes_at, overrides_to_confirm
from changes.freezes.recurrence import Terms
from changes.models import Freeze, FreezeOverride
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import make_freeze
from tests.freezes.test_pages import HOUR, text_of, typed
from workflow.ledger import timeline

API = "/api/v1/freezes"
NOON = timezone.now().replace(microsecond=0)
ONCE = Terms(NOON, NOON + HOUR, "", "")
WEEKLY = Terms(NOON, NOON + HOUR, "FREQ=WEEKLY", "UTC")


@pytest.mark.parametrize(
    ("before", "after", "now", "outcome"),
    [
        (ONCE, replace(ONCE, start=NOON - HOUR), NOON - HOUR, "allowed"),
        (ONCE, replace(ONCE, end=NOON + 9 * HOUR), NOON, "allowed"),
        (ONCE, replace(ONCE, start=NOON - HOUR), NOON, "refused"),
        (WEEKLY, replace(WEEKLY, end=NOON + 2 * HOUR), NOON, "refused"),
        (WEEKLY, replace(WEEKLY, rrule="FREQ=DAILY"), NOON, "refused"),
        (WEEKLY, WEEKLY, NOON, "allowed"),
    ],
)
def test_what_a_freeze_said_of_times_that_have_come_stays_so(before, after, now, outcome):
    assert freeze_keeps_its_past(before, after, now=now).outcome == outcome


def hidden(page):
    return re.findall(r'name="seen" value="([0-9a-f]{64})"', text_of(page))[0]


@pytest.fixture
def year_end(shop, ann):
    ann.post("/freezes/new", typed())
    return Freeze.objects.get()


def test_a_freeze_is_edited_on_its_page_and_both_versions_stay(year_end, ann):
    path = f"/freezes/{year_end.pk}/edit"
    page = ann.get(path)
    assert 'value="2030-12-20"' in text_of(page)
    said = typed(name="Holidays", end="2031-01-05", seen=hidden(page))
    assert ann.post(path, said)["Location"] == f"/freezes/{year_end.pk}"
    edited = Freeze.objects.get()
    assert (edited.name, edited.end - year_end.end) == ("Holidays", timedelta(days=3))
    assert edited.last_end == edited.end
    assert timeline(year_end.ref)[0].data["changed"]["name"] == ["Year end", "Holidays"]
    assert "changed it: name and first time until" in text_of(ann.get(f"/freezes/{year_end.pk}"))


def test_a_late_edit_of_a_freeze_is_shown_beside_what_was_written_first(shop, year_end, ann):
    path = f"/freezes/{year_end.pk}/edit"
    seen, api = hidden(ann.get(path)), token_client(shop.cy, "changes", "read")
    edited = api.patch(f"{API}/{year_end.pk}", {"reason": "Nobody is here.", "seen": seen}, format="json")
    assert (edited.status_code, edited.json()["reason"]) == (200, "Nobody is here.")
    late = ann.post(path, typed(reason="Everybody is away.", seen=seen))
    assert (late.status_code, "stale_edit" in text_of(late)) == (409, True)
    assert "Nobody is here." in text_of(late)
    assert text_of(late).count("Everybody is away.") == 2
    refused = api.patch(f"{API}/{year_end.pk}", {"reason": "No.", "seen": seen}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_edit")
    assert Freeze.objects.get().reason == "Nobody is here."


def test_a_freeze_is_not_edited_by_others_nor_after_its_end_nor_into_the_past(shop, year_end):
    cy, bo = (token_client(person, "changes", "read") for person in (shop.cy, shop.bo))
    path = f"{API}/{year_end.pk}"
    assert bo.patch(path, {"name": "Mine"}, format="json").json()["code"] == "may_decide_on_freeze"
    assert cy.patch(path, {"services": ["checkout"]}, format="json").json()["code"] == "may_decide_on_freeze"
    running = make_freeze()
    moved = {"start": (timezone.now() - timedelta(days=3)).isoformat()}
    assert cy.patch(f"{API}/{running.pk}", moved, format="json").json()["code"] == "freeze_keeps_its_past"
    ended = {"end": (timezone.now() - timedelta(minutes=1)).isoformat()}
    assert cy.patch(f"{API}/{running.pk}", ended, format="json").json()["code"] == "freeze_lies_ahead"
    cy.post(f"{path}/end", {}, format="json")
    assert cy.patch(path, {"name": "Too late"}, format="json").json()["code"] == "freeze_is_running"
    assert set(Freeze.objects.values_list("name", flat=True)) == {"Year end", "Black Friday"}


def test_a_page_that_is_sent_twice_declares_one_freeze_and_asks_for_one_override(shop, ann):
    token = {"csrfmiddlewaretoken": "of one showing"}
    first, again = (ann.post("/freezes/new", typed(**token))["Location"] for _ in range(2))
    assert (first, Freeze.objects.count()) == (again, 1)
    freeze = make_freeze()
    for _ in range(2):
        ann.post(f"/freezes/{freeze.pk}/override", {"reason": "It burns.", "hours": "2", **token})
    assert FreezeOverride.objects.count() == 1


@pytest.fixture
def leave(shop, ann):
    """Ann's leave to change checkout in a freeze of everything, which Cy confirmed."""
    freeze = make_freeze()
    ann.post(f"/freezes/{freeze.pk}/override", {"reason": "It burns.", "hours": "2", "services": ["checkout"]})
    override = FreezeOverride.objects.get()
    cy = token_client(shop.cy, "changes")
    cy.post(f"{API}/{freeze.pk}/confirm-override", {"override": override.pk}, format="json")
    return override


def overridden(shop):
    where = {"service_id": shop.checkout.pk, "team_id": shop.payments.pk, "environment_id": shop.production.pk}
    return [window.is_overridden for window in freezes_at(timezone.now(), **where)]


def test_leave_that_is_revoked_counts_no_longer_and_everybody_concerned_is_told(shop, ann, leave):
    assert overridden(shop) == [True]
    path = f"{API}/{leave.freeze_id}/revoke-override"
    bo, cy = (token_client(person, "changes") for person in (shop.bo, shop.cy))
    said = {"override": leave.pk, "reason": "It was put out."}
    assert bo.post(path, said, format="json").json()["code"] == "may_decide_on_freeze"
    answer = cy.post(path, said, format="json")
    assert answer.json()["overrides"][0]["revoked_by"] == "cy@example.com"
    assert overridden(shop) == [False]
    assert (
        Message.objects.filter(dedup_key__contains=":revoked:").values_list("recipient", flat=True).get()
        == "ann@example.com"
    )
    assert cy.post(path, said, format="json").json()["code"] == "override_revocable"
    page = text_of(ann.get(f"/freezes/{leave.freeze_id}"))
    assert "Revoked" in page
    assert "revoked an override" in page
    confirmed = cy.post(f"{API}/{leave.freeze_id}/confirm-override", {"override": leave.pk}, format="json")
    assert confirmed.json()["code"] == "override_is_open"


def test_who_asked_takes_the_question_back_and_nobody_is_asked_any_more(shop, ann):
    freeze = make_freeze()
    ann.post(f"/freezes/{freeze.pk}/override", {"reason": "It burns.", "hours": "2"})
    override = FreezeOverride.objects.get()
    assert "Black Friday" in text_of_now(shop.cy)
    ann.post(f"/freezes/{freeze.pk}/override/{override.pk}/revoke")
    assert not overrides_to_confirm(shop.cy, now=timezone.now()).exists()
    assert set(Message.objects.filter(topic=f"override:{override.pk}").values_list("state", flat=True)) == {"cancelled"}


def text_of_now(person):
    browser = Client()
    browser.force_login(person)
    return text_of(browser.get("/"))

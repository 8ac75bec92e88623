"""The public change log, as customers read it and as people write it."""

import json
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from changes.models import Change
from public import boundary
from public.changelog.actions import send_out_due
from public.changelog.models import Note
from public.shelf import SHELF
from tests.factories import make_ticket

HOUR = timedelta(hours=1)
TYPED = {"title": "Carts survive", "text": "On every device.", "kind": "new", "embargo_until": ""}


@pytest.fixture
def told(shop):
    """A change that customers noticed, on a public service, and that has succeeded with a public note."""
    shop.checkout.is_public = True
    shop.checkout.save()
    return make_ticket(
        shop,
        state="closed",
        outcome="succeeded",
        customer_impacting=True,
        public_note="Carts survive a sign-in. They stay on every device.",
        title="INTERNAL rewrite of cart-store",
        services=[shop.checkout, shop.ledger],
        finished_at=timezone.now(),
    ).change


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def page(path="/changelog"):
    SHELF.forget()
    return Client().get(path)


def test_a_note_that_was_filed_with_a_change_goes_out_by_itself_after_it_succeeded(shop, told):
    assert send_out_due(now=timezone.now()) == 1
    assert send_out_due(now=timezone.now()) == 0
    seen = page().content.decode()
    assert "Carts survive a sign-in" in seen
    assert "They stay on every device." in seen
    assert "Checkout" in seen
    assert "INTERNAL" not in seen
    assert "Ledger" not in seen
    entry = json.loads(page("/changelog.json").content)["results"][0]
    assert (entry["title"], entry["components"]) == ("Carts survive a sign-in", ["checkout"])
    for form in ("atom", "rss"):
        feed = page(f"/changelog.{form}").content.decode()
        assert f"/changelog/{entry['id']}" in feed
        assert "INTERNAL" not in feed
    assert page(f"/changelog/{entry['id']}").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"state": "in_progress", "outcome": ""},
        {"outcome": "rolled_back"},
        {"customer_impacting": False},
    ],
)
def test_what_did_not_work_or_concerns_nobody_outside_is_never_public(shop, told, change):
    Change.objects.filter(pk=told.pk).update(**change)
    send_out_due(now=timezone.now())
    assert "Carts survive" not in page().content.decode()


def test_a_note_vanishes_from_everywhere_when_the_change_turns_out_to_have_failed(shop, told):
    send_out_due(now=timezone.now())
    note = Note.objects.get()
    Change.objects.filter(pk=told.pk).update(outcome="rolled_back")
    assert page(f"/changelog/{note.pk}").status_code == 404
    for path in ("/changelog", "/changelog.json", "/changelog.atom", "/changelog.rss"):
        assert "Carts survive" not in page(path).content.decode()


def test_a_service_that_is_not_public_takes_its_notes_with_it(shop, told):
    send_out_due(now=timezone.now())
    shop.checkout.is_public = False
    shop.checkout.save()
    assert "Carts survive" not in page().content.decode()
    assert not boundary.notes(now=timezone.now()).exists()


def test_an_embargo_that_was_set_before_the_change_succeeds_holds_it_back(shop, told):
    Change.objects.filter(pk=told.pk).update(state="in_progress", outcome="")
    until = timezone.now() + HOUR
    signed_in(shop.bo).post(f"/public/notes/{told.ref}", TYPED | {"embargo_until": until.strftime("%Y-%m-%dT%H:%M")})
    Change.objects.filter(pk=told.pk).update(state="closed", outcome="succeeded")
    send_out_due(now=timezone.now())
    assert Note.objects.get().state == "draft"
    assert "Carts survive" not in page().content.decode()
    send_out_due(now=until + HOUR)
    assert Note.objects.get().state == "published"


def test_an_edit_of_what_was_published_is_shown_as_one_and_keeps_what_stood_before(shop, told):
    send_out_due(now=timezone.now())
    answer = signed_in(shop.bo).post(f"/public/notes/{told.ref}", TYPED | {"title": "Carts stay"}, follow=True)
    assert "Customers read it since" in answer.content.decode()
    assert "Before: Carts survive a sign-in" in answer.content.decode()
    seen = page().content.decode()
    assert "Carts stay" in seen
    assert "edited" in seen


def test_a_stranger_to_the_change_cannot_write_or_withdraw_its_note_and_loses_nothing(shop, told):
    send_out_due(now=timezone.now())
    cy = signed_in(shop.cy)
    answer = cy.post(f"/public/notes/{told.ref}", TYPED)
    assert answer.status_code == 422
    assert "may_write_public_note" in answer.content.decode()
    assert "On every device." in answer.content.decode()
    cy.post(f"/public/notes/{told.ref}/withdraw")
    assert Note.objects.get().state == "published"
    assert Note.objects.get().title == "Carts survive a sign-in"


def test_a_note_that_is_taken_back_is_gone_and_can_be_written_again(shop, told):
    send_out_due(now=timezone.now())
    bo = signed_in(shop.bo)
    bo.post(f"/public/notes/{told.ref}/withdraw")
    assert "Carts survive" not in page().content.decode()
    send_out_due(now=timezone.now())
    assert Note.objects.get().state == "withdrawn"
    bo.post(f"/public/notes/{told.ref}", TYPED)
    assert Note.objects.get().state == "published"


def test_the_queue_shows_what_customers_noticed_and_nobody_told(shop, told):
    Change.objects.filter(pk=told.pk).update(public_note="")
    bo = signed_in(shop.bo)
    assert "INTERNAL rewrite" in bo.get("/public/notes").content.decode()
    bo.post(f"/public/notes/{told.ref}/withdraw")
    assert "INTERNAL rewrite" not in bo.get("/public/notes").content.decode()


def test_a_change_that_customers_do_not_notice_has_no_public_note(shop, told):
    Change.objects.filter(pk=told.pk).update(customer_impacting=False)
    answer = signed_in(shop.bo).post(f"/public/notes/{told.ref}", TYPED)
    assert "change_may_be_told" in answer.content.decode()
    assert not Note.objects.exists()


def test_a_search_finds_words_and_components_and_says_when_nothing_fits(shop, told):
    send_out_due(now=timezone.now())
    assert "Carts survive" in page("/changelog?q=device&component=checkout").content.decode()
    assert "Nothing fits" in page("/changelog?q=zebra").content.decode()
    assert "&lt;script&gt;" in page("/changelog?q=<script>").content.decode()
    for bad in (
        "/changelog?component=ledger",
        "/changelog?cursor=%00",
        "/changelog/999999",
        "/changelog?component=%00",
    ):
        assert page(bad).status_code == 404


def test_the_last_good_copy_is_served_with_its_age_while_the_records_are_away(
    shop, told, settings, tmp_path, monkeypatch
):
    settings.PUBLIC_COPIES = str(tmp_path)
    send_out_due(now=timezone.now())
    assert "This is a copy" not in Client().get("/changelog").content.decode()

    def away(**_):
        raise OperationalError("gone")

    monkeypatch.setattr(boundary, "notes", away)
    SHELF._copies.clear()  # as in a process that was started since then
    answer = Client().get("/changelog")
    assert answer.status_code == 200
    assert "Carts survive a sign-in" in answer.content.decode()
    assert "our records do not answer at this moment" in answer.content.decode()
    assert Client().get("/changelog?q=other").status_code == 503


def test_a_page_asks_the_records_once_and_a_reader_who_has_it_is_told_so(shop, told, django_assert_num_queries):
    first = Client().get("/changelog")
    with django_assert_num_queries(0):
        again = Client().get("/changelog", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert "max-age=15" in again["Cache-Control"]


def test_a_change_log_of_any_length_takes_a_few_statements(shop, told, django_assert_max_num_queries):
    for number in range(30):
        make_ticket(
            shop,
            state="closed",
            outcome="succeeded",
            customer_impacting=True,
            public_note=f"Note {number}",
            services=[shop.checkout, shop.ledger],
        )
    assert send_out_due(now=timezone.now()) == 31
    with django_assert_max_num_queries(4):
        first = page()
    older = first.content.decode().partition('href="/changelog?cursor=')[2].partition('"')[0]
    assert (
        "Note 0" in page(f"/changelog?cursor={older}").content.decode()
        or "Carts" in page(f"/changelog?cursor={older}").content.decode()
    )

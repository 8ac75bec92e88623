"""The watch as people see it."""

from datetime import UTC, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oncall.board import dossier_of
from oncall.models import HandoverNote, Override, Schedule, SwapRequest
from oncall.paging.models import Page
from tests.factories import make_watch
from workflow.ledger import timeline

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def midnight():
    return timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def seen(answer) -> str:
    assert answer.status_code in {200, 422}
    return str(answer.content.decode())


def test_the_list_says_who_has_the_watch_now_and_next_and_what_is_mine(shop, ann):
    make_watch(shop)
    text = seen(ann.get("/oncall"))
    assert "payments_primary" in text
    assert "Covered" in text
    assert "Your next one, payments_primary, begins" in text
    Schedule.objects.get().rotations.update(end=midnight() + DAY)
    assert "gap" in seen(ann.get("/oncall"))


def test_an_empty_list_says_what_to_do_first(ann):
    assert "Begin a schedule" in seen(ann.get("/oncall"))


def test_the_page_of_a_schedule_draws_two_weeks_and_says_the_same_in_a_table(shop, ann):
    make_watch(shop)
    text = seen(ann.get("/oncall/payments-primary"))
    assert text.count('class="dl-band dl-band-') > 20
    assert "Take this shift" in text
    assert " style=" not in text
    assert "Hours carried" in text


def test_hours_carried_stand_beside_the_pages_that_came(shop, ann):
    schedule = make_watch(shop)
    asked = {"title": "The till is down", "plan": {}, "target_type": "schedule", "target": schedule.slug}
    page = Page.objects.create(**asked, state="paging", created_at=timezone.now(), next_run_at=timezone.now())
    for number, pk in enumerate((shop.ann.pk, shop.ann.pk, shop.bo.pk)):
        people = [{"id": pk, "name": "Somebody"}]
        said = {"number": number, "target": "schedule payments-primary", "state": "sent", "people": people}
        page.steps.create(**said, at=timezone.now())
    carried = {one.person.pk: one for one in dossier_of(schedule, shop.ann, now=timezone.now()).carried}
    assert (carried[shop.ann.pk].pages, carried[shop.bo.pk].pages) == (2, 1)
    assert carried[shop.ann.pk].hours > 100
    assert "Nobody can be reached" not in seen(ann.get("/oncall/payments-primary"))


def test_nobody_is_reached_where_everybody_who_has_the_watch_never_came(shop, ann, settings):
    schedule = make_watch(shop)
    for person in (shop.ann, shop.bo, shop.cy):
        person.set_unusable_password()
        person.save()
    client = Client()
    client.force_login(shop.admin)
    assert "Nobody can be reached" in seen(client.get(f"/oncall/{schedule.slug}"))
    assert "unreached" in seen(client.get("/oncall"))
    schedule.rotations.update(end=midnight() + DAY)
    assert "Cover this time myself" in seen(client.get(f"/oncall/{schedule.slug}"))


def test_a_shift_is_taken_by_a_click_and_taken_back(shop, ann):
    make_watch(shop, "bo@example.com")
    start, end = midnight() + 5 * DAY, midnight() + 6 * DAY
    said = {"start": start.isoformat(), "end": end.isoformat()}
    ann.post("/oncall/payments-primary/take", said)
    mine = Override.objects.get(user=shop.ann)
    assert (mine.start, mine.end) == (start, end)
    again = seen(ann.post("/oncall/payments-primary/take", said, follow=True))
    assert "overrides_overlap" in again
    ann.post(f"/oncall/payments-primary/overrides/{mine.pk}/cancel")
    mine.refresh_from_db()
    assert mine.cancelled_at is not None
    assert ann.post("/oncall/payments-primary/take", {"start": "x", "end": ""}).status_code == 302


def test_a_swap_is_asked_by_a_form_and_answered_by_the_other_one(shop, ann):
    make_watch(shop, "ann@example.com")
    day = midnight() + 5 * DAY
    said = {"user": "bo@example.com", "start": f"{day:%Y-%m-%d}", "start_time": "12:00", "end": f"{day:%Y-%m-%d}"}
    wrong = seen(ann.post("/oncall/payments-primary/other", {**said, "end_time": "x", "ask": "1", "reason": "Dentist"}))
    assert "Dentist" in wrong, "nothing that was typed is lost"
    ann.post("/oncall/payments-primary/other", {**said, "end_time": "18:00", "ask": "1", "reason": "Dentist"})
    swap = SwapRequest.objects.get()
    bo = Client()
    bo.force_login(shop.bo)
    assert "Ann Lee asks you to take payments_primary" in seen(bo.get("/oncall"))
    bo.post(f"/oncall/swaps/{swap.pk}/answer", {"agree": "1"})
    assert Override.objects.get(user=shop.bo).start == swap.start


def test_an_edit_shows_whose_hours_change_before_it_is_kept(shop, ann):
    schedule = make_watch(shop)
    page = seen(ann.get("/oncall/payments-primary/rotation/day"))
    assert "ann@example.com\nbo@example.com" in page
    start = midnight() - 10 * DAY
    said = {
        "participants": "ann@example.com\nbo@example.com\ncy@example.com\nnobody",
        "type": "daily",
        "length": "1",
        "start": f"{start:%Y-%m-%d}",
        "start_time": "00:00",
        "limits": "",
    }
    preview = seen(ann.post("/oncall/payments-primary/rotation/day", said))
    assert "Nothing is kept yet" in preview
    assert "Cy Rao +" in preview
    assert schedule.rotations.count() == 1
    wrong = seen(ann.post("/oncall/payments-primary/rotation/day", {**said, "limits": "nights", "keep": "1"}))
    assert "“nights” is no time" in wrong
    ann.post("/oncall/payments-primary/rotation/day", {**said, "keep": "1"})
    assert schedule.rotations.count() == 2
    assert timeline(schedule.ref)[0].verb == "changed"


def test_a_schedule_begins_with_a_form_and_goes_on_with_its_first_rotation(shop, ann):
    made = ann.post("/oncall/new", {"name": "ledger nights", "team": "payments", "time_zone": "Europe/Berlin"})
    assert made["Location"] == "/oncall/ledger-nights/rotations/new"
    said = {
        "name": "nights",
        "participants": "ann@example.com",
        "type": "weekly",
        "length": "1",
        "start": "2026-01-05",
        "start_time": "09:00",
        "limits": "22:00 to 06:00",
        "keep": "1",
    }
    assert ann.post("/oncall/ledger-nights/rotations/new", said)["Location"] == "/oncall/ledger-nights"
    rotation = Schedule.objects.get().rotations.get()
    assert rotation.restrictions == [{"start": "22:00", "end": "06:00"}]
    assert rotation.start.hour == 8, "nine on Berlin's clocks"


def test_a_note_is_left_for_the_next_one(shop, ann):
    make_watch(shop)
    ann.post("/oncall/payments-primary/note", {"text": "The queue is slow."})
    assert HandoverNote.objects.get().author == shop.ann
    assert "The queue is slow." in seen(ann.get("/oncall/payments-primary"))


def test_a_secret_link_shows_my_shifts_to_a_calendar_until_it_is_revoked(shop, ann, client):
    make_watch(shop)
    page = seen(ann.post("/oncall/links", {"schedule": ""}))
    address = page.split('id="secret">')[1].split("</code>")[0]
    stranger = Client()
    path = "/oncall/feeds/" + address.rsplit("/", 1)[1]
    feed = stranger.get(path)
    assert b"SUMMARY:Ann Lee: payments_primary" in feed.content
    assert b"Bo Okafor" not in feed.content
    ann.post(f"/oncall/links/{shop.ann.rota_links.get().pk}/revoke")
    assert stranger.get(path).status_code == 404


def test_pages_are_for_people_who_are_signed_in(shop):
    make_watch(shop)
    for path in ("/oncall", "/oncall/payments-primary", "/oncall/links", "/oncall/new"):
        assert Client().get(path).status_code == 302


def test_somebody_of_another_team_sees_the_watch_and_no_buttons(shop, client):
    make_watch(shop)
    client.force_login(shop.cy)
    text = seen(client.get("/oncall/payments-primary"))
    assert "Take this shift" not in text
    assert "may_override" in seen(client.post("/oncall/payments-primary/note", {"text": "x"}, follow=True))

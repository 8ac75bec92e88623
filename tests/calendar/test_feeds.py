"""The calendar for other programs: the API, iCalendar, and secret links."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from icalendar import Calendar

from accounts.actions import deactivate_person
from changes.calendar.feed import feed_of, plain
from changes.freezes.models import Freeze
from changes.models import CalendarLink, Change
from tests.conftest import token_client
from tests.factories import make_service, make_ticket
from workflow.models import Entry

TUESDAY = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _on_a_tuesday():
    with time_machine.travel(TUESDAY, tick=False):
        yield


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def plan(shop, title, start, **columns):
    said = {"state": "approved", "updated_at": TUESDAY, **columns}
    return make_ticket(shop, title=title, window_start=start, window_end=start + HOUR, **said)


def events(body):
    return {str(event["summary"]): event for event in Calendar.from_ical(body).walk("VEVENT")}


# --- The API ---------------------------------------------------------------------------------------------------------


def test_the_api_tells_changes_freezes_and_collisions_of_a_span(ci, shop):
    one = plan(shop, "One", at(25, 10))
    other = plan(shop, "Other", at(25, 10, 30), services=[shop.ledger], state="submitted")
    plan(shop, "Later", at(30, 10))
    Freeze.objects.create(name="Close", start=at(25, 1), end=at(25, 5), last_end=at(25, 5), is_hard=False)
    body = ci.get("/api/v1/calendar?from=2026-11-25&to=2026-11-26").json()
    assert [row["title"] for row in body["changes"]] == ["One", "Other"]
    assert body["changes"][0]["start"] == "2026-11-25T10:00:00Z"
    assert body["truncated"] is False
    assert [(row["name"], row["hard"], row["covers"]) for row in body["freezes"]] == [("Close", False, "everything")]
    (hit,) = body["collisions"]
    assert hit["changes"] == [one.change.ref, other.change.ref]
    assert (hit["reason"], hit["blocks"], hit["start"]) == ("dependency", True, "2026-11-25T10:30:00Z")


def test_without_a_span_it_is_the_next_fortnight(ci, shop):
    plan(shop, "Soon", at(30, 10))
    plan(shop, "Far", TUESDAY + timedelta(days=15))
    assert [row["title"] for row in ci.get("/api/v1/calendar").json()["changes"]] == ["Soon"]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("from=soon", "from", "invalid"),
        ("from=2026-01-01&to=2026-12-31", "to", "span_too_long"),
        ("from=2026-01-02&to=2026-01-01", "to", "invalid"),
        ("customer_impacting=perhaps", "customer_impacting", "invalid"),
        ("service=a%00", "service", "invalid"),
        ("colour=red", "colour", "unknown_parameter"),
    ],
)
def test_a_span_that_cannot_be_had_is_refused_with_the_field(ci, query, field, code):
    answer = ci.get(f"/api/v1/calendar?{query}")
    assert answer.status_code == 400
    assert (field, code) in [(error["field"], error["code"]) for error in answer.json()["errors"]]


def test_a_token_needs_the_scope_read(shop):
    client = token_client(shop.ann, "deploy")
    assert client.get("/api/v1/calendar").status_code == 403
    assert client.get("/api/v1/calendar.ics").status_code == 403


@pytest.mark.parametrize("count", [1, 20])
def test_a_span_is_a_fixed_number_of_statements(ci, shop, count, django_assert_max_num_queries):
    ci.get("/api/v1/calendar")
    for number in range(count):
        plan(shop, f"Change {number}", at(25, 10), services=[shop.checkout, shop.ledger])
    with django_assert_max_num_queries(6):
        assert len(ci.get("/api/v1/calendar").json()["changes"]) == count
    with django_assert_max_num_queries(4):
        ci.get("/api/v1/calendar.ics")


# --- iCalendar -------------------------------------------------------------------------------------------------------


def test_the_feed_is_a_calendar_of_the_filed_changes(ci, shop):
    ticket = plan(shop, "Renew, quickly; or not", at(25, 10), customer_impacting=True)
    answer = ci.get("/api/v1/calendar.ics")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    event = events(answer.content)[f"{ticket.change.ref} Renew, quickly; or not"]
    assert (event["dtstart"].dt, event["dtend"].dt) == (at(25, 10), at(25, 11))
    assert event["uid"].startswith(f"chg-{ticket.pk}@")
    assert event["status"] == "CONFIRMED"
    assert "Customers notice." in event["description"]
    assert event["url"].endswith(f"/changes/{ticket.change.ref}")


def test_every_line_is_short_ends_in_crlf_and_no_text_breaks_out_of_its_own(ci, shop):
    title = "Ärger " * 30 + "\r\nEND:VEVENT\nATTACH:http://evil.example\\n,;:\u2028"
    plan(shop, title, at(25, 10))
    body = ci.get("/api/v1/calendar.ics").content
    assert body.replace(b"\r\n", b"").count(b"\n") == 0
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    assert body.count(b"END:VEVENT") - body.count(b"\\nEND:VEVENT") == 1
    assert len(events(body)) == 1
    assert not [line for line in body.split(b"\r\n") if line.startswith(b"ATTACH")]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("submitted", "TENTATIVE"),
        ("approved", "CONFIRMED"),
        ("closed", "CONFIRMED"),
        ("withdrawn", "CANCELLED"),
        ("rejected", "CANCELLED"),
        ("expired", "CANCELLED"),
    ],
)
def test_what_is_called_off_is_cancelled_in_other_calendars_too(ci, shop, state, status):
    plan(shop, "Move", at(25, 10), state=state)
    (event,) = events(ci.get("/api/v1/calendar.ics").content).values()
    assert event["status"] == status


def test_drafts_are_nobodys_business(ci, shop):
    plan(shop, "Idea", at(25, 10), state="draft")
    assert events(ci.get("/api/v1/calendar.ics").content) == {}


def test_the_same_change_keeps_its_uid_and_its_sequence_rises_with_an_edit(ci, shop):
    ticket = plan(shop, "Move", at(25, 10))
    (before,) = events(ci.get("/api/v1/calendar.ics").content).values()
    Change.objects.filter(pk=ticket.pk).update(
        window_start=at(26, 10), window_end=at(26, 11), updated_at=TUESDAY + timedelta(minutes=1)
    )
    (after,) = events(ci.get("/api/v1/calendar.ics").content).values()
    assert before["uid"] == after["uid"]
    assert after["sequence"] > before["sequence"]
    assert after["last-modified"].dt > before["last-modified"].dt
    assert after["dtstart"].dt == at(26, 10)


def test_a_feed_can_be_narrowed(ci, shop):
    mail = make_service("mail", shop.delivery)
    plan(shop, "Mail", at(25, 10), services=[mail, shop.ledger])
    plan(shop, "Checkout", at(25, 10))
    for query, count in (("service=ledger", 1), ("team=payments", 2), ("environment=uat", 0), ("service=mail", 1)):
        assert len(events(ci.get(f"/api/v1/calendar.ics?{query}").content)) == count
    assert ci.get("/api/v1/calendar.ics?from=2026-01-01").status_code == 400


def test_control_characters_are_taken_out():
    assert plain("a\x00b\x1fc\rd\ud800") == "a b c\nd "
    assert b"BEGIN:VCALENDAR" in feed_of([], name="x\x00", now=TUESDAY)


# --- Secret links ----------------------------------------------------------------------------------------------------


def make(client, **chosen):
    page = client.post("/calendar/links", chosen).content.decode()
    return (
        page.partition("/calendar/")[2]
        and "/calendar/" + page.partition("<code>")[2].partition("</code>")[0].rpartition("/calendar/")[2]
    )


def test_a_link_shows_the_calendar_without_signing_in_and_its_secret_is_shown_once(ann, shop, client):
    plan(shop, "Checkout", at(25, 10))
    plan(shop, "Elsewhere", at(25, 10), environment=shop.uat)
    address = make(ann, environment="production")
    ann.logout()
    answer = client.get(address)
    assert answer.status_code == 200
    assert [name.partition(" ")[2] for name in events(answer.content)] == ["Checkout"]
    client.force_login(shop.ann)
    page = client.get("/calendar/links").content.decode()
    assert "Shows environment production" in page
    assert address not in page
    assert address[len("/calendar/") : -4] not in str(list(CalendarLink.objects.values()))


def test_a_revoked_link_is_gone_and_the_ledger_knows(ann, shop):
    address = make(ann)
    link = CalendarLink.objects.get()
    assert ann.get(address).status_code == 200
    assert ann.post(f"/calendar/links/{link.pk}/revoke", follow=True).status_code == 200
    assert ann.get(address).status_code == 404
    verbs = set(Entry.objects.filter(subject=shop.ann.ref).values_list("verb", flat=True))
    assert verbs >= {"calendar_link_made", "calendar_link_revoked"}


def test_nobody_revokes_the_link_of_another(ann, shop, client):
    make(ann)
    client.force_login(shop.cy)
    page = client.post(f"/calendar/links/{CalendarLink.objects.get().pk}/revoke", follow=True).content.decode()
    assert "There is no such link among yours." in page
    assert CalendarLink.objects.get().revoked_at is None


def test_the_link_of_somebody_who_left_is_gone(ann, shop):
    address = make(ann)
    deactivate_person(shop.ann, by=shop.admin)
    assert ann.get(address).status_code == 404


@pytest.mark.parametrize("secret", ["", "x", "%00", "a" * 3000, "..", "ä"])
def test_a_guessed_link_is_nothing(client, shop, secret):
    assert client.get(f"/calendar/{secret}.ics").status_code == 404


def test_use_is_noted_once_a_minute(ann, shop):
    address = make(ann)
    ann.get(address)
    assert CalendarLink.objects.get().last_used_at == TUESDAY
    with time_machine.travel(TUESDAY + timedelta(seconds=30), tick=False):
        ann.get(address)
    assert CalendarLink.objects.get().last_used_at == TUESDAY
    with time_machine.travel(TUESDAY + timedelta(seconds=61), tick=False):
        ann.get(address)
    assert CalendarLink.objects.get().last_used_at == TUESDAY + timedelta(seconds=61)


def test_a_person_has_twenty_links_at_most(ann, shop):
    for number in range(20):
        CalendarLink.objects.create(owner=shop.ann, digest=str(number))
    answer = ann.post("/calendar/links", {})
    assert answer.status_code == 422
    assert "Revoke one first" in answer.content.decode()


def test_the_secret_is_not_in_the_log(ann, shop, capfd):
    address = make(ann)
    ann.get(address)
    assert address not in "".join(capfd.readouterr())


def test_a_choice_that_does_not_exist_is_refused_beside_the_field(ann, shop):
    assert ann.post("/calendar/links", {"service": "nothing"}).status_code == 422

"""The list of changes as a CSV file."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from changes import export
from changes.export import HEADINGS
from changes.models import Change
from tests.factories import deployment, make_ticket

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)


def read(client, query=""):
    answer = client.get(f"/changes.csv{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_file_holds_what_the_list_shows_and_the_facts_of_tickets(ann, ci, shop):
    ticket = make_ticket(
        shop,
        title="Größer",
        risk="high",
        window_start=MONDAY,
        window_end=MONDAY + timedelta(hours=1),
        customer_impacting=True,
    )
    ci.post("/api/v1/deployments", deployment(), format="json")
    deploy, filed = sorted(read(ann), key=lambda row: row["origin"], reverse=True)
    assert (deploy["service"], deploy["run_id"], deploy["verdict"], deploy["requester"]) == (
        "checkout",
        "4711",
        "exempt",
        "",
    )
    assert (filed["ref"], filed["title"], filed["risk"], filed["requester"]) == (
        ticket.change.ref,
        "Größer",
        "high",
        "bo@example.com",
    )
    assert (filed["window_start"], filed["customer_impacting"]) == ("2026-11-23T10:00:00Z", "yes")
    assert filed["url"].endswith(f"/changes/{ticket.change.ref}")


def test_the_file_begins_so_that_excel_reads_its_letters(ann, shop):
    body = b"".join(ann.get("/changes.csv").streaming_content)
    assert body.startswith(b"\xef\xbb\xbfref,title,")
    assert body.decode("utf-8-sig").strip().split(",") == list(HEADINGS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " ="])
def test_no_cell_is_a_formula(ann, shop, start):
    make_ticket(shop, title=f"{start}cmd|' /C calc'!A0", public_note=f"{start}1+1")
    (row,) = read(ann)
    assert row["title"].startswith("'")
    assert row["public_note"].startswith("'")


def test_the_filters_are_those_of_the_list(ann, shop):
    make_ticket(shop, title="Small")
    make_ticket(shop, title="Large", risk="high", services=[shop.ledger, shop.checkout])
    assert [row["title"] for row in read(ann, "?risk=high&service=checkout")] == ["Large"]
    assert [row["title"] for row in read(ann, "?q=small&cursor=&page_size=1")] == ["Small"]
    page = ann.get("/changes?risk=high").content.decode()
    assert 'href="/changes.csv?risk=high"' in page


def test_every_page_of_the_list_is_in_the_file_once_in_its_order(ann, shop, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(export, "AT_ONCE", 3)
    for number in range(8):
        make_ticket(shop, title=f"Change {number}", at=MONDAY + timedelta(minutes=number // 2))
    expected = list(Change.objects.order_by("-at", "-id").values_list("title", flat=True))
    assert [row["title"] for row in read(ann)] == expected
    with django_assert_max_num_queries(2 * 3 + 2):
        read(ann)


def test_a_filter_that_cannot_be_read_is_told_as_on_the_page(ann, shop):
    answer = ann.get("/changes.csv?since=soon")
    assert answer.status_code == 400
    assert "This list cannot be shown" in answer.content.decode()


def test_a_file_is_for_those_who_are_signed_in(client, shop):
    assert client.get("/changes.csv").status_code == 302

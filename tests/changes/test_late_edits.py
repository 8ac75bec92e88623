"""Of two people who edit the same thing at once, the second sees what the first one wrote; nothing typed is lost."""

import re

import pytest
from django.test import Client

from changes.models import Change, Template, Ticket
from tests.conftest import token_client
from tests.preapproved.people import Team, make_team
from tests.tickets.test_api import URL, body
from tests.tickets.test_filing_pages import typed


@pytest.fixture
def ref(shop):
    """A draft of Bo's."""
    return token_client(shop.bo, "changes").post(URL, body(), format="json").json()["ref"]


def hidden(page):
    return re.findall(r'name="seen" value="([0-9a-f]{64})"', page.content.decode())[0]


def saved(**changed):
    return {**typed(), "do": "save", **changed}


def test_a_late_edit_of_a_change_is_shown_beside_what_was_written_first_and_not_saved_over_it(shop, ref, client):
    ann, bo = Client(), client
    ann.force_login(shop.ann)
    bo.force_login(shop.bo)
    path = f"/changes/{ref}/edit"
    theirs, mine = hidden(ann.get(path)), hidden(bo.get(path))
    assert ann.post(path, saved(seen=theirs, description="Ann's own words.")).status_code == 302
    late = bo.post(path, saved(seen=mine, description="Bo's own words."))
    page = late.content.decode()
    assert late.status_code == 409
    assert "stale_edit" in page
    assert "What Ann Lee wrote" in page
    assert "Ann&#x27;s own words." in page
    assert page.count("Bo&#x27;s own words.") == 2, "beside hers, and still in the form"
    assert Ticket.objects.get().description == "Ann's own words."
    # Having seen hers, Bo decides.
    assert bo.post(path, saved(seen=hidden(late), description="Both words.")).status_code == 302
    assert Ticket.objects.get().description == "Both words."


def test_what_nobody_approves_is_not_written_over_either(shop, ref):
    api = token_client(shop.bo, "changes", "read")
    seen = api.get(f"{URL}/{ref}").json()["edition"]
    first = api.patch(f"{URL}/{ref}", {"public_note": "Payments may be slow.", "seen": seen}, format="json")
    assert first.status_code == 200
    late = api.patch(f"{URL}/{ref}", {"public_note": "All is well.", "seen": seen}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "stale_edit")
    assert Change.objects.get().public_note == "Payments may be slow."
    again = api.patch(f"{URL}/{ref}", {"public_note": "All is well.", "seen": first.json()["edition"]}, format="json")
    assert again.status_code == 200
    assert api.patch(f"{URL}/{ref}", {"title": "Another"}, format="json").status_code == 200, "who does not say"


def test_a_late_edit_of_a_template_is_refused_on_its_page_and_in_the_api(shop, client):
    team: Team = make_team(shop)
    team.propose()
    path, api = "/templates/rotate-keys", token_client(shop.bo, "changes", "read")
    client.force_login(shop.bo)
    page = client.get(f"{path}/edit")
    seen = hidden(page)
    assert api.get(f"/api/v1{path}").json()["edition"] == seen
    team.change(team.dan, reason="They leaked.")
    form = page.context["form"]
    said = {name: value for name, value in form.initial.items() if value is not None and value is not False}
    late = client.post(f"{path}/edit", {**said, "reason": "They are old.", "seen": seen})
    text = late.content.decode()
    assert (late.status_code, "stale_edit" in text, "What Dan" in text) == (409, True, True)
    assert "They leaked." in text
    assert text.count("They are old.") == 2
    answer = api.patch(f"/api/v1{path}", {"reason": "They are old.", "seen": seen}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_edit")
    assert Template.objects.get().reason == "They leaked."

"""The ways to Opsgenie: the API, the pages and the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from oncall.providers.native import Native
from oncall.sync import tasks
from oncall.sync.models import Plan
from tests.conftest import token_client
from tests.opsgenie_simulator.seeds import KEY, people, week


@pytest.fixture
def kept_there(simulator, shop):
    """A schedule that only Opsgenie knows, and somebody who is not here."""
    people(simulator.account, "stranger@x.io")
    turns = [week("ann@example.com", "bo@example.com")]
    body = {"name": "theirs", "timezone": "Europe/Berlin", "ownerTeam": {"name": "Payments"}, "rotations": turns}
    return simulator.account.add_schedule(body)


def told(*words):
    said = io.StringIO()
    call_command("opsgenie", *words, stdout=said)
    return said.getvalue()


def test_the_api_plans_applies_in_the_background_and_tells_how_far_it_is(shop, kept_there):
    api = token_client(shop.admin, "oncall")
    planned = api.post("/api/v1/opsgenie/plan", {"direction": "import"}, format="json")
    assert planned.status_code == 201
    said = planned.json()
    assert (said["state"], [one["kind"] for one in said["operations"]]) == ("planned", ["add", "add"])
    assert said["unmatched_people"] == [{"email": "stranger@x.io", "name": "Stranger", "missing": "here"}]
    address = f"/api/v1/opsgenie/plans/{said['id']}"
    accepted = api.post(f"{address}/apply", {}, format="json")
    assert (accepted.status_code, accepted.json()["state"]) == (202, "applying")
    tasks.mind_plans()
    done = api.get(address).json()
    assert (done["state"], {one["state"] for one in done["operations"]}) == ("applied", {"done"})
    assert "theirs" in Native().schedules()
    assert api.post(f"{address}/apply", {}, format="json").status_code == 409


def test_the_api_says_no_to_who_may_not_and_what_is_no_direction(shop, kept_there):
    wrong = token_client(shop.admin, "oncall").post("/api/v1/opsgenie/plan", {"direction": "up"}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "direction")
    asked = {"direction": "import"}
    assert token_client(shop.bo, "oncall").post("/api/v1/opsgenie/plan", asked, format="json").status_code == 403
    assert token_client(shop.admin, "read").post("/api/v1/opsgenie/plan", asked, format="json").status_code == 403


def test_an_opsgenie_that_is_away_is_a_503_and_a_missing_key_says_what_to_set(shop, simulator, settings):
    api = token_client(shop.admin, "oncall")
    simulator.account.switches["die_after"] = 0
    away = api.post("/api/v1/opsgenie/plan", {"direction": "push"}, format="json")
    assert (away.status_code, away.json()["code"]) == (503, "provider_unanswered")
    assert int(away["Retry-After"]) > 0
    settings.OPSGENIE_API_KEY = ""
    unset = api.post("/api/v1/opsgenie/plan", {"direction": "push"}, format="json")
    assert unset.status_code == 409
    assert "OPSGENIE_API_KEY" in unset.json()["detail"]


def test_a_lead_reads_a_plan_on_a_page_and_lets_it_be_applied(shop, kept_there, client):
    client.force_login(shop.admin)
    assert "Connected, region" in client.get("/oncall/opsgenie").content.decode()
    went = client.post("/oncall/opsgenie/plan", {"direction": "import"})
    page = client.get(went["Location"]).content.decode()
    assert "Europe/Berlin" in page
    assert "stranger@x.io" in page
    assert KEY not in page
    client.post(f"{went['Location']}/apply", {"confirm": ""})
    tasks.mind_plans()
    assert Plan.objects.get().state == "applied"
    assert "2 of 2 done" in client.get(went["Location"]).content.decode()


def test_the_page_says_what_is_wrong_with_the_connection_and_who_may_not_see_it(shop, simulator, client, settings):
    client.force_login(shop.bo)
    assert client.get("/oncall/opsgenie").status_code == 403
    client.force_login(shop.ann)
    simulator.account.key = "another"
    page = client.get("/oncall/opsgenie").content.decode()
    assert "does not let OPSGENIE_API_KEY do this" in page
    refused = client.post("/oncall/opsgenie/plan", {"direction": "push"})
    assert refused.status_code == 422


def test_the_command_imports_and_then_finds_no_drift(shop, kept_there):
    said = told("import")
    assert "+ schedule theirs (local)" in said
    assert "is applied" in said
    assert "Nothing that is kept here was changed" in told("drift")
    assert "0 to do" in told("plan")
    with pytest.raises(CommandError, match="Name the plan"):
        told("apply", "none")

"""The ways to Opsgenie: the API, the pages and the command line."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from oncall.providers.native import Native
from oncall.sync import queries, tasks
from oncall.sync.models import Look, Plan
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


def seen(client, path, **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_plan_is_made_applied_and_followed_on_a_page_while_workers_do_the_work(shop, kept_there, client, settings):
    client.force_login(shop.admin)
    began = client.post("/oncall/opsgenie/plan", {"direction": "import"})
    assert Plan.objects.get().remote_hash == ""
    page = seen(client, began["Location"])
    assert "A worker finds out what would be done" in page
    assert 'hx-trigger="every 2s"' in page
    tasks.mind_plans()
    page = seen(client, began["Location"], HX_Request="true")
    assert "<html" not in page, "the page fetches its own middle"
    assert "Adds 2." in page
    assert "Europe/Berlin" in page
    assert "stranger@x.io" in page
    assert KEY not in page
    client.post(f"{began['Location']}/apply", {"confirm": ""})
    tasks.mind_plans()
    assert Plan.objects.get().state == "applied"
    page = seen(client, began["Location"])
    assert "2 of 2 done" in page
    assert "Both sides say the same" in page
    assert "every 2s" not in page


def test_the_page_shows_the_last_answer_with_its_age_and_never_asks_opsgenie_itself(shop, kept_there, client, settings):
    client.force_login(shop.bo)
    assert client.get("/oncall/opsgenie").status_code == 403
    assert client.get("/oncall/opsgenie/people").status_code == 403
    client.force_login(shop.ann)
    assert "asked for the first time" in seen(client, "/oncall/opsgenie")
    tasks.mind_plans()
    page = seen(client, "/oncall/opsgenie")
    assert "Connected." in page
    assert "1 schedule and 4 people there" in page
    assert "stranger@x.io" in seen(client, "/oncall/opsgenie/people")
    Look.objects.update(answered_at=timezone.now() - timedelta(hours=2))
    client.post("/oncall/opsgenie/ask")
    assert "A worker asks now" in seen(client, "/oncall/opsgenie")
    settings.OPSGENIE_API_URL = "http://127.0.0.1:9"
    Look.objects.update(mark=queries.key_mark())
    tasks.mind_plans()
    page = seen(client, "/oncall/opsgenie")
    assert "did not answer" in page
    assert "This is old" in page
    assert client.get("/oncall").status_code == 200
    settings.OPSGENIE_API_KEY = ""
    assert "Set OPSGENIE_API_KEY" in seen(client, "/oncall/opsgenie")


def test_a_key_that_does_not_work_is_said_at_the_first_look(shop, simulator, client):
    simulator.account.key = "another"
    tasks.mind_plans()
    client.force_login(shop.ann)
    assert "does not let OPSGENIE_API_KEY do this" in seen(client, "/oncall/opsgenie")
    began = client.post("/oncall/opsgenie/plan", {"direction": "push"})
    tasks.mind_plans()
    page = seen(client, began["Location"])
    assert "Plan again." in page
    assert "Go on" not in page
    assert client.post("/oncall/opsgenie/plan", {"direction": "up"}).status_code == 422


def test_the_command_imports_and_then_finds_no_drift(shop, kept_there):
    said = told("import")
    assert "+ schedule theirs (local)" in said
    assert "is applied" in said
    assert "Nothing that is kept here was changed" in told("drift")
    assert "0 to do" in told("plan")
    with pytest.raises(CommandError, match="Name the plan"):
        told("apply", "none")

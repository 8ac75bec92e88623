"""Monitoring says that something is wrong, in whatever order and however often: it is one incident."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from incidents.models import Incident
from tests.conftest import token_client
from workflow.ledger import timeline


@pytest.fixture
def probe(shop):
    """Monitoring, with a token of Ann's."""
    return token_client(shop.ann, "incidents", "read")


def send(client, status="firing", **changed):
    body = {
        "source": "circonus",
        "dedup_key": "slow",
        "status": status,
        "title": "Slow",
        "service": "ledger",
        **changed,
    }
    return client.post("/api/v1/alerts", body, format="json")


def test_an_alert_opens_an_incident_and_what_comes_again_joins_it_until_it_is_over(shop, probe):
    first = send(probe, detected_at=(timezone.now() - timedelta(minutes=3)).isoformat(), url="https://probe/1")
    assert (first.status_code, first.json()) == (202, {"incident": first.json()["incident"], "deduplicated": False})
    ref = first.json()["incident"]
    incident = Incident.objects.get()
    assert (incident.severity, incident.detection_source, incident.state) == ("sev3", "alert", "triage")
    assert incident.sources["detected_at"]["evidence"] == "https://probe/1"
    assert send(probe).json() == {"incident": ref, "deduplicated": True}
    assert send(probe, "resolved").json() == {"incident": ref, "deduplicated": True}
    assert [entry.verb for entry in timeline(ref)].count("alert_resolved") == 1
    incident.refresh_from_db()
    assert incident.state == "triage"
    assert send(probe).json() == {"incident": ref, "deduplicated": True}
    assert send(probe, dedup_key="other").json()["incident"] != ref
    probe.post(f"/api/v1/incidents/{ref}/cancel", {"reason": "Noise."}, format="json")
    assert send(probe).json()["deduplicated"] is False
    assert Incident.objects.count() == 3


def test_whatever_the_order_of_the_same_messages_there_is_one_incident(shop, probe):
    began = (timezone.now() - timedelta(minutes=3)).isoformat()
    for number, order in enumerate(permutations(("firing", "firing", "resolved"))):
        for status in order:
            assert send(probe, status, dedup_key=f"order-{number}", detected_at=began).status_code == 202
        assert Incident.objects.count() == number + 1, order


def test_what_is_wrong_in_an_alert_is_refused_by_its_field(shop, probe):
    for changed, status, field in (
        ({"service": "nothing"}, 422, "services"),
        ({"status": "green"}, 422, "status"),
        ({"dedup_key": " "}, 422, "dedup_key"),
        ({"title": ""}, 422, "title"),
        ({"url": "javascript:alert(1)"}, 422, "url"),
        ({"detected_at": "noon"}, 422, "detected_at"),
        ({"details": []}, 422, "details"),
    ):
        answer = send(probe, **changed)
        assert answer.status_code == status, answer.content
        assert field in {error["field"] for error in answer.json()["errors"]}, answer.content
    assert not Incident.objects.exists()
    assert send(token_client(shop.ann, "incidents", services=["checkout"])).json()["code"] == "token_limits"


def test_alertmanager_is_taken_alert_by_alert_and_one_that_is_wrong_never_sinks_the_others(shop, probe):
    labels = {"alertname": "Slow", "service": "checkout", "severity": "critical"}
    alert: dict[str, Any] = {"status": "firing", "labels": labels}
    alert |= {
        "annotations": {"summary": "Checkout is slow"},
        "startsAt": timezone.now().isoformat(),
        "fingerprint": "f1",
    }
    over = {**alert, "status": "resolved", "endsAt": timezone.now().isoformat()}
    lost = {**alert, "labels": {**labels, "service": "nothing"}, "fingerprint": "f2"}
    body = {"version": "4", "status": "firing", "alerts": [alert, lost, over]}
    answer = probe.post("/api/v1/hooks/alertmanager", body, format="json")
    assert answer.status_code == 202
    first, second, third = answer.json()["results"]
    assert (first["deduplicated"], first["error"], third["deduplicated"]) == (False, None, True)
    assert first["incident"] == third["incident"]
    assert (second["incident"], "nothing" in second["error"]) == (None, True)
    incident = Incident.objects.get()
    assert (incident.title, incident.severity) == ("Checkout is slow", "sev2")
    for wrong in ({"alerts": [lost]}, {"alerts": [{"status": "firing", "labels": {}}]}, {"alerts": "x"}, {}):
        assert probe.post("/api/v1/hooks/alertmanager", wrong, format="json").status_code == 422


def test_alertmanager_may_show_a_secret_instead_of_a_token_and_can_do_nothing_else_with_it(shop, settings):
    settings.OPSGENIE_WEBHOOK_SECRET = ["first-secret", "second-secret"]
    alert = {"status": "firing", "labels": {"alertname": "Slow", "service": "checkout"}, "fingerprint": "f1"}
    client = APIClient()

    def post(path, secret, body):
        return client.post(f"/api/v1/{path}", body, format="json", HTTP_X_DECKLOG_SECRET=secret)

    assert post("hooks/alertmanager", "wrong", {"alerts": [alert]}).status_code == 401
    for secret in settings.OPSGENIE_WEBHOOK_SECRET:
        answer = post("hooks/alertmanager", secret, {"alerts": [alert]})
        assert answer.status_code == 202, answer.content
    assert Incident.objects.get().declared_by is None
    assert post("alerts", "first-secret", {}).status_code == 401

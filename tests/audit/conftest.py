"""A little history with every kind of change in it, and the pack about it."""

import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.callers import Caller, caller_of_person
from accounts.models import Membership
from changes.audit.making import Made, make_pack
from changes.audit.population import Scope
from changes.tickets import deciding, doing, filing
from changes.tickets.content import Draft
from tests.factories import Shop, deployment, make_user
from workflow.ledger import seal_batch

NOTHING = dict.fromkeys(("irreversible", "customer_downtime", "data_migration", "no_automated_rollback"), False)


def seal() -> None:
    """Seal everything, as if all of it had settled."""
    assert seal_batch(now=timezone.now() + timedelta(minutes=1))


def draft(**said: Any) -> Draft:
    now = timezone.now()
    whole = Draft(
        title="=Raise the “pool” of connections",
        services=("checkout",),
        reason="The pool ran dry twice: ä €",
        risk_answers={**NOTHING, "first_time": False},
        test_evidence="Ran a day on UAT.",
        rollback_plan="Set it back.",
        rollback_minutes=5,
        verification_plan="Watch the waiting time.",
        window_start=now - timedelta(minutes=1),
        window_end=now + timedelta(hours=2),
    )
    return replace(whole, **said)


def callers(shop: Shop) -> tuple[Caller, Caller, Caller]:
    """Ann, Bo and Dee, who are all of Payments."""
    dee = make_user("dee@example.com", "Dee <b>Dee</b>")
    Membership.objects.create(team=shop.payments, user=dee, since=timezone.now() - timedelta(days=9))
    Membership.objects.update(since=timezone.now() - timedelta(days=9))
    return caller_of_person(shop.ann), caller_of_person(shop.bo), caller_of_person(dee)


@pytest.fixture
def history(shop: Shop, ci: APIClient) -> Shop:
    """CHG of a person, approved twice because it was edited, carried out and reviewed; two deploys; an emergency."""
    ann, bo, dee = callers(shop)
    ref = filing.file_change(draft(), by=ann).ref
    filing.submit_change(ref, by=ann)
    deciding.approve_change(ref, by=bo, note="Looks right.")
    filing.amend_change(ref, {"rollback_minutes": 6}, by=ann)
    deciding.approve_change(ref, by=bo)
    doing.start_change(ref, by=ann)
    doing.finish_change(ref, by=ann, outcome="succeeded_with_issues", note="<script>alert(1)</script>")
    doing.review_change(ref, by=dee, note="Fine.", answers={"as_planned": False})
    rejected = filing.file_change(draft(title="Drop everything"), by=ann).ref
    filing.submit_change(rejected, by=ann)
    deciding.reject_change(rejected, by=bo, reason="No.")
    filing.file_change(draft(type="emergent", title="Restart it"), by=bo)
    assert ci.post("/api/v1/deployments", deployment(), format="json").status_code == 201
    seal()
    ahead = (timezone.now() + timedelta(hours=1)).isoformat()
    unproven = deployment(run_id="4712", service="ledger", evidence=None, started_at=None, finished_at=ahead)
    assert ci.post("/api/v1/deployments", unproven, format="json").status_code == 201
    seal()
    return shop


def scope(**said: Any) -> Scope:
    now = timezone.now()
    whole = Scope(since=now - timedelta(days=1), until=now + timedelta(days=3), services=(), sample=3, seed="seed")
    return replace(whole, **said)


def made(place: Path, wanted: Scope) -> Made:
    """The pack, zipped at `place`."""
    return make_pack(wanted, place, progress=lambda done, total: None)


@pytest.fixture
def folder(history: Shop, tmp_path: Path) -> Path:
    """The pack about all of it, unpacked."""
    made(tmp_path / "pack.zip", scope())
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    return tmp_path / "pack"

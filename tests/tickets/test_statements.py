"""How often the pages of changes and their twins in the API ask the database, when everything comes together."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership, User
from changes.models import Change, FreezeOverride, Pipeline, Review, Template, Ticket
from changes.tickets import deciding, filing
from changes.tickets.risk_policy import RISK_QUESTIONS
from notifications.models import Message
from tests.changes.test_pages import log
from tests.conftest import token_client
from tests.factories import SHA, Shop, make_freeze, make_service, make_template, make_ticket, make_user

pytestmark = pytest.mark.django_db

MOST = 12
WORDS = dict.fromkeys(("description", "reason", "test_evidence", "rollback_plan", "verification_plan"), "So it is.")


def asked(client: Any, path: str) -> int:
    """How many statements a page takes, who is signed in included."""
    with CaptureQueriesContext(connection) as said:
        answer = client.get(path)
        b"".join(answer) if answer.streaming else answer.content
    assert answer.status_code == 200, (path, answer.content[:300])
    return len(said)


def too_many(people: list[User], paths: list[str]) -> list[str]:
    """Which of these pages take more statements than a page may, for whom."""
    found = []
    for person in people:
        client = Client()
        client.force_login(person)
        counted = [(path, asked(client, path)) for path in paths]
        found += [f"{path} asks {count} times for {person}" for path, count in counted if count > MOST]
    return found


@pytest.fixture
def dee(shop: Shop) -> User:
    """Another member of Payments; everybody got their role long ago, and one of them wrote what is deployed."""
    dee, eli = make_user("dee@example.com", "Dee Fox"), make_user("eli@example.com", "Eli Roe")
    for person in (dee, eli):
        Membership.objects.create(team=shop.payments, user=person)
    Membership.objects.update(since=timezone.now() - timedelta(days=9))
    return dee


def freeze_with_leave(shop: Shop, number: int) -> None:
    """A hard freeze of a service and a team, with leave for another service, some of it not confirmed."""
    soon = timezone.now() + timedelta(hours=4)
    freeze = make_freeze(name=f"Quiet {number}", end=soon)
    freeze.services.add(shop.checkout)
    freeze.teams.add(shop.delivery)
    for confirmed in (shop.admin, None):
        override = FreezeOverride.objects.create(
            freeze=freeze, requested_by=shop.ann, reason="A leak.", expires_at=soon, confirmed_by=confirmed,
            confirmed_at=timezone.now() if confirmed else None,
        )  # fmt: skip
        override.services.add(shop.ledger)


@pytest.fixture
def everything(shop: Shop, dee: User) -> Ticket:
    """A submitted change of Bo with everything on it, more than once; its states can follow."""
    now = timezone.now()
    # Its commit was deployed, so who wrote that is known from the deploy too.
    log(token_client(shop.ann, "deploy"), sha=SHA, commits=[{"sha": SHA, "author": "admin@example.com"}])
    mail = make_service("mail", shop.delivery, tier=2)
    window = {"window_start": now + timedelta(minutes=5), "window_end": now + timedelta(hours=2)}
    ticket = make_ticket(
        shop, state="submitted", services=[shop.ledger, mail], risk="high", sha=SHA, incident="INC-7",
        rollback_minutes=5, commits=[{"sha": "abc1234", "author": "Eli@example.com"}],
        risk_answers=dict.fromkeys(RISK_QUESTIONS, True), **window, **WORDS,
    )  # fmt: skip
    ref = ticket.change.ref
    by_token = token_client(shop.bo, "changes").patch(f"/api/v1/changes/{ref}", {"reason": "Late."}, format="json")
    assert by_token.status_code == 200, by_token.content
    deciding.approve_change(ref, by=caller_of_person(shop.ann))
    filing.amend_change(ref, {"rollback_plan": "Another way."}, by=caller_of_person(shop.bo))
    deciding.approve_change(ref, by=caller_of_person(dee))
    for number in range(3):
        freeze_with_leave(shop, number)
        make_ticket(shop, services=[mail, shop.ledger, shop.checkout], state="approved", implementer=dee, **window)
    template = make_template(shop, state="approved")
    Ticket.objects.filter(pk=ticket.pk).update(template=template)
    return ticket


def test_a_change_with_everything_on_it_is_a_dozen_statements_for_everybody_in_every_state(everything, shop, dee):
    now, ref = timezone.now(), everything.change.ref
    people = [shop.bo, dee, shop.cy, shop.admin, make_user("out@example.com", "Outsider")]
    ended = {"started_at": now, "finished_at": now, "outcome": "failed"}
    states: dict[str, dict[str, Any]] = {
        "submitted": {},
        "draft": {},
        "approved": {},
        "in_progress": {},
        "finished": {"review_due_at": now + timedelta(hours=3), **ended},
        "closed": {"review_due_at": None},
    }
    found = []
    for state, columns in states.items():
        Change.objects.filter(pk=everything.pk).update(state=state, **columns)
        if state == "closed":
            Review.objects.create(change=everything.change, reviewer=dee, actor=dee.actor, note="Well.", at=now)
        told = too_many(people, [f"/changes/{ref}", f"/api/v1/changes/{ref}"])
        by_token = asked(token_client(shop.cy, "read"), f"/api/v1/changes/{ref}")
        found += [f"{state}: {one}" for one in told] + ([f"{state}: {by_token} by token"] if by_token > MOST else [])
    assert found == [], "\n".join(found)


def test_every_other_page_of_changes_is_a_dozen_statements_too(everything, shop, dee):
    bad = {"status": "failed", "sha": SHA, "evidence": None}
    commits = [{"sha": SHA, "author": "eli@example.com", "reviewed_by": ["dee@example.com"]}]
    ref = log(token_client(shop.ann, "deploy"), run_id="bad", commits=commits, **bad)
    for number in range(3):
        make_ticket(shop, state="finished", outcome="failed", review_due_at=timezone.now() + timedelta(hours=number))
        make_ticket(shop, state="submitted", requester=shop.cy, sha=SHA, title=f"Change {number}")
        proposed = make_template(shop, slug=f"proposed-{number}", state="proposed")
        assert isinstance(proposed, Template)
    override = FreezeOverride.objects.filter(confirmed_at=None).first()
    assert override
    pages = [
        *("/queue", "/changes", "/changes?service=ledger&risk=high", "/changes/new", f"/changes/{ref}"),
        "/changes/new?type=emergent",
        *("/templates", "/templates/rotate-keys", "/templates/proposed-1", "/freezes"),
        *(
            f"/freezes/{override.freeze_id}",
            "/freezes/new",
            "/templates/new",
            "/pipelines",
            "/pipelines/checkout-deploy",
            "/pipelines/new",
        ),
        *("/calendar", "/calendar?month=2026-12", "/insights", "/insights?service=ledger", "/calendar/links"),
        *("/insights/ledger/change-fail-rate", "/audit", "/policy/four_eyes", "/settings/tokens"),
    ]
    of_admins = ["/settings/teams", "/settings/teams/payments", "/settings/services", "/settings/services/ledger"]
    of_admins += ["/settings/people", f"/settings/people/{dee.pk}", "/delivery", "/settings/environments"]
    twins = [
        *("changes", f"changes/{ref}", f"changes/{everything.change.ref}/timeline", f"deployments/{ref}", "freezes"),
        *(f"freezes/{override.freeze_id}", "templates", "templates/rotate-keys", "services", "teams"),
        *("pipelines/checkout-deploy", "environments", "calendar", "metrics/delivery?service=ledger"),
    ]
    api = [f"/api/v1/{path}" for path in twins]
    found = too_many([shop.ann, dee, shop.admin], pages + api) + too_many([shop.admin], of_admins)
    assert found == [], "\n".join(found)


def fill_what_waits(shop: Shop, dee: User) -> None:
    """A thing of each kind that waits, for people of several teams and for administrators who belong to one."""
    now = timezone.now()
    Membership.objects.create(team=shop.payments, user=shop.admin, is_lead=True)
    Membership.objects.update(since=now - timedelta(days=9))
    log(token_client(shop.ann, "deploy"), run_id="bad", status="failed", sha=SHA, evidence=None)
    log(token_client(shop.ann, "deploy"), run_id="new", pipeline="nobody", sha=SHA, service="ledger")
    Pipeline.objects.create(slug="ledger-deploy", state="proposed", registered_by=shop.cy).services.add(shop.ledger)
    dead = {"channel": "email", "state": "dead", "due_at": now, "deadline_at": now, "created_at": now}
    Message.objects.create(dedup_key="dead", recipient="x@example.com", **dead)
    for number in range(3):
        make_ticket(shop, state="finished", outcome="failed", review_due_at=now + timedelta(hours=number))
        make_ticket(shop, state="submitted", requester=shop.cy, sha=SHA, title=f"Change {number}")
        make_ticket(shop, state="approved", implementer=dee, window_start=now, window_end=now + timedelta(hours=1))
        make_template(shop, slug=f"proposed-{number}", state="proposed")


def test_now_and_the_queue_are_a_dozen_statements_with_everything_waiting(everything, shop, dee):
    fill_what_waits(shop, dee)
    found = too_many([shop.ann, dee, shop.admin, shop.bo], ["/", "/queue"])
    assert found == [], "\n".join(found)
    client = Client()
    client.force_login(shop.admin)
    waiting = client.get("/queue").content.decode()
    for what in ("Approve the template", "Confirm what", "Confirm an override of", "Prove", "Review", "could not be"):
        assert what in waiting, what

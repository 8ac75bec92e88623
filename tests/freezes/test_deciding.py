"""Who declares, ends and overrides a freeze, whichever door they come through."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.freezes import actions, queries
from changes.freezes.actions import Wish
from changes.freezes.content import Declared
from changes.freezes.models import Freeze, FreezeOverride, Hold
from changes.freezes.policy import ALLOWED, Standing, may_decide_on_freeze
from notifications.models import Message
from tests.conftest import token_client
from tests.factories import make_shop
from workflow.errors import RuleViolation
from workflow.ledger import timeline

API = "/api/v1/freezes"
HOUR = timedelta(hours=1)


def declared(**changed):
    now = timezone.now().replace(microsecond=0)
    return Declared(**{"name": "Year end", "start": now - HOUR, "end": now + 24 * HOUR, **changed})


def declare(person, **changed):
    return actions.declare_freeze(declared(**changed), by=caller_of_person(person))


def ask(freeze, person, *services, hours=8, reason="Security fix"):
    wish = Wish(reason, timezone.now() + hours * HOUR, services)
    return actions.ask_override(freeze.pk, wish, by=caller_of_person(person))


def confirm(freeze, override, person):
    return actions.confirm_override(freeze.pk, override.pk, by=caller_of_person(person))


def end(freeze, person):
    return actions.end_freeze(freeze.pk, by=caller_of_person(person))


def refusal(work, *args, **kwargs):
    with pytest.raises(RuleViolation) as caught:
        work(*args, **kwargs)
    return caught.value.code


# --- The rule, without a database ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "wide", "scoped"),
    [
        (Standing(is_admin=False, leads_covered=False, leads_any=False), False, False),
        (Standing(is_admin=False, leads_covered=False, leads_any=True), True, False),
        (Standing(is_admin=False, leads_covered=True, leads_any=True), True, True),
        (Standing(is_admin=True, leads_covered=False, leads_any=False), True, True),
    ],
)
def test_leads_of_covered_teams_and_administrators_decide_and_any_lead_about_everything(standing, wide, scoped):
    assert (may_decide_on_freeze(standing, is_wide=True).outcome == ALLOWED) is wide
    assert (may_decide_on_freeze(standing, is_wide=False).outcome == ALLOWED) is scoped


# --- Declaring and ending --------------------------------------------------------------------------------------------


def test_a_lead_of_any_team_freezes_everything_and_only_a_lead_of_its_team_a_service(shop):
    assert declare(shop.cy).created_by == shop.cy
    assert refusal(declare, shop.cy, services=["checkout"]) == "may_decide_on_freeze"
    assert refusal(declare, shop.cy, teams=["payments"]) == "may_decide_on_freeze"
    assert refusal(declare, shop.bo) == "may_decide_on_freeze"
    assert declare(shop.ann, services=["checkout"]).services.get() == shop.checkout
    assert Freeze.objects.count() == 2


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"name": " "}, "required", "name"),
        ({"services": ["no-such"]}, "unknown_service", "services"),
        ({"teams": ["no-such"]}, "unknown_team", "teams"),
        ({"environments": ["mars"]}, "unknown_environment", "environments"),
        ({"rrule": "FREQ=SECONDLY", "time_zone": "UTC"}, "recurrence", "rrule"),
        ({"rrule": "FREQ=DAILY"}, "time_zone_needed", "time_zone"),
        ({"rrule": "FREQ=DAILY", "time_zone": "Mars/Olympus"}, "time_zone_needed", "time_zone"),
    ],
)
def test_a_freeze_that_cannot_be_is_refused_beside_its_field(shop, changed, code, field):
    with pytest.raises(RuleViolation) as caught:
        declare(shop.ann, **changed)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert not Freeze.objects.exists()


def test_the_past_is_not_frozen_afterwards(shop):
    now = timezone.now()
    assert refusal(declare, shop.ann, start=now - 2 * HOUR, end=now - HOUR) == "freeze_lies_ahead"
    assert refusal(declare, shop.ann, start=now + HOUR, end=now) == "freeze_ends_after_start"


def test_a_freeze_that_is_ended_frees_changes_at_once_and_cannot_be_ended_again(shop):
    freeze = declare(shop.ann)
    where = {"service_id": shop.checkout.pk, "team_id": shop.payments.pk, "environment_id": shop.production.pk}
    assert queries.freezes_at(timezone.now(), **where)

    assert refusal(end, freeze, shop.bo) == "may_decide_on_freeze"
    end(freeze, shop.cy)

    assert not queries.freezes_at(timezone.now(), **where)
    assert refusal(end, freeze, shop.ann) == "freeze_is_running"
    assert refusal(ask, freeze, shop.ann) == "freeze_is_running"
    assert [entry.verb for entry in timeline(freeze.ref)] == ["ended", "declared"]


# --- Overrides -------------------------------------------------------------------------------------------------------


def test_an_override_counts_once_another_person_confirmed_it(shop):
    freeze = declare(shop.ann)
    override = ask(freeze, shop.ann, "checkout")
    where = {"team_id": shop.payments.pk, "environment_id": shop.production.pk}
    assert queries.freezes_at(timezone.now(), service_id=shop.checkout.pk, **where)[0].forbids

    confirm(freeze, override, shop.cy)

    assert not queries.freezes_at(timezone.now(), service_id=shop.checkout.pk, **where)[0].forbids
    assert queries.freezes_at(timezone.now(), service_id=shop.ledger.pk, **where)[0].forbids
    assert queries.freezes_at(override.expires_at, service_id=shop.checkout.pk, **where)[0].forbids


def test_nobody_confirms_what_they_asked_for_administrators_included(shop):
    freeze = declare(shop.ann)
    for person in (shop.ann, shop.admin):
        assert refusal(confirm, freeze, ask(freeze, person), person) == "four_eyes"
    assert not FreezeOverride.objects.filter(confirmed_at__isnull=False).exists()


def test_who_leads_no_covered_team_neither_asks_nor_confirms(shop):
    freeze = declare(shop.ann, services=["checkout"])
    assert refusal(ask, freeze, shop.cy) == "may_decide_on_freeze"
    override = ask(freeze, shop.ann)
    assert refusal(confirm, freeze, override, shop.cy) == "may_decide_on_freeze"
    assert refusal(confirm, freeze, override, shop.bo) == "may_decide_on_freeze"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"reason": "  "}, "required"),
        ({"hours": 24 * 7 + 1}, "override_is_short"),
        ({"hours": -1}, "override_is_short"),
    ],
)
def test_an_override_needs_a_reason_and_an_end_within_seven_days(shop, wish, code):
    assert refusal(ask, declare(shop.ann), shop.ann, **wish) == code


def test_an_override_is_only_for_what_is_frozen_hard(shop):
    assert refusal(ask, declare(shop.ann, is_hard=False), shop.ann) == "nothing_to_override"
    freeze = declare(shop.ann, services=["ledger"])
    assert refusal(ask, freeze, shop.ann, "checkout") == "not_covered"
    assert refusal(ask, freeze, shop.ann, "no-such") == "unknown_service"


def test_an_override_that_nobody_else_could_confirm_is_refused_when_it_is_asked_for(shop):
    freeze = declare(shop.ann, services=["checkout"])
    type(shop.admin).objects.filter(pk=shop.admin.pk).update(is_active=False)
    assert refusal(ask, freeze, shop.ann) == "quorum_unsatisfiable"

    Membership.objects.filter(user=shop.bo).update(is_lead=True)
    assert ask(freeze, shop.ann).pk


def test_an_override_is_confirmed_once_and_before_it_expires(shop):
    freeze = declare(shop.ann)
    override = ask(freeze, shop.ann)
    confirm(freeze, override, shop.cy)
    assert refusal(confirm, freeze, override, shop.admin) == "override_is_open"

    late = ask(freeze, shop.ann)
    FreezeOverride.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    assert refusal(confirm, freeze, late, shop.cy) == "override_is_open"


def test_those_who_can_confirm_are_asked_and_the_leads_of_the_teams_are_told(shop):
    freeze = declare(shop.ann)
    override = ask(freeze, shop.cy, "checkout")
    asked = Message.objects.filter(topic=f"override:{override.pk}")
    assert {message.recipient for message in asked} == {"ann@example.com", "admin@example.com"}
    assert "Security fix" in asked[0].payload["text"]

    confirm(freeze, override, shop.admin)

    assert {message.state for message in asked.all()} == {"cancelled"}
    told = Message.objects.get(dedup_key__contains="confirmed")
    assert told.recipient == "ann@example.com"
    assert f"/freezes/{freeze.pk}" in told.payload["text"].splitlines()[0]


def test_the_ledger_keeps_who_asked_and_who_confirmed(shop):
    freeze = declare(shop.ann)
    confirm(freeze, ask(freeze, shop.ann), shop.cy)
    told = [(entry.verb, entry.actor, entry.rule) for entry in reversed(timeline(freeze.ref))]
    assert told == [
        ("declared", shop.ann.actor, ""),
        ("override_asked", shop.ann.actor, ""),
        ("override_confirmed", shop.cy.actor, "four_eyes"),
    ]


# --- What tickets and the calendar ask -------------------------------------------------------------------------------


def test_a_planned_time_needs_leave_for_every_service_until_it_is_over(shop):
    freeze = declare(shop.ann)
    confirm(freeze, ask(freeze, shop.ann, "checkout", hours=4), shop.cy)

    def over(hours, *services):
        ids, now = [service.pk for service in services], timezone.now()
        found = queries.freezes_over(now, now + hours * HOUR, service_ids=ids, environment_id=shop.production.pk)
        return [window.is_overridden for window in found]

    assert over(2, shop.checkout) == [True]
    assert over(2, shop.checkout, shop.ledger) == [False]
    assert over(5, shop.checkout) == [False]
    end(freeze, shop.ann)
    assert over(2, shop.checkout) == []


def test_the_calendar_sees_every_time_with_what_it_covers(shop, django_assert_max_num_queries):
    now = timezone.now().replace(microsecond=0)
    weekly = {"rrule": "FREQ=WEEKLY", "time_zone": "UTC", "start": now, "end": now + HOUR}
    declare(shop.ann, name="Weekly", services=["checkout"], environments=["production"], **weekly)
    declare(shop.cy, name="All", start=now + HOUR, end=now + 2 * HOUR)
    with django_assert_max_num_queries(4):
        found = queries.all_windows(now, now + timedelta(days=15))
    assert [(window.name, window.covers) for window in found] == [
        ("Weekly", "checkout in production"),
        ("All", "everything"),
        ("Weekly", "checkout in production"),
        ("Weekly", "checkout in production"),
    ]


def test_a_service_is_held_once_for_each_source_and_released_by_it(shop):
    now = timezone.now()
    first = actions.hold_service(shop.checkout, source="INC-3", reason="Payments fail", at=now)
    assert actions.hold_service(shop.checkout, source="INC-3", reason="Again", at=now) == first
    actions.hold_service(shop.checkout, source="INC-4", reason="Slow", at=now)
    actions.hold_service(shop.ledger, source="INC-3", reason="Payments fail", at=now)
    assert [hold.source for hold in queries.open_holds([shop.checkout.pk])] == ["INC-3", "INC-4"]

    assert actions.release_holds("INC-3", at=now, services=[shop.ledger]) == 1
    assert actions.release_holds("INC-3", at=now) == 1
    assert actions.release_holds("INC-3", at=now) == 0

    assert [hold.source for hold in queries.open_holds([shop.checkout.pk, shop.ledger.pk])] == ["INC-4"]
    assert Hold.objects.count() == 3
    assert [entry.verb for entry in timeline(shop.checkout.ref)] == ["released", "held", "held"]


# --- Through the API -------------------------------------------------------------------------------------------------


def body(**changed):
    now = timezone.now().replace(microsecond=0)
    said = {"name": "Year end", "start": (now - HOUR).isoformat(), "end": (now + 24 * HOUR).isoformat(), **changed}
    return {name: value for name, value in said.items() if value is not None}


@pytest.fixture
def api(shop):
    return token_client(shop.ann, "changes", "read")


def test_a_script_declares_reads_overrides_and_ends_a_freeze(shop, api):
    made = api.post(API, body(environments=["production"], rrule="FREQ=DAILY", time_zone="UTC"), format="json")
    assert made.status_code == 201, made.content
    freeze = made.json()
    assert (freeze["hard"], freeze["in_force"], freeze["environments"], freeze["last_end"]) == (
        True,
        True,
        ["production"],
        None,
    )
    assert freeze["url"].endswith(f"/freezes/{freeze['id']}")
    assert [row["id"] for row in api.get(API).json()["results"]] == [freeze["id"]]

    wish = {"reason": "Security fix", "expires_at": (timezone.now() + HOUR).isoformat(), "services": ["checkout"]}
    asked = api.post(f"{API}/{freeze['id']}/override", wish, format="json").json()
    word = {"override": asked["id"]}
    own = api.post(f"{API}/{freeze['id']}/confirm-override", word, format="json")
    assert (own.status_code, own.json()["code"]) == (403, "four_eyes")
    other = token_client(shop.cy, "changes").post(f"{API}/{freeze['id']}/confirm-override", word, format="json")
    assert (other.status_code, other.json()["overrides"][0]["confirmed_by"]) == (200, "cy@example.com")

    ended = api.post(f"{API}/{freeze['id']}/end", {"reason": "All is well"}, format="json").json()
    assert (ended["in_force"], ended["next"], bool(ended["ended_at"])) == (False, None, True)
    assert api.get(f"{API}/{freeze['id']}").json() == ended


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [
        ({"start": None}, "invalid", "start"),
        ({"start": "2026-11-24T09:00:00"}, "invalid", "start"),
        ({"hard": "yes"}, "invalid", "hard"),
        ({"services": "checkout"}, "invalid", "services"),
        ({"services": ["no-such"]}, "unknown_service", "services"),
        ({"time_zone": "Mars/Olympus"}, "unknown_time_zone", "time_zone"),
        ({"rrule": "FREQ=DAILY;COUNT=1000000000", "time_zone": "UTC"}, "recurrence", "rrule"),
        ({"name": "x" * 121}, "invalid", "name"),
    ],
)
def test_a_body_that_is_wrong_is_refused_beside_its_field(api, changed, code, field):
    answer = api.post(API, body(**changed), format="json")
    assert (answer.status_code, answer.json()["code"], answer.json()["errors"][0]["field"]) == (422, code, field)
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(
    "changed", [{}, {"services": ["ledger"]}, {"teams": ["payments"]}, {"services": ["checkout", "ledger"]}]
)
def test_a_token_that_is_limited_to_a_service_freezes_nothing_else(shop, changed):
    limited = token_client(shop.ann, "changes", services=["checkout"])
    answer = limited.post(API, body(**changed), format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_limits")
    assert limited.post(API, body(services=["checkout"]), format="json").status_code == 201


@pytest.mark.parametrize("path", ["999", "999/override", "999/confirm-override", "999/end"])
def test_a_freeze_that_does_not_exist_is_not_found(shop, api, path):
    said = {"override": 1, "reason": "x", "expires_at": (timezone.now() + HOUR).isoformat()}
    answer = api.post(f"{API}/{path}", said, format="json") if "/" in path else api.get(f"{API}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_list_costs_the_same_whatever_its_length(shop, api, django_assert_max_num_queries):
    for number in range(12):
        freeze = declare(shop.ann, name=f"Freeze {number}", environments=["production"])
        confirm(freeze, ask(freeze, shop.ann, "checkout"), shop.cy)
    with django_assert_max_num_queries(8):
        assert len(api.get(API).json()["results"]) == 12


@pytest.mark.postgres_only
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_confirm_an_override_at_once_one_is_written_down(transactional_db):
    shop = make_shop()
    freeze = declare(shop.ann)
    override = ask(freeze, shop.ann)
    start, outcomes = threading.Barrier(2), []

    def run(person):
        start.wait()
        try:
            outcomes.append(confirm(freeze, override, person).confirmed_by.name)
        except RuleViolation as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(person,)) for person in (shop.cy, shop.admin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(outcomes) == {"override_is_open", str(FreezeOverride.objects.get().confirmed_by)}

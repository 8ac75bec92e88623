"""Trust in a pipeline takes two people, whichever door they come through."""

import threading

import pytest
from django.db import connection

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.models import Pipeline
from changes.pipelines import registration
from changes.pipelines.queries import possible_confirmers
from changes.pipelines.registration import Terms, terms_of
from changes.pipelines.states import MOVES
from tests.conftest import token_client
from tests.factories import deployment, make_service, make_shop, make_user
from workflow.errors import RuleViolation
from workflow.ledger import timeline
from workflow.transitions import is_legal

TERMS = Terms("Ledger deploy", ["ledger"], ["production"], ["tests"])


def register(shop, *, by=None, slug="ledger-deploy", terms=TERMS):
    return registration.register_pipeline(slug, terms, by=caller_of_person(by or shop.ann))


def confirm(pipeline, *, by, seen=None):
    seen = seen or terms_of(Pipeline.objects.get(pk=pipeline.pk)).digest
    return registration.confirm_pipeline(pipeline.slug, seen=seen, by=caller_of_person(by))


def change(pipeline, terms, *, by):
    return registration.change_pipeline(pipeline.slug, terms, by=caller_of_person(by))


def refusal(work, *args, **kwargs):
    with pytest.raises(RuleViolation) as caught:
        work(*args, **kwargs)
    return caught.value.code


def state_of(pipeline):
    return Pipeline.objects.get(pk=pipeline.pk).state


def test_a_registered_pipeline_is_trusted_once_another_person_confirmed_it(shop):
    pipeline = register(shop)
    assert state_of(pipeline) == "proposed"

    confirm(pipeline, by=shop.bo)

    trusted = Pipeline.objects.get(slug="ledger-deploy")
    assert (trusted.state, trusted.registered_by, trusted.confirmed_by) == ("trusted", shop.ann, shop.bo)


def test_nobody_confirms_what_they_registered_administrators_included(shop):
    for person, slug in ((shop.ann, "ledger-deploy"), (shop.admin, "edge-deploy")):
        pipeline = register(shop, by=person, slug=slug)
        assert refusal(confirm, pipeline, by=person) == "four_eyes"
        assert state_of(pipeline) == "proposed"


def test_a_second_account_with_the_same_mailbox_confirms_nothing_of_the_first(shop):
    twin = make_user("ann+second@example.com", "Anna")
    Membership.objects.create(team=shop.payments, user=twin, is_lead=True)
    pipeline = register(shop)
    assert refusal(confirm, pipeline, by=twin) == "four_eyes"
    said = {"seen": terms_of(Pipeline.objects.get(pk=pipeline.pk)).digest}
    answer = token_client(twin, "changes").post(f"{API}/{pipeline.slug}/confirm", said, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "four_eyes")
    assert state_of(pipeline) == "proposed"


def test_nobody_confirms_what_they_changed_last(shop):
    pipeline = register(shop)
    change(pipeline, Terms("", ["ledger"], ["production"], ["rollback"]), by=shop.bo)

    assert refusal(confirm, pipeline, by=shop.bo) == "four_eyes"
    confirm(pipeline, by=shop.ann)

    assert state_of(pipeline) == "trusted"


def test_a_pipeline_that_must_prove_something_else_waits_for_a_second_person_again(shop):
    change(shop.pipeline, Terms("", ["checkout"], ["production"], ["tests"]), by=shop.ann)

    changed = Pipeline.objects.get(pk=shop.pipeline.pk)
    assert (changed.state, changed.confirmed_by, changed.confirmed_at) == ("proposed", None, None)


def test_a_new_name_alone_costs_no_trust(shop):
    change(shop.pipeline, Terms("New name", ["checkout"], ["production"], shop.pipeline.requires), by=shop.ann)

    changed = Pipeline.objects.get(pk=shop.pipeline.pk)
    assert (changed.state, changed.name) == ("trusted", "New name")


def test_a_change_while_somebody_looks_voids_the_confirmation_they_were_about_to_give(shop):
    pipeline = register(shop)
    seen = terms_of(pipeline).digest
    change(pipeline, Terms("", ["ledger"], ["production", "uat"], ["tests"]), by=shop.ann)

    assert refusal(confirm, pipeline, by=shop.bo, seen=seen) == "stale_approval"
    assert state_of(pipeline) == "proposed"


def test_people_without_a_service_of_it_neither_register_nor_change_nor_confirm(shop):
    assert refusal(register, shop, by=shop.cy) == "may_register_pipeline"
    assert not Pipeline.objects.filter(slug="ledger-deploy").exists()
    pipeline = register(shop)
    assert refusal(confirm, pipeline, by=shop.cy) == "may_register_pipeline"
    assert refusal(change, pipeline, Terms("", ["ledger"], ["uat"], ["tests"]), by=shop.cy) == "may_register_pipeline"


def test_one_hand_in_one_service_is_not_enough_for_a_pipeline_over_other_teams_services(shop):
    edge = make_service("edge", shop.delivery)
    both = Terms("", ["ledger", "edge"], ["production"], ["tests"])
    with pytest.raises(RuleViolation, match="not in the team that owns edge") as caught:
        register(shop, terms=both)
    assert caught.value.code == "may_register_pipeline"
    assert refusal(change, shop.pipeline, Terms("", ["checkout", "edge"], ["uat"], ["tests"]), by=shop.ann) == (
        "may_register_pipeline"
    )
    shop.pipeline.services.add(edge)
    less = Terms("", ["checkout"], ["production"], ["tests"])
    assert refusal(change, shop.pipeline, less, by=shop.ann) == "may_register_pipeline"
    pipeline = register(shop, terms=both, by=shop.admin)
    assert refusal(confirm, pipeline, by=shop.bo) == "may_register_pipeline"
    assert possible_confirmers(pipeline) == []
    Membership.objects.create(team=shop.delivery, user=shop.bo)
    assert possible_confirmers(pipeline) == [shop.bo]
    confirm(pipeline, by=shop.bo)
    assert state_of(pipeline) == "trusted"


def test_a_pipeline_cannot_be_named_like_the_page_where_pipelines_are_registered(shop):
    assert refusal(register, shop, slug="new") == "slug_is_free"
    assert not Pipeline.objects.filter(slug="new").exists()


def test_an_administrator_confirms_what_others_registered(shop):
    confirm(register(shop), by=shop.admin)
    assert Pipeline.objects.get(slug="ledger-deploy").confirmed_by == shop.admin


def test_a_pipeline_that_logged_before_it_was_registered_keeps_its_deploys(shop, ci):
    ref = ci.post("/api/v1/deployments", deployment(pipeline="ledger-deploy", service="ledger"), format="json").json()
    assert ref["verdict"]["rule"] == "unregistered_pipeline_unproven"

    pipeline = register(shop)

    assert pipeline.changes.count() == 1
    assert state_of(pipeline) == "proposed"


def test_a_pipeline_is_registered_once(shop):
    assert refusal(register, shop, slug="checkout-deploy") == "already_registered"
    assert state_of(shop.pipeline) == "trusted"


@pytest.mark.parametrize(
    ("terms", "code", "field"),
    [
        (Terms("", ["ledger"], ["production"], []), "known_checks", "requires"),
        (Terms("", ["ledger"], ["production"], ["astrology"]), "known_checks", "requires"),
        (Terms("", ["ledger"], [], ["tests"]), "scope_needed", "environments"),
        (Terms("", ["ledger", "nope"], ["production"], ["tests"]), "unknown_service", "services"),
        (Terms("", ["ledger"], ["mars"], ["tests"]), "unknown_environment", "environments"),
    ],
)
def test_terms_that_prove_nothing_or_name_nothing_are_refused_beside_their_field(shop, terms, code, field):
    with pytest.raises(RuleViolation) as caught:
        register(shop, terms=terms)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert not Pipeline.objects.filter(slug="ledger-deploy").exists()


def test_a_suspended_pipeline_needs_two_people_to_come_back(shop):
    Pipeline.objects.update(state="suspended")
    assert refusal(confirm, shop.pipeline, by=shop.bo) == "transition_illegal"

    change(shop.pipeline, terms_of(shop.pipeline), by=shop.bo)
    assert refusal(confirm, shop.pipeline, by=shop.bo) == "four_eyes"
    confirm(shop.pipeline, by=shop.ann)

    assert state_of(shop.pipeline) == "trusted"


def test_the_ledger_keeps_who_registered_changed_and_confirmed(shop):
    pipeline = register(shop)
    change(pipeline, Terms("", ["ledger"], ["uat"], ["tests"]), by=shop.bo)
    confirm(pipeline, by=shop.ann)

    told = [(entry.verb, entry.actor, entry.rule) for entry in reversed(timeline(pipeline.ref))]
    assert told == [
        ("registered", shop.ann.actor, ""),
        ("changed", shop.bo.actor, ""),
        ("confirmed", shop.ann.actor, "four_eyes"),
    ]


def test_a_second_confirmation_is_told_that_somebody_was_faster(shop):
    pipeline = register(shop)
    confirm(pipeline, by=shop.bo)
    assert refusal(confirm, pipeline, by=shop.admin) == "transition_illegal"
    assert Pipeline.objects.get(slug="ledger-deploy").confirmed_by == shop.bo


def test_every_state_of_a_pipeline_has_its_moves_and_trust_needs_a_proposal():
    assert set(MOVES) == set(Pipeline.State.values)
    assert [start for start in MOVES if is_legal(MOVES, start, "trusted")] == ["proposed"]


@pytest.mark.postgres_only
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_confirm_at_once_one_is_written_down(transactional_db):
    shop = make_shop()
    pipeline = register(shop)
    start, outcomes = threading.Barrier(2), []

    def run(person):
        start.wait()
        try:
            outcomes.append(confirm(pipeline, by=person).state)
        except RuleViolation as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(person,)) for person in (shop.bo, shop.admin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["transition_illegal", "trusted"]
    assert [entry.verb for entry in timeline(pipeline.ref)].count("confirmed") == 1


# --- The same rules through the API ----------------------------------------------------------------------------------

API = "/api/v1/pipelines"
BODY = {"slug": "ledger-deploy", "services": ["ledger"], "environments": ["production"], "requires": ["tests"]}


def test_a_script_registers_and_another_person_s_script_confirms(shop):
    first, second = token_client(shop.ann, "changes", "read"), token_client(shop.bo, "changes", "read")
    made = first.post(API, BODY, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "proposed")

    digest = second.get(f"{API}/ledger-deploy").json()["terms_digest"]
    confirmed = second.post(f"{API}/ledger-deploy/confirm", {"seen": digest}, format="json")

    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "trusted")
    assert confirmed.json()["confirmed_by"] == "bo@example.com"


def test_a_token_never_helps_its_owner_past_four_eyes(shop):
    register(shop)
    digest = terms_of(Pipeline.objects.get(slug="ledger-deploy")).digest
    answer = token_client(shop.ann, "changes").post(f"{API}/ledger-deploy/confirm", {"seen": digest}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "four_eyes")
    assert Pipeline.objects.get(slug="ledger-deploy").state == "proposed"


@pytest.mark.parametrize(
    ("who", "scopes", "changed", "refusal"),
    [
        ("cy", ["changes"], {}, (403, "may_register_pipeline")),
        ("ann", ["deploy", "read"], {}, (403, "permission_denied")),
        ("ann", ["changes"], {"slug": "checkout-deploy"}, (409, "already_registered")),
        ("ann", ["changes"], {"requires": ["astrology"]}, (422, "known_checks")),
        ("ann", ["changes"], {"requires": []}, (422, "invalid")),
        ("ann", ["changes"], {"services": "ledger"}, (422, "invalid")),
        ("ann", ["changes"], {"services": ["nope", "ledger"]}, (422, "unknown_service")),
        ("ann", ["changes"], {"slug": "a b"}, (422, "invalid")),
    ],
)
def test_a_registration_is_refused_with_the_same_code_as_on_the_page(shop, who, scopes, changed, refusal):
    answer = token_client(getattr(shop, who), *scopes).post(API, {**BODY, **changed}, format="json")
    assert (answer.status_code, answer.json()["code"]) == refusal, answer.content
    assert not Pipeline.objects.filter(slug="ledger-deploy").exists()


@pytest.mark.parametrize("body", ["[]", "null", "7", '"requires"', "[{}]"])
def test_a_change_that_is_no_object_is_malformed(shop, body):
    client = token_client(shop.ann, "changes")
    answer = client.patch(f"{API}/checkout-deploy", body.encode(), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "not_an_object")
    assert state_of(shop.pipeline) == "trusted"


def test_a_token_limited_to_one_service_registers_nothing_for_another(shop):
    client = token_client(shop.ann, "changes", services=["checkout"])
    answer = client.post(API, BODY, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_limits")


def test_a_script_that_changes_one_term_keeps_the_others_and_the_pipeline_waits_again(shop):
    answer = token_client(shop.bo, "changes").patch(f"{API}/checkout-deploy", {"requires": ["tests"]}, format="json")
    body = answer.json()
    assert (body["state"], body["requires"], body["services"]) == ("proposed", ["tests"], ["checkout"])
    assert body["registered_by"] == "bo@example.com"


@pytest.mark.parametrize("path", ["nothing", "nothing/confirm"])
def test_a_pipeline_that_does_not_exist_is_not_found(shop, path):
    client = token_client(shop.ann, "changes", "read")
    answer = client.post(f"{API}/{path}", {"seen": "x"}, format="json") if "/" in path else client.get(f"{API}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_operators_file_is_held_to_four_eyes_too(shop):
    pipeline = register(shop)
    assert refusal(registration.accept, pipeline, confirmer=shop.ann.pk, actor="system") == "four_eyes"

"""What a person sees and does about pipelines."""

import os
import subprocess

import pytest
import yaml

from accounts.actions import TokenTerms, create_token
from catalog.models import Service
from changes.models import Change, Pipeline
from changes.pipelines.registration import terms_of
from changes.pipelines.snippets import SNIPPETS
from tests.changes.test_pages import first, log, seen
from tests.factories import SHA, deployment, make_service, make_user

REGISTRATION = {
    "slug": "ledger-deploy",
    "name": "Ledger deploy",
    "services": ["ledger"],
    "environments": ["production"],
    "requires": ["tests", "rollback"],
}


def snippet_on(client, slug, tool="curl"):
    page = client.get(f"/pipelines/{slug}?snippet={tool}").content.decode()
    return first(r'<pre class="dl-code" id="snippet"[^>]*>(.*?)</pre>', page)


def confirm(client, slug, seen_terms=None):
    digest = seen_terms or terms_of(Pipeline.objects.get(slug=slug)).digest
    return client.post(f"/pipelines/{slug}/confirm", {"seen": digest}, follow=True)


def propose(client, **changed):
    return client.post("/pipelines/new", {**REGISTRATION, **changed}, follow=True)


# --- The board -------------------------------------------------------------------------------------------------------


def test_the_board_opens_with_a_sentence_about_trust(ann, ci):
    log(ci, pipeline="ledger-deploy", service="ledger")
    propose(ann, slug="uat-deploy")
    text = seen(ann.get("/pipelines"))
    assert "1 of 3 are trusted, 1 waits for a second person, 1 is not registered." in text


def test_a_pipeline_that_logged_without_being_registered_shows_how_to_register_it(ann, ci):
    log(ci, pipeline="ledger-deploy", service="ledger")
    page = ann.get("/pipelines")
    assert "Not registered" in seen(page)
    assert 'href="/pipelines/new?slug=ledger-deploy"' in page.content.decode()
    form = ann.get("/pipelines/new?slug=ledger-deploy").content.decode()
    assert 'value="ledger-deploy"' in form
    assert '<option value="ledger" selected>' in form


def test_the_last_verdicts_are_drawn_oldest_first_with_the_same_facts_in_words(ann, ci):
    for number in range(3):
        log(ci, run_id=str(number))
    log(ci, run_id="9", commits=None, evidence={"tests": {"passed": 1, "failed": 1, "sha": SHA}})
    page = ann.get("/pipelines").content.decode()
    assert "Last 4 verdicts: 3 exempt, 1 unproven. The newest is unproven." in page
    assert 'href="/changes?pipeline=checkout-deploy&amp;verdict=unproven"' in page


@pytest.mark.parametrize("count", [5, 60])
def test_the_board_asks_the_database_as_often_for_60_pipelines_as_for_5(
    ann, ci, shop, count, django_assert_max_num_queries
):
    for number in range(count):
        pipeline = Pipeline.objects.create(slug=f"pipeline-{number}", registered_by=shop.ann)
        pipeline.services.add(shop.checkout)
        pipeline.environments.add(shop.production)
        log(ci, pipeline=pipeline.slug)
    with django_assert_max_num_queries(8):
        page = ann.get("/pipelines")
    assert page.content.decode().count('class="dl-title"') == count + 1


# --- Registration through the browser --------------------------------------------------------------------------------


def test_one_person_registers_and_another_confirms(ann, client, shop):
    told = seen(propose(ann))
    assert "ledger-deploy waits for a second person. Bo Okafor or Ada Min can confirm it." in told
    assert "You said what it must prove, so somebody else must confirm it." in told
    assert "Confirm what ledger-deploy must prove" not in told

    client.force_login(shop.bo)
    assert "Confirm what ledger-deploy must prove" in seen(client.get("/pipelines/ledger-deploy"))
    text = seen(confirm(client, "ledger-deploy"))

    assert "ledger-deploy is trusted." in text
    assert "Ann Lee said what it must prove; Bo Okafor confirmed it" in text


@pytest.mark.parametrize(("who", "rule"), [("ann", "four_eyes"), ("cy", "may_register_pipeline")])
def test_a_confirmation_by_the_wrong_person_is_refused_with_its_rule(ann, client, shop, who, rule):
    propose(ann)
    client.force_login(getattr(shop, who))
    assert f"Rule {rule}." in seen(confirm(client, "ledger-deploy"))
    assert Pipeline.objects.get(slug="ledger-deploy").state == "proposed"


def test_a_confirmation_of_terms_that_have_changed_since_is_refused(ann, client, shop):
    propose(ann)
    old = terms_of(Pipeline.objects.get(slug="ledger-deploy")).digest
    edited = {key: value for key, value in REGISTRATION.items() if key != "slug"}
    ann.post("/pipelines/ledger-deploy/edit", {**edited, "requires": ["tests"]})
    client.force_login(shop.bo)
    assert "Rule stale_approval." in seen(confirm(client, "ledger-deploy", old))
    assert Pipeline.objects.get(slug="ledger-deploy").state == "proposed"


def test_a_change_of_what_must_be_proved_needs_a_second_person_again(ann, shop):
    edited = {"services": ["checkout"], "environments": ["production"], "requires": ["tests"]}
    text = seen(ann.post("/pipelines/checkout-deploy/edit", edited, follow=True))
    assert "checkout-deploy waits for a second person. Bo Okafor or Ada Min can confirm it." in text
    assert Pipeline.objects.get(slug="checkout-deploy").state == "proposed"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"requires": []}, "This is needed."),
        ({"requires": ["astrology"]}, "astrology"),
        ({"services": []}, "This is needed."),
        ({"environments": ["mars"]}, "mars"),
        ({"slug": "checkout-deploy"}, "is registered. Change it on its page instead."),
        ({"slug": "spaces are wrong"}, "Enter a valid"),
    ],
)
def test_a_wrong_registration_says_so_beside_the_field_and_loses_nothing(ann, wrong, complaint):
    answer = ann.post("/pipelines/new", {**REGISTRATION, **wrong})
    assert answer.status_code == 200
    assert complaint in seen(answer)
    assert 'value="Ledger deploy"' in answer.content.decode()
    assert not Pipeline.objects.filter(slug="ledger-deploy").exists()


def test_a_registration_for_services_of_another_team_is_refused_with_its_rule(client, shop):
    client.force_login(shop.cy)
    answer = client.post("/pipelines/new", REGISTRATION)
    assert "may_register_pipeline" in seen(answer)
    assert not Pipeline.objects.filter(slug="ledger-deploy").exists()


def test_who_can_do_nothing_about_a_pipeline_is_told_who_can(client, shop, ann):
    propose(ann)
    client.force_login(shop.cy)
    text = seen(client.get("/pipelines/ledger-deploy"))
    assert "Only somebody of the teams that own all of its services, or an administrator, can confirm it." in text
    assert "Bo Okafor or Ada Min can." in text
    assert "To change this, ask somebody of the teams that own all of its services" in seen(
        client.get("/pipelines/checkout-deploy")
    )


def test_nobody_confirms_by_following_a_link(ann, client, shop):
    propose(ann)
    client.force_login(shop.bo)
    assert client.get("/pipelines/ledger-deploy/confirm").status_code == 405
    assert Pipeline.objects.get(slug="ledger-deploy").state == "proposed"


# --- One pipeline ----------------------------------------------------------------------------------------------------


def test_the_page_tells_what_arrived_and_what_became_of_it(ann, ci):
    ref = log(ci, status="started", finished_at=None, evidence=None)
    log(ci)
    text = seen(ann.get("/pipelines/checkout-deploy"))
    assert "Started, run 4711" in text
    assert f"{ref} : Proof pending. Still to come: tests, smoke test, rollback." in text
    assert "Finished (succeeded), run 4711" in text
    assert "Exempt. 3 of 3 checks passed." in text


def test_the_history_of_verdicts_goes_on_page_by_page(ann, ci):
    for number in range(25):
        log(ci, run_id=str(number))
    page = ann.get("/pipelines/checkout-deploy").content.decode()
    assert page.count('class="dl-title"') == 20
    older = first(r'href="([^"]+)" rel="next"', page)
    assert ann.get(older.partition("#")[0]).content.decode().count('class="dl-title"') == 5


@pytest.mark.parametrize("path", ["/pipelines/nothing", "/pipelines/checkout-deploy?cursor=abc", "/pipelines/a%00b"])
def test_what_does_not_exist_is_a_page_not_found(ann, path):
    assert ann.get(path).status_code == 404


def test_a_pipeline_page_asks_the_database_at_most_12_times(ann, ci, django_assert_max_num_queries):
    for number in range(30):
        log(ci, run_id=str(number))
    with django_assert_max_num_queries(12):
        ann.get("/pipelines/checkout-deploy")


# --- Snippets --------------------------------------------------------------------------------------------------------


@pytest.fixture
def everything_required(db, shop):
    Pipeline.objects.update(
        requires=["reviewed_commits", "tests", "artifact", "smoke_test", "rollback", "no_freeze"],
    )


@pytest.fixture
def served(live_server, settings, shop, client):
    """A server that answers at its own address, and Ann signed in to it."""
    settings.BASE_URL = live_server.url
    client.force_login(shop.ann)
    return client


FROM_STEPS = {
    "TESTS_PASSED": "412",
    "TESTS_FAILED": "0",
    "SMOKE": "passed",
    "DIGEST": "sha256:" + "ab" * 32,
    "AUTHOR": "ann@example.com",
    "REVIEWER": "bo@example.com",
}
OF_THE_TOOL = {
    "curl": {"RUN_ID": "r-1", "SHA": SHA, "VERSION": "2.14.0"},
    "github": {"RUN_ID": "r-1", "ATTEMPT": "2", "SHA": SHA, "VERSION": "main", "STATUS": "succeeded"},
    "gitlab": {"CI_JOB_ID": "r-1", "CI_COMMIT_SHA": SHA, "CI_COMMIT_REF_NAME": "main", "CI_JOB_STATUS": "success"},
    "jenkins": {"BUILD_NUMBER": "r-1", "GIT_COMMIT": SHA, "BUILD_DISPLAY_NAME": "#1", "RESULT": "SUCCESS"},
}


def shell_in(tool, text):
    """The commands that the tool would hand to its shell."""
    if tool == "github":
        return yaml.safe_load(text)[0]["run"]
    if tool == "gitlab":
        return yaml.safe_load(text)["deploy"]["after_script"][0]
    if tool == "jenkins":
        # Groovy reads a doubled backslash as one.
        return first(r"sh '''\n(.*?)'''", text).replace("\\\\", "\\")
    if tool == "bamboo":
        return yaml.safe_load(text)["final-tasks"][0]["script"][0]
    return text


@pytest.mark.usefixtures("everything_required")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tool", ["curl", "github", "gitlab", "jenkins", "bamboo"])
def test_a_snippet_as_it_stands_on_the_page_logs_an_exempt_deploy(served, shop, tmp_path, tool):
    _, token = create_token(shop.ann, TokenTerms(name="ci", scopes=["deploy"]))
    (tmp_path / "decklog.ok").touch()
    bamboo = {"bamboo_DECKLOG_TOKEN_SECRET": token, "bamboo_buildNumber": "r-1", "bamboo_planRepository_revision": SHA}
    environment = {
        "PATH": os.environ["PATH"],
        "DECKLOG_TOKEN": token,
        **FROM_STEPS,
        **(bamboo if tool == "bamboo" else OF_THE_TOOL[tool]),
    }

    done = subprocess.run(
        ["sh", "-c", shell_in(tool, snippet_on(served, "checkout-deploy", tool))],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr + done.stdout
    change = Change.objects.get()
    assert (change.verdict, change.run.run_id, change.sha) == ("exempt", "r-1", SHA)


@pytest.mark.django_db(transaction=True)
def test_the_command_fails_and_says_why_when_the_deploy_is_refused(served):
    done = subprocess.run(
        ["sh", "-c", snippet_on(served, "checkout-deploy")],
        env={"PATH": os.environ["PATH"], "DECKLOG_TOKEN": "dlk_wrong", "RUN_ID": "1", "SHA": SHA},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "This token is unknown, expired or revoked" in done.stdout
    assert not Change.objects.exists()


@pytest.mark.usefixtures("everything_required")
def test_the_yaml_snippets_are_yaml_and_all_name_this_installation_and_this_pipeline(ann, settings):
    settings.BASE_URL = "https://decklog.example.com"
    for tool in SNIPPETS:
        text = snippet_on(ann, "checkout-deploy", tool)
        assert "https://decklog.example.com/api/v1/deployments" in text
        assert '"checkout-deploy"' in text
        if tool in {"github", "gitlab", "bamboo", "ansible"}:
            assert yaml.safe_load(text)
    task = yaml.safe_load(snippet_on(ann, "checkout-deploy", "ansible"))[0]["ansible.builtin.uri"]
    assert task["body_format"] == "json"
    assert task["body"].startswith("{{ {")
    assert task["body"].endswith("} | to_json }}")
    assert "tests_passed | default(0) | int" in task["body"]


def test_an_unknown_tool_shows_the_plain_command(ann):
    assert snippet_on(ann, "checkout-deploy", "astrology") == snippet_on(ann, "checkout-deploy", "curl")


def test_the_form_of_a_big_organisation_offers_every_service(ann, shop):
    for number in range(50):
        make_service(f"service-{number}", shop.payments)
    make_user("eve@example.com", "Eve")
    form = ann.get("/pipelines/new").content.decode()
    assert form.count("<option value=") >= Service.objects.count()


def test_a_pipeline_that_is_named_like_the_registration_page_has_a_page_all_the_same(ann, ci):
    assert "calls itself" not in ann.get("/pipelines/new").content.decode()
    ref = ci.post("/api/v1/deployments", deployment(pipeline="new"), format="json").json()["ref"]
    assert 'href="/pipelines/new/deploys"' in ann.get("/pipelines/new").content.decode()
    assert ref in ann.get("/pipelines/new/deploys").content.decode()
    typed = {"slug": "new", "services": "checkout", "environments": "uat", "requires": "tests"}
    refused = ann.post("/pipelines/new", typed)
    assert "Choose another name." in refused.content.decode()
    assert Pipeline.objects.get(slug="new").state == "unregistered"

"""Whom Decklog believes: a pipeline that two people trust, and proof that arrives late."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.factories import deployment
from tests.mail_server import plain_text

pytestmark = pytest.mark.browser


def test_a_pipeline_that_two_people_trust_deploys_without_review(
    decklog: Running, signed_in: Opens, tokens: dict[str, str]
) -> None:
    body = deployment(service="ledger", pipeline="ledger-release", run_id="before")
    before = decklog.post(body, token=tokens["ci"])
    assert before["verdict"]["result"] == "unproven"
    ann = signed_in("ann@example.com")
    ann.goto("/pipelines/ledger-release")
    ann.get_by_role("link", name="Register it").click()
    expect(ann.get_by_label("Name in the API")).to_have_value("ledger-release")
    ann.get_by_role("checkbox", name=re.compile("^Tests")).check()
    ann.get_by_role("button", name="Register and ask for a second person").click()
    expect(ann.get_by_role("status").first).to_contain_text("ledger-release waits for a second person. Bo Okafor")
    trust = ann.get_by_role("region", name="Trust")
    expect(trust).to_contain_text("You said what it must prove, so somebody else must confirm it. Bo Okafor")
    expect(trust).to_contain_text("four_eyes")
    expect(ann.get_by_role("button", name="Confirm")).to_have_count(0)
    bo = signed_in("bo@example.com")
    bo.get_by_role("link", name=re.compile("ledger-release")).first.click()
    bo.get_by_role("button", name="Confirm what ledger-release must prove").click()
    expect(bo.get_by_role("status").first).to_contain_text("ledger-release is trusted")
    after = decklog.post({**body, "run_id": "after"}, token=tokens["ci"])
    bo.goto(f"/changes/{after['ref']}")
    expect(bo.get_by_role("region", name="Decision").get_by_role("heading")).to_contain_text(
        "Exempt from review: 1 of 1 check passed"
    )


def test_who_registered_a_pipeline_is_refused_in_words_when_confirming_it(
    decklog: Running, signed_in: Opens, tokens: dict[str, str]
) -> None:
    """Somebody kept the button of a page from before, or made the request by hand."""
    terms = {"services": ["ledger"], "environments": ["uat"], "requires": ["tests"]}
    decklog.call("pipelines", {"slug": "alone", **terms}, token=tokens["ann"])
    page = signed_in("ann@example.com")
    page.goto("/pipelines/alone")
    page.evaluate(
        """() => {
            const form = document.createElement("form");
            Object.assign(form, {method: "post", action: "/pipelines/alone/confirm"});
            const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
            for (const [name, value] of [["csrfmiddlewaretoken", token], ["seen", ""]])
                form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
            document.body.append(form);
            form.submit();
        }"""
    )
    expect(page.get_by_role("alert")).to_contain_text("Rule four_eyes")
    expect(page.get_by_role("region", name="Trust")).not_to_contain_text("Trusted")


def test_an_unproven_deploy_asks_its_owner_by_mail_and_late_proof_turns_it(
    decklog: Running, signed_in: Opens, tokens: dict[str, str]
) -> None:
    evidence = {"rollback": {"ready": True, "plan": "helm rollback", "target": "2.13.9"}}
    body = deployment(pipeline="parcels-deploy", service="parcels", run_id="late", evidence=evidence)
    ref = decklog.post(body, token=tokens["ci"])["ref"]
    mail = decklog.mail_to("dee@example.com", about=ref)
    text = plain_text(mail)
    assert text.startswith(f"Supply proof for {ref} by ")
    link = re.search(r"http://\S+", text)
    assert link
    page = signed_in("dee@example.com", expected="422")
    page.goto(link[0])
    decision = page.get_by_role("region", name="Decision")
    expect(decision.get_by_role("heading")).to_contain_text("Unproven")
    decision.get_by_label("Tests passed").fill("-3")
    decision.get_by_role("button", name="Supply this proof").click()
    expect(decision.get_by_label("Tests passed")).to_have_value("-3")
    expect(decision.get_by_label("Tests passed")).to_have_attribute("aria-invalid", "true")
    decision.get_by_label("Tests passed").fill("412")
    decision.get_by_role("button", name="Supply this proof").click()
    expect(page.get_by_role("status").first).to_contain_text("The verdict is now: exempt")
    expect(decision.get_by_role("heading")).to_contain_text("Exempt from review: 1 of 1 check passed")
    expect(page.get_by_text("supplied proof")).to_be_visible()

"""What every page keeps to: everybody can read it, at any width, in light and dark, under the strict policy."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from playwright.sync_api import Page

from changes.tickets.risk_policy import RISK_QUESTIONS
from changes.tickets.views import VERBS
from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.factories import deployment

pytestmark = pytest.mark.browser

FILLED_IN = {
    "^api/docs/?$": ["api/docs"],
    "audit/<int:pk>": ["audit/1"],
    "changes/<str:ref>": [
        *("changes/{unproven}", "changes/{exempt}", "changes/{running}", "changes/{waiting}", "changes/{emergency}"),
        "changes/CHG-999999",
    ],
    "changes/<str:ref>/edit": ["changes/{draft}/edit"],
    "changes/new": ["changes/new", "changes/new?type=emergent", "changes/new?copy={waiting}"],
    "freezes/<int:pk>": ["freezes/1"],
    "freezes/<int:pk>/edit": ["freezes/1/edit"],
    "oncall/<slug:slug>": ["oncall/payments-primary"],
    "oncall/<slug:slug>/rotations/new": ["oncall/payments-primary/rotations/new"],
    "oncall/<slug:slug>/rotation/<str:name>": ["oncall/payments-primary/rotation/week"],
    "incidents": ["incidents", "incidents?state=open&severity=sev2", "incidents?state=lost"],
    "incidents/<str:ref>": ["incidents/{incident}", "incidents/{incident}?compose=update", "incidents/INC-999999"],
    "incidents/<str:ref>/do/<slug:name>": [
        *(f"incidents/{{incident}}/do/{name}" for name in ("resolve", "times", "describe", "page", "impact")),
    ],
    "incidents/<str:ref>/note/<int:entry>": ["incidents/{incident}/note/{note}"],
    "insights": ["insights", "insights?service=checkout", "insights?days=7"],
    "insights/<slug:service>/<slug:metric>": ["insights/checkout/change-fail-rate"],
    "pipelines": ["pipelines"],
    "pipelines/<slug:slug>/deploys": ["pipelines/checkout-deploy/deploys"],
    "pipelines/<slug:slug>": ["pipelines/checkout-deploy", "pipelines/proposed-deploy", "pipelines/ledger-deploy"],
    "pipelines/<slug:slug>/edit": ["pipelines/checkout-deploy/edit"],
    "templates/<slug:slug>": ["templates/rotate-keys", "templates/flush-the-cache"],
    "templates/<slug:slug>/edit": ["templates/rotate-keys/edit"],
    "policy/<slug:name>": ["policy/four_eyes"],
    "changes": [
        "changes",
        "changes?state=in_progress&service=checkout&edit=service#filters",
        "changes?verdict=rubbish",
    ],
    "delivery": ["delivery", "delivery?state=dead"],
    "rcas/<str:ref>": ["rcas/{rca}"],
    "rcas/<str:ref>/whys/<int:pk>": ["rcas/{rca}/whys/{why}"],
    "actions/<str:ref>": ["actions/{action}"],
    "causes": ["causes", "causes?for={rca}"],
    "pages/<uuid:key>": ["pages/{page}"],
    "escalations/<slug:slug>": ["escalations/ann"],
    "escalations/<slug:slug>/edit": ["escalations/ann/edit"],
    "public/notes/<str:ref>": ["public/notes/{exempt}", "public/notes/{unproven}"],
    "settings/tokens/<int:pk>/revoke": ["settings/tokens/1/revoke"],
    "settings/notifications/contacts/<int:pk>/verify": ["settings/notifications/contacts/1/verify"],
    "settings/people/<int:pk>": ["settings/people/1"],
    "settings/people/<int:pk>/deactivate": ["settings/people/2/deactivate"],
    "settings/teams/<slug:slug>": ["settings/teams/payments"],
    "settings/teams/<slug:slug>/edit": ["settings/teams/payments/edit"],
    "settings/services/<slug:slug>": ["settings/services/checkout"],
    "settings/environments/<slug:slug>": ["settings/environments/production"],
}
"""Addresses for the patterns that need filling in, or that have several faces."""

STRANGERS = {
    "accounts/login/": ["accounts/login/", "nowhere"],
    "accounts/inactive/": ["accounts/inactive/"],
    "accounts/password/reset/": ["accounts/password/reset/"],
    "accounts/password/reset/done/": ["accounts/password/reset/done/"],
    "accounts/password/reset/key/done/": ["accounts/password/reset/key/done/"],
    "unsubscribe/<str:token>": ["unsubscribe/x"],
    "changelog": ["changelog", "changelog?q=zebra"],
    "changelog/<int:pk>": ["changelog/1"],
    "subscribe": ["subscribe"],
    "answer/<str:token>": ["answer/x"],
    "subscription/<str:token>": ["subscription/x"],
    "status": ["status"],
    "status/history": ["status/history"],
    "status/incidents/<slug:key>": ["status/incidents/nothing"],
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": ["accounts/password/reset/key/1-x-y/"],
}
"""Pages that people see who are not signed in."""

NO_PAGE = {
    "api/v1/",
    "healthz",
    "readyz",
    "metrics",
    "theme",
    "settings",  # leads to the first of its pages
    "welcome",  # seen by nobody once there is an account; the first hour of an installation looks at it
    "changes/<str:ref>/proof",
    "changes/preview",
    "changes.csv",
    "calendar/links/<int:pk>/revoke",
    "calendar/<str:key>.ics",
    *(f"changes/<str:ref>/{verb}" for verb in VERBS),
    "incidents/<str:ref>/note",
    "incidents/<str:ref>/update",
    "incidents/<str:ref>/update/<int:pk>/publish",
    "pipelines/<slug:slug>/confirm",
    "templates/<slug:slug>/approve",
    "templates/<slug:slug>/retire",
    "freezes/<int:pk>/override",
    "freezes/<int:pk>/override/<int:override>/confirm",
    "freezes/<int:pk>/override/<int:override>/revoke",
    "freezes/<int:pk>/end",
    "oncall/opsgenie/ask",
    "oncall/opsgenie/plan",
    "oncall/opsgenie/plans/<uuid:pk>",  # wants an Opsgenie that answers
    "oncall/opsgenie/plans/<uuid:pk>/apply",
    "oncall/links/<int:pk>/revoke",
    "oncall/feeds/<str:key>.ics",
    "oncall/swaps/<int:pk>/answer",
    *(f"oncall/<slug:slug>/{verb}" for verb in ("take", "other", "note", "overrides/<int:pk>/cancel")),
    "incidents/<str:ref>/rca",
    *(f"rcas/<str:ref>/{verb}" for verb in ("whys", "share", "promise", "do/<slug:verb>")),
    "actions.csv",
    "actions/<str:ref>/do/<slug:verb>",
    "pages/<uuid:key>/acknowledge",
    "pages/<uuid:key>/cancel",
    "public/notes/<str:ref>/withdraw",
    "^changelog\\.(?P<form>json|atom|rss)$",
    "^status\\.(?P<form>json|atom|rss)$",
    "maintenance.ics",
    "subscription/<str:token>/leave",
    "public/look.css",
    "public/look/logo",
    "audit/<int:pk>/again",
    "audit/<int:pk>/download",
    "delivery/<int:pk>/retry",
    "delivery/<int:pk>/cancel",
    "settings/notifications/contacts",
    "settings/notifications/contacts/<int:pk>/code",
    "settings/notifications/contacts/<int:pk>/remove",
    "settings/notifications/test",
    "settings/people/<int:pk>/link",
    "settings/people/<int:pk>/reactivate",
    "settings/teams/<slug:slug>/members",
    "settings/teams/<slug:slug>/members/<int:pk>/remove",
    "accounts/password/set/",  # leads to asking for a link
}
"""What only machines ask for, and what only takes a POST."""


def _patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield path
        else:
            yield from _patterns(each, path)


def _is_page(pattern: str) -> bool:
    return not pattern.startswith(("api/", "^api/v1/")) and pattern not in NO_PAGE


PATTERNS = [pattern for pattern in _patterns(get_resolver("config.urls")) if _is_page(pattern)]
ADDRESSES = [path for pattern in PATTERNS if pattern not in STRANGERS for path in FILLED_IN.get(pattern, [pattern])]
PARTS = 6
"""Into so many parts the walk through all of them is cut, so that several browsers share it."""


@pytest.fixture(scope="session")
def refs(decklog: Running, tokens: dict[str, str]) -> dict[str, str]:
    """A bit of everything to look at; changes by what they are."""
    decklog.mail.answers = {"RCPT": "550 no such person"}
    now = timezone.now()
    about = {"pipeline": "checkout-deploy", "tickets": ["SP-123", "https://tickets.example/SP-124"]}
    kinds: dict[str, dict[str, Any]] = {
        "exempt": {"customer_impacting": True, "public_note": "Paying is faster."},
        "unproven": {"evidence": None, "status": "failed"},
        "running": {"status": "started", "finished_at": None, "started_at": now.isoformat()},
        "conflict": {"status": "failed"},
        "skewed": {"finished_at": (now + timedelta(hours=1)).isoformat(), "started_at": None},
        "stranger": {"pipeline": "ledger-deploy", "service": "ledger", "status": "rolled_back"},
    }
    made = {}
    for kind, changed in kinds.items():
        body = deployment(**{**about, "run_id": f"look-{kind}", **changed})
        made[kind] = decklog.post(body, token=tokens["ci"])["ref"]
    decklog.post(deployment(**{**about, "run_id": "look-conflict", "sequence": 9}), token=tokens["ci"])
    terms = {"services": ["ledger"], "environments": ["uat"], "requires": ["tests"]}
    frozen = {"name": "Year end", "start": now.isoformat(), "end": (now + timedelta(days=9)).isoformat(), "hard": False}
    decklog.call("freezes", frozen, token=tokens["ann"])
    decklog.call("pipelines", {"slug": "proposed-deploy", **terms}, token=tokens["ann"])
    made |= _filed(decklog, tokens["ann"]) | _incident(decklog, tokens["ann"], made["unproven"])
    step = {"user": "ann@example.com", "wait_minutes": 5}
    decklog.call(
        "escalations", {"slug": "ann", "name": "Ann", "team": "payments", "steps": [step]}, token=tokens["ann"]
    )
    paged = {"target": {"type": "policy", "id": "ann"}, "message": "Payments fail.\nSince noon."}
    made["page"] = decklog.call("pages", paged, token=tokens["ann"])["id"]
    dead = "SELECT 1 FROM notifications_message WHERE state = 'dead'"
    decklog.wait_until(lambda: decklog.ask(dead))
    decklog.mail.answers = {}
    return made


def _incident(decklog: Running, token: str, change: str) -> dict[str, str]:
    """An incident with something of everything, and a note on it."""
    started = (timezone.now() - timedelta(minutes=20)).isoformat()
    said = {"title": "Card payments fail", "severity": "sev2", "services": ["ledger"], "impact_started_at": started}
    ref = decklog.call("incidents", said, token=token)["ref"]
    place = f"incidents/{ref}"
    decklog.call(f"{place}/changes", {"change": change, "role": "caused"}, token=token)
    decklog.call(f"{place}/roles", {"role": "commander", "user": "ann@example.com"}, token=token)
    decklog.call(f"{place}/updates", {"message": "We look.", "status": "investigating", "draft": True}, token=token)
    note = decklog.call(f"{place}/timeline", {"text": "The pool is full."}, token=token)
    resolved = {"detection_source": "alert", "customer_impacting": True, "reason": "Put back."}
    decklog.call(f"{place}/resolve", resolved, token=token)
    return {"incident": ref, "note": note["id"], **_learnt(decklog, token)}


def _learnt(decklog: Running, token: str) -> dict[str, str]:
    """The analysis of the one incident there is, with a why that blames somebody, and a promise."""
    said = {
        "question": "Why did it fail?",
        "claim": "Bo should have known.",
        "path": "occurrence",
        "category": "training",
    }
    rca = decklog.call("rcas/RCA-1/whys", said, token=token)
    why = rca["whys"][0]["id"]
    promise = {"rca": "RCA-1", "why": why, "title": "Limit each client", "type": "technology", "effect": "prevent"}
    action = decklog.call("actions", {**promise, "owner": "ann@example.com"}, token=token)
    return {"rca": "RCA-1", "why": why, "action": action["ref"]}


def _filed(decklog: Running, token: str) -> dict[str, str]:
    """A draft, a change that waits for approval, and an emergency, filed by Ann."""
    start = timezone.now() + timedelta(days=2)
    words = ("reason", "test_evidence", "rollback_plan", "verification_plan")
    said = {
        "title": "Raise the pool of connections",
        "services": ["ledger"],
        **dict.fromkeys(words, "Said in a sentence."),
        "rollback_minutes": 5,
        "risk_answers": dict.fromkeys(RISK_QUESTIONS, False),
        "window_start": start.isoformat(),
        "window_end": (start + timedelta(hours=1)).isoformat(),
    }
    urgent = {"type": "emergent", "title": "Restart it", "services": ["ledger"], "reason": "It is stuck."}
    kinds: dict[str, dict[str, Any]] = {"draft": said, "waiting": {**said, "submit": True}, "emergency": urgent}
    return {kind: decklog.call("changes", body, token=token)["ref"] for kind, body in kinds.items()}


def test_the_same_holds_for_those_who_act_on_a_filed_change(signed_in: Opens, refs: dict[str, str]) -> None:
    faults = []
    acted_on = {
        "ann@example.com": ["changes/{draft}", "changes/{draft}/edit", "changes/{emergency}", "queue", ""],
        "bo@example.com": ["changes/{waiting}", "queue"],
    }
    for email, addresses in acted_on.items():
        page = signed_in(email)
        faults += [fault for address in addresses for fault in _faults(page, address.format(**refs))]
    assert not faults, "\n".join(faults)


def test_no_page_is_forgotten_here() -> None:
    """A new address must be filled in above, or be named as no page."""
    unknown = [pattern for pattern in PATTERNS if {*"<^"} & {*pattern} and pattern not in {**FILLED_IN, **STRANGERS}]
    assert unknown == []
    assert {*FILLED_IN, *STRANGERS, *NO_PAGE} - {*_patterns(get_resolver("config.urls")), "api/v1/"} == set()


ARRIVE = """() => {
    const gliding = () => document.getAnimations().filter((one) => one instanceof CSSTransition);
    for (let turn = 0; turn < 20 && gliding().length; turn++) gliding().forEach((one) => one.finish());
}"""
"""Colours glide from light to dark, and half-way they are nobody's. An inherited one sets off again when its parent's
has arrived."""


COPIES_NOTHING = """[...document.querySelectorAll("[data-copy]")].map((one) => one.dataset.copy)
    .filter((name) => !document.querySelector(name))"""
COLOURS = ["color-contrast"]
LOOKS: list[tuple[int, Literal["light", "dark"]]] = [(1280, "light"), (375, "dark")]
CROSSED: list[tuple[int, Literal["light", "dark"]]] = [(1280, "dark"), (375, "light")]
"""The other two looks show the same colours on the same parts of the frame, so a page of each kind stands for all."""
OF_EACH_KIND = {"", "changes", "changes/{unproven}", "pipelines/checkout-deploy", "settings/tokens/new", "delivery"}


def _faults(page: Page, address: str, *, is_crossed: bool = False) -> list[str]:
    """What is wrong at an address in its looks, in those others too if `is_crossed`."""
    answer = page.goto("/" + address)
    assert answer
    assert answer.status < 500, address
    is_guest = address == "api/docs"
    if is_guest:
        page.locator(".opblock-tag").first.wait_for()
    page.evaluate(AXE_SCRIPT)
    faults = [f"{address}: a button copies {name}, which is nowhere" for name in page.evaluate(COPIES_NOTHING)]
    for width, colours in LOOKS + CROSSED * is_crossed:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=colours)
        if is_guest:
            # Swagger UI changes its look by itself, and brings its own headings, landmarks and buttons.
            page.wait_for_timeout(500)
        page.evaluate(ARRIVE)
        look = f"{address} at {width} in {colours}"
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            faults.append(f"{look} is {wide} wide")
        rules = COLOURS if is_guest or (width, colours) in CROSSED else []
        faults += [f"{look}: {fault}" for fault in _violations(page, rules)]
    return faults


def _violations(page: Page, rules: list[str]) -> list[str]:
    # Without "preload" it does not fetch and parse every style sheet again, which only orientation locks need.
    options = {"resultTypes": ["violations"], "preload": False, **({"runOnly": rules} if rules else {})}
    return [
        f"{each['id']} {node['target']} {node['html'][:120]} {node.get('failureSummary', '')[:300]}"
        for each in page.evaluate("(options) => axe.run(options)", options)["violations"]
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_and_nothing_is_too_wide_on_any_page(
    signed_in: Opens, refs: dict[str, str], part: int
) -> None:
    page = signed_in("ada@example.com", expected="Failed to load resource")
    faults = []
    for address in ADDRESSES[part::PARTS]:
        faults += _faults(page, address.format(**refs), is_crossed=address in OF_EACH_KIND)
    assert {*ADDRESSES} >= OF_EACH_KIND
    assert not faults, "\n".join(faults)


def test_the_same_holds_for_what_strangers_see(decklog: Running, open_page: Opens) -> None:
    page = open_page(decklog.url, expected="Failed to load resource")
    faults = [fault for addresses in STRANGERS.values() for address in addresses for fault in _faults(page, address)]
    assert not faults, "\n".join(faults)

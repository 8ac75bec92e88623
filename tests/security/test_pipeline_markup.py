"""Whatever a pipeline writes is shown as what it is: text. In lists, on pages and in mails."""

import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from notifications.models import Message
from notifications.providers.email import compose
from notifications.providers.protocol import Parcel
from tests.factories import deployment

MARKUP = "<script>x()</script><img src=x onerror=x()>\"'><svg/onload=x()>{{7*7}}{% csrf_token %}&#106;"
TEXTS: dict[str, Any] = {
    "run_id": f"run {MARKUP}",
    "version": f"v{MARKUP}"[:100],
    "title": f"Title {MARKUP}",
    "public_note": f"Note {MARKUP}\n{MARKUP}",
    "artifact_digest": MARKUP,
    "run_url": f"https://ci.example.com/{MARKUP}",
    "tickets": [
        MARKUP[:100],
        f"https://x.example/{MARKUP}"[:100],
        "javascript:x()",
        "JavaScript:x()",
        "data:text/html,x",
    ],
    "commits": [
        {
            "sha": "9fceb02",
            "author": f"{MARKUP}@example.com",
            "reviewed_by": [MARKUP, f"<{MARKUP}>"],
            "title": f"Commit {MARKUP}",
        }
    ],
    "evidence": {
        "tests": {"passed": 1, "failed": 1, "sha": "9fceb02", "url": f"https://x.example/{MARKUP}"},
        "smoke_test": {"status": "failed", "url": f"http://x.example/{MARKUP}"},
        "rollback": {"ready": True, "plan": MARKUP, "target": MARKUP},
    },
}


@pytest.fixture
def ref(ci: APIClient) -> str:
    """A deploy with markup in every text that a pipeline may write."""
    answer = ci.post("/api/v1/deployments", deployment(**TEXTS), format="json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["ref"])


def live_markup(page: str) -> list[str]:
    """What a browser would take for markup of ours although a pipeline wrote it."""
    tags = re.findall(r"<(?:script>|img src=x|svg/)", page)
    links = re.findall(r"""(?:href|src|action)=["']?\s*(?:javascript|data):""", page, re.IGNORECASE)
    return [*tags, *links]


def test_markup_of_a_pipeline_is_text_on_every_page_that_shows_it(ann: Client, ref: str) -> None:
    for address in (
        f"/changes/{ref}",
        "/changes",
        "/changes?q=script",
        "/pipelines/checkout-deploy",
        "/pipelines",
        "/",
    ):
        answer = ann.get(address)
        assert answer.status_code == 200, address
        page = answer.content.decode()
        assert live_markup(page) == [], address
    page = ann.get(f"/changes/{ref}").content.decode()
    assert page.count("&lt;script&gt;") >= len(TEXTS)
    assert "{{7*7}}" in page


def test_markup_and_lines_in_a_title_stay_one_line_of_a_mail(ci: APIClient, ann: Client) -> None:
    title = "Calm\r\nBcc: everybody@example.com\r\n\r\nSign in at https://evil.example\u2028<b>now</b>"
    answer = ci.post("/api/v1/deployments", deployment(title=title, evidence=None), format="json")
    message = Message.objects.get()
    parcel = Parcel("k", message.recipient, message.payload["title"], message.payload["text"])
    sent = compose(parcel).message()
    assert sent["Bcc"] is None
    assert "Calm Bcc: everybody@example.com Sign in" in " ".join(str(sent["Subject"]).split())
    lines = message.payload["text"].splitlines()
    assert not [line for line in lines if line.startswith(("Bcc:", "Sign in at"))]
    assert live_markup(ann.get(f"/changes/{answer.json()['ref']}").content.decode()) == []

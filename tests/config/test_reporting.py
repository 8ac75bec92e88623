"""Unexpected errors are reported where SENTRY_DSN says, without what the log would hide."""

import gzip
import json
import subprocess
import sys
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from config.settings import ROOT

TOKEN = "dlk_4bc5ce1e_thesecretpartofatoken"
REQUEST = f"""
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from config.wsgi import application
from accounts import api
from werkzeug.test import Client

def fails(header):
    password = "sesame"
    raise RuntimeError("no such caller: " + header)

api.token_of = fails
headers = {{"Authorization": "Bearer {TOKEN}", "Cookie": "decklog_session=sesame", "X-Request-Id": "from-the-proxy"}}
answer = Client(application).post(
    "/api/v1/deployments?q=sesame", base_url="http://127.0.0.1", json={{"note": "sesame"}}, headers=headers
)
assert answer.status_code == 500, answer.text
if "sentry_sdk" in sys.modules:
    import sentry_sdk
    sentry_sdk.flush(10)
else:
    print("nothing loaded")
"""


def run(**variables: str) -> str:
    """What a request that fails makes a process print."""
    env = {"SECRET_KEY": "0123456789" * 4, "DATABASE_URL": "sqlite://", "ALLOWED_HOSTS": "127.0.0.1", **variables}
    ended = subprocess.run(
        [sys.executable, "-c", REQUEST], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_an_error_is_reported_without_what_was_sent(httpserver: HTTPServer) -> None:
    taken: list[str] = []

    def take(request: Request) -> Response:
        body = request.get_data()
        taken.append((gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body).decode())
        return Response("{}")

    httpserver.expect_request("/api/1/envelope/", method="POST").respond_with_handler(take)
    run(SENTRY_DSN=f"http://key@127.0.0.1:{httpserver.port}/1")

    (report,) = reports(taken)
    assert report["exception"]["values"][-1]["type"] == "RuntimeError"
    assert report["exception"]["values"][-1]["value"] == "no such caller: Bearer [hidden]"
    assert report["request"] == {"method": "POST", "url": "/api/v1/deployments"}
    assert report["tags"]["request_id"] == "from-the-proxy"
    # Not the lines of the code around the failure: those are ours.
    sent = json.dumps({**report, "exception": [each["value"] for each in report["exception"]["values"]]})
    assert "sesame" not in sent
    assert "thesecretpart" not in "".join(taken)
    assert not any("vars" in frame for frame in report["exception"]["values"][-1]["stacktrace"]["frames"])


def reports(envelopes: list[str]) -> list[dict[str, Any]]:
    """The reports of errors among what was taken."""
    lines = [json.loads(line) for envelope in envelopes for line in envelope.splitlines()]
    return [line for line in lines if "exception" in line]


def test_without_an_address_nothing_is_loaded() -> None:
    assert "nothing loaded" in run()


SCRUBBED = """
import os
import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
from config.reporting import scrubbed

for path in ("/accounts/password/reset/key/3-sesame-abc/", "/settings/tokens?name=sesame"):
    print(scrubbed({"request": {"url": "https://decklog.example.com" + path, "data": "sesame"}}, {})["request"]["url"])
"""


def test_an_address_that_is_a_credential_is_not_reported() -> None:
    # In a process of its own, because without SENTRY_DSN none loads this.
    env = {"SECRET_KEY": "0123456789" * 4}
    ended = subprocess.run(
        [sys.executable, "-c", SCRUBBED], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True
    )

    assert ended.stdout.splitlines() == ["/password/reset/key/…", "/settings/tokens"]

"""Input that is built to do harm: files that grow when they are read, bodies without a length, odd numbers."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from changes.models import Change
from tests.factories import deployment
from workflow.bodies import MeasuredBodies
from workflow.errors import Malformed, RuleViolation
from workflow.manifest import read
from workflow.wire import MAX_BODY

URL = "/api/v1/deployments"

# --- The operator's file ---------------------------------------------------------------------------------------------

MERGES = "\n".join(f"  - &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 10))
HARMFUL = {
    "merges that amount to billions of fields": f"slack:\n  - &m0 {{a: 1, b: 2}}\n{MERGES}\n",
    "lists nested deeper than the stack": "people: " + "[" * 100_000,
    "mappings nested deeper than the stack": "people: " + "{a: " * 20_000,
    "an object of Python": "people: !!python/object/apply:os.getpid []\n",
    "a tag of its own": "people: !mine [1]\n",
    "a list that holds itself": "people: &a [*a]\n",
    "a key that is a list": "? [a, b]\n: 1\n",
    "a number of 5000 digits": "services: [{tier: " + "9" * 5000 + "}]\n",
    "a day that does not exist": "freezes: [{start: 2026-99-99}]\n",
    "half a surrogate pair": 'people: [{name: "\\ud800"}]\n',
    "two documents": "---\npeople: []\n---\npeople: []\n",
    "a text": "hello",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_that_is_built_to_do_harm_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "organisation.yaml"
    path.write_text(HARMFUL[name])
    with pytest.raises(Malformed) as caught:
        read(path)
    assert caught.value.code == "malformed_yaml"
    assert len(caught.value.message) < 500


def test_a_file_that_is_no_text_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    path = tmp_path / "organisation.yaml"
    path.write_bytes(b"people: [{name: \xff}]")
    with pytest.raises(RuleViolation, match="unacceptable character"):
        read(path)


def test_aliases_and_merges_of_a_usual_size_are_read(tmp_path: Path) -> None:
    path = tmp_path / "organisation.yaml"
    path.write_text("slack:\n  - &usual {tier: 1, team: a}\nservices:\n  - {<<: *usual, slug: b, tier: 2}\n")
    assert read(path)["services"] == [{"tier": 2, "team": "a", "slug": "b"}]


# --- Bodies whose length nobody says ---------------------------------------------------------------------------------


def passed_on(body: bytes, **headers: str) -> tuple[bytes, str]:
    """What the application gets to read, and the length that it is told."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.update(environ)
        return []

    MeasuredBodies(application)({"wsgi.input": io.BytesIO(body), **headers}, lambda *_: None)
    return seen["wsgi.input"].read(), seen.get("CONTENT_LENGTH", "")


def test_a_body_in_chunks_is_read_like_any_other_and_never_further_than_too_far() -> None:
    assert passed_on(b'{"a": 1}', HTTP_TRANSFER_ENCODING="chunked") == (b'{"a": 1}', "8")
    body, length = passed_on(b"x" * (3 * MAX_BODY), HTTP_TRANSFER_ENCODING="chunked")
    assert (len(body), length) == (MAX_BODY + 1, str(MAX_BODY + 1))
    assert passed_on(b"abc", CONTENT_LENGTH="3") == (b"abc", "3")


# --- Numbers ---------------------------------------------------------------------------------------------------------

NUMBERS = ("1e400", "-1e400", "NaN", "Infinity", "9" * 400, "01", "1_0", "0x1", "1.0", "1.5", "true", '"1"', "[1]")


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_whole_number_is_refused_wherever_one_belongs(ci: APIClient, number: str) -> None:
    wholes = ('"attempt": %s', '"sequence": %s', '"evidence": {"tests": {"passed": %s}}')
    for field in wholes:
        body = ci_body(field % number)
        answer = ci.post(URL, body, content_type="application/json")
        assert answer.status_code in {400, 422}, (field, answer.content)
        bulk = b'{"deployments": [' + body + b"]}"
        items = ci.post(f"{URL}/bulk", bulk, content_type="application/json")
        assert items.status_code == 400 or items.json()["results"][0]["status"] == 422
    assert not Change.objects.exists()


def ci_body(field: str) -> bytes:
    """A deploy with one more field, written as it is."""
    named = '"service": "checkout", "environment": "production", "pipeline": "p", "run_id": "1"'
    told = '"status": "succeeded", "finished_at": "2026-11-24T09:00:00Z"'
    return f"{{{named}, {told}, {field}}}".encode()


def test_of_a_key_that_is_said_twice_the_last_one_counts_everywhere_alike(ci: APIClient) -> None:
    answer = ci.post(URL, ci_body('"run_id": "first", "run_id": "last"'), content_type="application/json")
    assert answer.json()["run_id"] == "last"
    assert ci.post(URL, deployment(pipeline="p", run_id="last"), format="json").json()["ref"] == answer.json()["ref"]

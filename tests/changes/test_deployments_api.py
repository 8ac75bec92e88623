"""What a pipeline may rely on when it logs a deploy."""

import pytest

from tests.factories import SHA, deployment

URL = "/api/v1/deployments"


def post(client, **changed):
    return client.post(URL, deployment(**changed), format="json")


def test_a_deploy_that_proves_everything_is_exempt_and_closed(ci):
    answer = post(ci)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["ref"].startswith("CHG-")
    assert (body["state"], body["outcome"], body["authorization"]) == ("closed", "succeeded", "auto_exempt")
    assert body["verdict"]["result"] == "exempt"
    assert body["verdict"]["rule"] == "pipeline_deploy_exempt"
    assert {"check": "tests", "required": True, "passed": True, "detail": f"412 passed at {SHA[:7]}"} in body[
        "verdict"
    ]["checks"]


def test_the_same_message_again_is_known_and_changes_nothing(ci):
    message = deployment()
    first = ci.post(URL, message, format="json")
    again = ci.post(URL, message, format="json")
    assert again.status_code == 200, again.content
    assert again.json()["ref"] == first.json()["ref"]
    assert again.json()["updated_at"] == first.json()["updated_at"]


@pytest.mark.parametrize("path", [URL, URL + "/"])
def test_the_list_shows_the_deploy_at_once_with_and_without_a_slash(ci, path):
    ref = post(ci).json()["ref"]
    rows = ci.get(path).json()["results"]
    assert [row["ref"] for row in rows] == [ref]

"""Search finds the same on both databases, whatever is rare or common."""

import pytest

from changes import queries
from changes.search import postgres_query, sqlite_query, words
from tests.factories import deployment

URL = "/api/v1/deployments"


@pytest.fixture
def three(ci):
    for run, title in (("1", "Rotate DKIM keys"), ("2", "Rotate ledger-api keys"), ("3", "Raise the pool to 400")):
        answer = ci.post(URL, deployment(run_id=run, title=title, tickets=[f"SP-{run}00"]), format="json")
        assert answer.status_code == 201
    return ci


def titles(client, q: str, **more: str) -> list[str]:
    answer = client.get(URL, {"q": q, **more})
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("dkim", 1),
        ("rotate keys", 2),
        ("ROTATE ledg", 2 - 1),
        ("ledger-api", 1),
        ("SP-300", 1),
        ("9fceb02", 3),
        ("2.14.0", 3),
        ("checkout-deploy", 3),
        ("pool dkim", 0),
        ("eys", 0),
        ("!!!", 0),
    ],
)
def test_every_word_must_be_there_and_the_last_may_be_a_beginning(three, q, found):
    assert len(titles(three, q)) == found


def test_a_search_obeys_the_other_filters_and_pages_without_loss(three):
    assert titles(three, "rotate", outcome="failed") == []
    first = three.get(URL, {"q": "keys", "page_size": "1"}).json()
    assert [row["title"] for row in first["results"]] == ["Rotate ledger-api keys"]
    second = three.get(first["next"]).json()
    assert [row["title"] for row in second["results"]] == ["Rotate DKIM keys"]
    back = three.get(second["previous"]).json()
    assert back["results"] == first["results"]


def test_a_word_that_is_everywhere_finds_the_newest(three, monkeypatch):
    monkeypatch.setattr(queries, "MOST_HITS", 1)
    assert titles(three, "rotate") == ["Rotate ledger-api keys", "Rotate DKIM keys"]
    assert titles(three, "rotate dkim") == ["Rotate DKIM keys"]


def test_a_word_that_is_everywhere_still_finds_the_one_that_a_filter_wants(three, monkeypatch):
    monkeypatch.setattr(queries, "MOST_HITS", 1)
    three.post(URL, deployment(run_id="4", title="Failing", status="failed"), format="json")
    assert titles(three, "checkout", outcome="failed") == ["Failing"]


def test_queries_are_made_of_words_only():
    assert words("ledger-api: 50% & Größe_2") == "ledger api 50 größe 2"
    assert postgres_query("a'b | c") == "'a' & 'b' & 'c':*"
    assert sqlite_query('a"b OR c') == '"a" "b" "or" "c"*'
    assert postgres_query("%&!") == ""

"""What is in a pack: the whole population, safe to open, and pages that stand alone."""

import csv
import hashlib
import html
import re
import zipfile
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.models import Service
from changes.audit.cells import cell
from changes.audit.population import COLUMNS
from changes.models import Approval, Change
from tests.audit.conftest import made, scope
from tests.factories import make_ticket


def rows(folder, name="population.csv"):
    return list(csv.DictReader(StringIO((folder / name).read_text(encoding="utf-8"), newline="")))


def test_the_population_has_every_change_with_who_what_and_when(folder):
    found = rows(folder)
    assert [row["ref"] for row in found] == [change.ref for change in Change.objects.order_by("id")]
    planned = found[0]
    change = Change.objects.get(ticket__isnull=False, outcome="succeeded_with_issues")
    approval = Approval.objects.get(voided_at=None, answer="approved")
    assert planned["ref"] == change.ref
    assert (planned["requester"], planned["implementer"]) == ("Ann Lee", "Ann Lee")
    assert (planned["approvers"], planned["approver_ids"]) == ("Bo Okafor", approval.actor)
    assert planned["approval_times"] == cell(approval.at)
    assert (planned["reviewer"], planned["state"]) == ("Dee <b>Dee</b>", "closed")
    assert planned["title"].startswith("'=Raise")
    deploys = [row for row in found if row["origin"] == "pipeline"]
    assert {(row["services"], row["verdict"]) for row in deploys} == {("checkout", "exempt"), ("ledger", "unproven")}
    assert all(row["run"] and row["pipeline"] and row["finished_at"] for row in deploys)


def test_a_change_of_several_services_belongs_to_the_pack_of_each(shop, tmp_path):
    other = Service.objects.create(slug="other", name="Other", team=shop.delivery)
    make_ticket(shop, services=[shop.checkout, other])
    make_ticket(shop, services=[shop.checkout])
    counted = {slug: made(tmp_path / slug, scope(services=(slug,))).changes for slug in ("checkout", "other", "ledger")}
    assert counted == {"checkout": 2, "other": 1, "ledger": 0}


def test_a_change_belongs_to_the_period_in_which_it_is_listed_and_to_no_other(shop, tmp_path):
    change = make_ticket(shop).change
    before, after = scope(until=change.at), scope(since=change.at)
    assert (made(tmp_path / "1", before).changes, made(tmp_path / "2", after).changes) == (0, 1)


@given(st.text(max_size=6))
def test_no_cell_is_a_formula_to_a_spreadsheet(text):
    for dangerous in (text, *(sign + text for sign in "=+-@\t\r\n")):
        assert not cell(dangerous).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_the_sample_repeats_the_lines_of_the_population_and_names_a_page_for_each(folder):
    population = {row["ref"]: row for row in rows(folder)}
    sampled = rows(folder, "sample.csv")
    assert len(sampled) == 3
    for row in sampled:
        assert {name: row[name] for name in COLUMNS} == population[row["ref"]]
        assert (folder / row["page"]).is_file()


@pytest.fixture
def pages(history, tmp_path, folder):
    return {path.stem: path.read_text(encoding="utf-8") for path in (folder / "sample").iterdir()}


def test_a_page_stands_alone_and_runs_nothing(pages):
    for page in pages.values():
        assert "<script" not in page
        assert not re.search(r"""(src|href)=|url\(|@import""", page)


def test_a_page_shows_each_approval_with_the_very_text_that_its_hash_was_made_of(history, tmp_path):
    made(tmp_path / "pack.zip", scope(sample=5))
    page = _page_of_planned(tmp_path)
    texts = [html.unescape(text) for text in re.findall(r"<pre>(\{&quot;commits.*?)</pre>", page, re.DOTALL)]
    digests = set(re.findall(r"<code>([0-9a-f]{64})</code></dd>", page))
    assert len(texts) == 2
    assert {hashlib.sha256(text.encode()).hexdigest() for text in texts} == digests
    assert "Voided by an edit" in page
    assert "Looks right." in page


def _page_of_planned(place):
    ref = Change.objects.get(outcome="succeeded_with_issues").ref
    return _read(place / "pack.zip", f"sample/{ref}.html")


def _read(place, name):
    with zipfile.ZipFile(place) as archive:
        return archive.read(name).decode()


def test_a_page_of_a_deploy_shows_checks_commits_and_the_timeline(history, tmp_path):
    made(tmp_path / "pack.zip", scope(sample=5))
    ref = Change.objects.get(verdict="exempt").ref
    page = _read(tmp_path / "pack.zip", f"sample/{ref}.html")
    for words in ("412 passed", "ann@example.com", "bo@example.com", "pipeline_deploy_exempt", "finished"):
        assert words in page, words


def test_the_readme_says_how_the_sample_was_drawn_and_claims_no_compliance(folder):
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "Seed: seed" in text
    assert "Whether a control is met is for you to judge." in text
    assert not re.search(r"complian|certif", text, re.IGNORECASE)

"""An organisation from one file: `manage.py apply_organisation`."""

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts import actions
from accounts.authentication import token_of
from accounts.models import ApiToken, Membership, Team, User
from accounts.teams.actions import put_member
from catalog.models import Environment, Service
from changes.models import Freeze
from changes.pipelines.models import Pipeline
from workflow.models import Entry

pytestmark = pytest.mark.django_db

PEOPLE = """
people:
  - {email: ann@example.com, name: Ann Lee, time_zone: Europe/Berlin, admin: true, password: correct horse battery}
  - {email: bo@example.com, name: Bo Okafor}
"""
WHOLE = (
    PEOPLE
    + """
teams:
  - {slug: payments, name: Payments, slack_channel: "#payments", leads: [ann@example.com], members: [bo@example.com]}
environments: [{slug: production, production: true}, {slug: uat, production: false}]
services:
  - {slug: checkout, name: Checkout, team: payments, tier: 0, public: true, depends_on: [ledger]}
  - {slug: ledger, team: payments, depends_on: [checkout]}
pipelines:
  - {slug: checkout-deploy, services: [checkout], environments: [production], requires: [tests, smoke_test, rollback],
     registered_by: ann@example.com, confirmed_by: bo@example.com}
tokens: [{name: ci, owner: ann@example.com, scopes: [deploy, read], services: [checkout], environments: [production]}]
freezes:
  - {name: Year end, environments: [production], hard: true, start: 2026-12-20T00:00:00+01:00,
     end: 2027-01-02T00:00:00+01:00, reason: "Nobody is here."}
slack: [{channel: "#payments"}]
"""
)


class Desk:
    """Somebody who keeps an organisation file and applies it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "organisation.yaml"
        self.tokens = folder / "tokens.json"

    def apply(self, text: str | bytes, *words: str) -> str:
        """Apply a file with this text and return what the command printed."""
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        out = io.StringIO()
        call_command("apply_organisation", str(self.file), *words, stdout=out)
        return out.getvalue()

    def secrets(self) -> dict[str, str]:
        """The texts of the tokens that the command wrote."""
        return dict(json.loads(self.tokens.read_text()))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_one_file_makes_the_whole_organisation(desk: Desk) -> None:
    desk.apply(WHOLE, "--tokens", str(desk.tokens))

    ann = User.objects.get(email="ann@example.com")
    assert ann.is_admin
    assert ann.check_password("correct horse battery")
    assert not User.objects.get(email="bo@example.com").has_usable_password()
    assert {(m.user.name, m.is_lead) for m in Membership.objects.filter(team__slug="payments")} == {
        ("Ann Lee", True),
        ("Bo Okafor", False),
    }
    checkout = Service.objects.get(slug="checkout")
    assert (checkout.tier, checkout.is_public, [s.slug for s in checkout.depends_on.all()]) == (0, True, ["ledger"])
    assert Environment.objects.get(slug="production").is_production
    pipeline = Pipeline.objects.get(slug="checkout-deploy")
    assert pipeline.state == Pipeline.State.TRUSTED
    assert pipeline.requires == ["tests", "smoke_test", "rollback"]
    assert Freeze.objects.get(name="Year end").is_hard


def test_applying_the_same_file_again_does_nothing(desk: Desk) -> None:
    desk.apply(WHOLE, "--tokens", str(desk.tokens))
    entries = Entry.objects.count()

    printed = desk.apply(WHOLE, "--tokens", str(desk.tokens))

    assert "= nothing to do" in printed
    assert not [line for line in printed.splitlines() if line[0] in "+~"]
    assert Entry.objects.count() == entries


def test_a_dry_run_shows_the_steps_and_changes_nothing(desk: Desk) -> None:
    printed = desk.apply(WHOLE, "--dry-run", "--tokens", str(desk.tokens))

    assert "+ person ann@example.com" in printed
    assert "+ token ci of ann@example.com" in printed
    assert not User.objects.exists()
    assert not Entry.objects.exists()
    assert not desk.tokens.exists()


def test_a_change_is_shown_with_both_values_and_kept_in_the_ledger(desk: Desk) -> None:
    desk.apply(WHOLE)

    printed = desk.apply(WHOLE.replace("slug: ledger, team: payments", "slug: ledger, team: payments, tier: 1"))

    assert "~ service ledger: tier 2 -> 1" in printed
    assert Entry.objects.filter(verb="changed").latest("id").data == {"tier": [2, 1]}


def test_what_the_file_does_not_name_stays(desk: Desk) -> None:
    desk.apply(WHOLE)
    cy = actions.add_person(actions.Person("cy@example.com", "Cy Rao"), by=None)
    put_member(Team.objects.get(slug="payments"), cy, is_lead=False, by=None)

    desk.apply(WHOLE.split("services:")[0])

    assert Service.objects.count() == 2
    assert Membership.objects.filter(user=cy).exists()


def test_a_field_that_is_left_out_says_nothing(desk: Desk) -> None:
    desk.apply(WHOLE)

    printed = desk.apply("people: [{email: ANN@example.com, name: Ann Lee}]")

    assert "= nothing to do" in printed
    assert User.objects.get(email="ann@example.com").time_zone == "Europe/Berlin"


def test_token_texts_are_written_once_for_the_owner_only_and_work(desk: Desk) -> None:
    desk.tokens.write_text('{"other": "kept"}')
    desk.apply(WHOLE, "--tokens", str(desk.tokens))
    first = desk.secrets()
    desk.apply(WHOLE, "--tokens", str(desk.tokens))

    assert desk.secrets() == first
    assert first["other"] == "kept"
    assert stat.S_IMODE(desk.tokens.stat().st_mode) == 0o600
    assert token_of(f"Bearer {first['ci']}").name == "ci"


def test_without_a_tokens_file_no_token_is_made_and_that_is_said(desk: Desk) -> None:
    printed = desk.apply(WHOLE)

    assert "token ci is not made" in printed
    assert not ApiToken.objects.exists()


def test_a_text_that_cannot_be_kept_is_no_token(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        desk.apply(WHOLE, "--tokens", str(tmp_path / "nowhere" / "tokens.json"))

    assert not ApiToken.objects.exists()
    assert not User.objects.exists()


def test_a_tokens_file_with_something_else_in_it_is_not_overwritten(desk: Desk) -> None:
    desk.tokens.write_text("my diary")

    with pytest.raises(CommandError, match="not overwritten"):
        desk.apply(WHOLE, "--tokens", str(desk.tokens))

    assert desk.tokens.read_text() == "my diary"


def test_a_revoked_token_stays_revoked(desk: Desk) -> None:
    desk.apply(WHOLE, "--tokens", str(desk.tokens))
    token = ApiToken.objects.get()
    actions.revoke_token(token, by=token.owner)

    printed = desk.apply(WHOLE, "--tokens", str(desk.tokens))

    assert "was revoked and stays so" in printed
    assert ApiToken.objects.get().revoked_at is not None


def test_sections_of_later_versions_are_named_as_not_applied(desk: Desk) -> None:
    assert "! slack: this version does not apply this section yet" in desk.apply(WHOLE)


def test_nobody_confirms_the_pipeline_they_registered(desk: Desk) -> None:
    with pytest.raises(CommandError, match=r"pipelines\[0\]\.confirmed_by.*four_eyes"):
        desk.apply(WHOLE.replace("confirmed_by: bo@", "confirmed_by: Ann@"))

    assert not User.objects.exists()


def test_a_pipeline_that_must_prove_something_else_is_shown_as_confirmed_anew(desk: Desk) -> None:
    desk.apply(WHOLE)

    printed = desk.apply(WHOLE.replace("requires: [tests, smoke_test, rollback]", "requires: [tests]"))

    assert "~ pipeline checkout-deploy: requires rollback, smoke_test, tests -> tests" in printed
    assert "~ pipeline checkout-deploy: confirmed by bo@example.com" in printed
    assert Pipeline.objects.get().state == Pipeline.State.TRUSTED


def test_a_file_does_not_end_a_suspension(desk: Desk) -> None:
    desk.apply(WHOLE)
    Pipeline.objects.update(state=Pipeline.State.SUSPENDED)

    desk.apply(WHOLE.replace("requires: [tests, smoke_test, rollback]", "requires: [tests]"))

    assert Pipeline.objects.get().state == Pipeline.State.SUSPENDED


def test_the_last_administrator_cannot_be_taken_away_by_a_file(desk: Desk) -> None:
    desk.apply(PEOPLE)

    with pytest.raises(CommandError, match="last_admin"):
        desk.apply(PEOPLE.replace("admin: true", "admin: false").replace("Bo Okafor", "Bob"))

    assert User.objects.get(email="bo@example.com").name == "Bo Okafor"
    assert User.objects.get(email="ann@example.com").is_admin


def test_all_mistakes_are_listed_with_their_place_and_nothing_is_applied(desk: Desk) -> None:
    wrong = """
people:
  - {email: ann@example.com, name: Ann, time_zone: Mars/Olympus}
  - {email: ann, name: Ann}
  - {email: bo@example.com, name: Bo, shoe_size: 43}
  - {email: cy@example.com, name: yes}
  - {email: di@example.com, name: Di}
  - {email: DI@example.com, name: Di}
teams: [{slug: payments, name: Payments, leads: [nobody@example.com]}]
services: [{slug: checkout, team: nowhere, tier: 7}, {slug: self, team: payments, depends_on: [self]}]
shcedules: []
"""
    with pytest.raises(CommandError) as refusal:
        desk.apply(wrong)

    said = str(refusal.value)
    for expected in (
        "line 3, people[0].time_zone: “Mars/Olympus” is no time zone",
        "people[1].email: “ann” is no e-mail address",
        "line 5, people[2].shoe_size: A person has no such field. It has email, name",
        "people[3].name: It must be text; put it in quotes",
        "people[5].email: “di@example.com” is there twice in people",
        "teams[0].leads: “nobody@example.com” is not among the people",
        "services[0].tier: Write 3 or less.",
        "services[1].depends_on: A service cannot depend on itself",
        "shcedules: There is no section of this name",
    ):
        assert expected in said
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("people: [", "not valid YAML"),
        ("- a\n- b\n", "must hold sections"),
        ("", "must hold sections"),
        ("people: {email: ann@example.com}", "must be a list"),
        ("people: [ann@example.com]", "written as fields with values"),
        ("people: []\npeople: []\n", "said twice"),
        ("people: [{email: a@example.com, name: A, name: B}]", "said twice"),
        ("people: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ('people: [{email: ann@example.com, name: "A\\0nn"}]', "control character"),
        ("freezes: [{name: X, start: 2026-13-40T00:00:00Z, end: 2027-01-02T00:00:00Z}]", "not valid YAML"),
        ("freezes: [{name: X, start: 2026-12-20T00:00:00, end: 2027-01-02T00:00:00Z}]", "Add the offset"),
        ("freezes: [{name: X, start: 2027-01-03T00:00:00Z, end: 2027-01-02T00:00:00Z}]", "after the start"),
        (b"people: [\xff\xfe]", "not valid YAML"),
        ("x: " + "[" * 20_000, "not valid YAML"),
        ("people: []\n#" + "x" * 1024 * 1024, "over 1 MiB"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence(desk: Desk, text: str | bytes, because: str) -> None:
    with pytest.raises(CommandError, match=because):
        desk.apply(text)


def test_a_missing_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("apply_organisation", str(tmp_path / "none.yaml"))


def test_the_example_of_the_documentation_can_be_applied(desk: Desk, settings: Any) -> None:
    text = (settings.ROOT / "docs" / "organisation.md").read_text()

    printed = desk.apply(text.split("```yaml")[1].split("```")[0], "--tokens", str(desk.tokens))

    assert "~ pipeline checkout-deploy: confirmed by bo@example.com" in printed
    assert desk.secrets().keys() == {"ci"}

"""People, teams and tokens in an organisation file."""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, Field, StringConstraints

from accounts import actions, policy
from accounts.actions import Person, TokenTerms
from accounts.models import MORNING, ApiToken, Membership, Team, User
from accounts.teams import actions as teams
from accounts.zones import known_zones
from workflow.errors import Malformed
from workflow.manifest import Complaint, Line, Moment, Section, Shape, Slug, Step, difference


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError(f"“{text}” is no e-mail address.") from error
    return text


def _zone(text: str) -> str:
    if text and text not in known_zones():
        raise ValueError(f"“{text}” is no time zone. Write one like Europe/Berlin.")
    return text


Email = Annotated[str, StringConstraints(max_length=254, strip_whitespace=True), AfterValidator(_email)]
Zone = Annotated[str, AfterValidator(_zone)]


class PersonEntry(Shape):
    """Somebody who can sign in."""

    email: Email
    name: Line
    time_zone: Zone = ""
    admin: bool = False
    password: Annotated[str, Field(min_length=1, max_length=200, repr=False)] = ""


class TeamEntry(Shape):
    """A team; who is in it already and not named here stays in it."""

    slug: Slug
    name: Line
    slack_channel: Annotated[str, StringConstraints(max_length=80)] = ""
    time_zone: Zone = ""
    summary_hour: Annotated[int, Field(ge=0, le=23)] = MORNING
    leads: list[Email] = Field(default_factory=list)
    members: list[Email] = Field(default_factory=list)


class TokenEntry(Shape):
    """A machine's credential, made once."""

    name: Annotated[Line, StringConstraints(max_length=80)]
    owner: Email
    scopes: list[str]
    services: list[Slug] = Field(default_factory=list)
    environments: list[Slug] = Field(default_factory=list)
    expires_at: Moment | None = None
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 6000


def person(email: str) -> User:
    """Who signs in with this e-mail; raises User.DoesNotExist."""
    return User.objects.get_by_natural_key(email)


# --- People ---------------------------------------------------------------------------------------------------------


def _plan_people(entries: Sequence[PersonEntry]) -> Iterator[Step]:
    present = {user.email.lower(): user for user in User.objects.all()}
    for entry in entries:
        user = present.get(entry.email.lower())
        if user is None:
            facts = Person(entry.email, entry.name, entry.time_zone, is_admin=entry.admin)
            yield Step(f"+ person {entry.email}", partial(actions.add_person, facts, by=None, password=entry.password))
        else:
            yield from _plan_person(entry, user)


def _plan_person(entry: PersonEntry, user: User) -> Iterator[Step]:
    wanted = entry.given("name", "time_zone", "admin")
    changed = difference({"name": user.name, "time_zone": user.time_zone, "admin": user.is_admin}, wanted)
    if changed:
        columns = {("is_admin" if name == "admin" else name): value for name, value in wanted.items()}
        yield Step(f"~ person {entry.email}: {changed}", partial(actions.change_person, user, by=None, **columns))
    # Whoever was shut out has no password, and gets none before an administrator opens the account again.
    if entry.password and user.is_active and not user.check_password(entry.password):
        yield Step(f"~ person {entry.email}: password", partial(actions.set_password, user, entry.password, by=None))


def _known_people() -> set[str]:
    return set(User.objects.values_list("email", flat=True))


# --- Teams ----------------------------------------------------------------------------------------------------------


def _plan_teams(entries: Sequence[TeamEntry]) -> Iterator[Step]:
    present = {team.slug: team for team in Team.objects.all()}
    standing = {
        (membership.team.slug, membership.user.email.lower()): membership.is_lead
        for membership in Membership.objects.select_related("team", "user")
    }
    for entry in entries:
        team = present.get(entry.slug)
        wanted = entry.given("name", "slack_channel", "time_zone", "summary_hour")
        if team is None:
            yield Step(f"+ team {entry.slug}", partial(teams.add_team, entry.slug, by=None, **wanted))
        elif changed := difference({name: getattr(team, name) for name in wanted}, wanted):
            yield Step(f"~ team {entry.slug}: {changed}", partial(teams.change_team, team, by=None, **wanted))
        yield from _plan_members(entry, standing)


def _plan_members(entry: TeamEntry, standing: dict[tuple[str, str], bool]) -> Iterator[Step]:
    leads = {email.lower() for email in entry.leads}
    for email in dict.fromkeys([*entry.leads, *entry.members]):
        is_lead = email.lower() in leads
        before = standing.get((entry.slug, email.lower()))
        if before is not is_lead:
            sign, role = "+" if before is None else "~", "lead" if is_lead else "member"
            yield Step(
                f"{sign} {role} {email} of team {entry.slug}", partial(_put_member, entry.slug, email, is_lead=is_lead)
            )


def _put_member(slug: str, email: str, *, is_lead: bool) -> None:
    teams.put_member(Team.objects.get(slug=slug), person(email), is_lead=is_lead, by=None)


def _known_teams() -> set[str]:
    return set(Team.objects.values_list("slug", flat=True))


# --- Tokens ---------------------------------------------------------------------------------------------------------


def _check_token(entry: TokenEntry) -> Iterator[Complaint]:
    decision = policy.scopes_within_owner(entry.scopes, owner_is_admin=True)
    if decision.outcome == policy.REFUSED:
        yield Complaint("scopes", decision.rule, decision.because)


class Tokens:
    """The part of the file that makes secrets. `secrets` holds {name: text} of the tokens made so far.

    Without `can_keep` no token is made, because its text would be lost.
    """

    def __init__(self, *, can_keep: bool) -> None:
        self.secrets: dict[str, str] = {}
        self._can_keep = can_keep

    def plan(self, entries: Sequence[TokenEntry]) -> Iterator[Step]:
        """The steps for these entries."""
        present = {(t.owner.email.lower(), t.name): t for t in ApiToken.objects.select_related("owner")}
        for entry in entries:
            token = present.get((entry.owner.lower(), entry.name))
            if token is None and self._can_keep:
                yield Step(f"+ token {entry.name} of {entry.owner}", partial(self._create, entry))
            elif token is None:
                yield Step(
                    f"! token {entry.name} is not made: its text is shown only once, so say --tokens FILE to keep it"
                )
            else:
                yield from self._change(entry, token)

    def _create(self, entry: TokenEntry) -> None:
        terms = TokenTerms(
            name=entry.name,
            scopes=entry.scopes,
            services=entry.services,
            environments=entry.environments,
            expires_at=entry.expires_at,
            requests_per_minute=entry.requests_per_minute,
        )
        _, self.secrets[entry.name] = actions.create_token(person(entry.owner), terms)

    def _change(self, entry: TokenEntry, token: ApiToken) -> Iterator[Step]:
        if token.revoked_at is not None:
            yield Step(f"! token {entry.name} was revoked and stays so: give a new one another name")
            return
        wanted = entry.given("scopes", "services", "environments", "expires_at", "requests_per_minute")
        if changed := difference({name: getattr(token, name) for name in wanted}, wanted):
            yield Step(f"~ token {entry.name}: {changed}", partial(actions.change_token, token, by=None, **wanted))


def read_secrets(path: Path) -> dict[str, Any]:
    """What the file holds, nothing when it does not exist; raises Malformed when it is no JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise Malformed("unreadable_tokens", f"{path} cannot be read as JSON, so it is not overwritten.") from error
    if not isinstance(content, dict):
        raise Malformed("unreadable_tokens", f"{path} holds no JSON object, so it is not overwritten.")
    return content


def write_secrets(path: Path, secrets: dict[str, str]) -> None:
    """Add `secrets` to the file, readable for its owner only; at every moment it is the old file or the new one.

    Raises Malformed as `read_secrets` does and when the folder cannot be written.
    """
    merged = {**read_secrets(path), **secrets}
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(merged, file, indent=2, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise Malformed("unwritable_tokens", f"{path} cannot be written: {error.strerror}.") from error


# --- The sections ---------------------------------------------------------------------------------------------------

PEOPLE = Section("people", "person", PersonEntry, "email", _known_people, _plan_people, has_case=False)
TEAMS = Section(
    "teams", "team", TeamEntry, "slug", _known_teams, _plan_teams, refers={"leads": "people", "members": "people"}
)


def tokens_section(tokens: Tokens) -> Section[TokenEntry]:
    """The section of tokens, whose texts `tokens` collects."""
    return Section(
        "tokens",
        "token",
        TokenEntry,
        "name",
        _known_tokens,
        tokens.plan,
        _check_token,
        {"owner": "people", "services": "services", "environments": "environments"},
    )


def _known_tokens() -> set[str]:
    return set(ApiToken.objects.values_list("name", flat=True))

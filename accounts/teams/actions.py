"""Every write to teams and memberships. `by` is who asks; None is the operator of this installation."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actions import actor_id, require_admin
from accounts.models import Membership, Team, User
from workflow.amendments import amend
from workflow.errors import Conflict
from workflow.ledger import Happening, record


@transaction.atomic
def add_team(slug: str, *, name: str, by: User | None, **columns: object) -> Team:
    """Make a team; `columns` as in `change_team`. Raises Forbidden("may_administer") and Conflict("slug_taken")."""
    require_admin(by)
    try:
        with transaction.atomic():
            team = Team.objects.create(slug=slug, name=name, **columns)
    except IntegrityError as error:
        raise Conflict("slug_taken", f"There is a team with the address “{slug}” already.", field="slug") from error
    _note(team, "created", {"slug": slug}, by=by)
    return team


@transaction.atomic
def change_team(team: Team, *, by: User | None, **columns: object) -> dict[str, list[object]]:
    """Change `name`, `slack_channel`, `time_zone` or `summary_hour` and return {column: [before, after]}.

    Raises Forbidden("may_administer").
    """
    require_admin(by)
    changed = amend(team, **columns)
    if changed:
        _note(team, "changed", dict(changed), by=by)
    return changed


@transaction.atomic
def put_member(team: Team, person: User, *, is_lead: bool, by: User | None) -> None:
    """Make `person` a member, or a lead, of the team, whatever they were. Raises Forbidden("may_administer").

    `since` starts anew for who joins and who becomes a lead: a change is judged by the roles that were held before it
    was filed. Nothing is written about somebody who is that already; who steps down has been a member all the time.
    """
    require_admin(by)
    now = timezone.now()
    defaults = {"is_lead": is_lead, "since": now}
    membership, is_new = Membership.objects.select_for_update().get_or_create(team=team, user=person, defaults=defaults)
    promoted = {"since": now} if is_lead and not membership.is_lead else {}
    if is_new:
        _note(team, "member_added", {"user": person.actor, "is_lead": is_lead}, by=by)
    elif amend(membership, is_lead=is_lead, **promoted):
        _note(team, "member_changed", {"user": person.actor, "is_lead": is_lead}, by=by)


@transaction.atomic
def remove_member(team: Team, person: User, *, by: User | None) -> None:
    """End a membership. Twice is as good as once. Raises Forbidden("may_administer")."""
    require_admin(by)
    removed, _ = Membership.objects.filter(team=team, user=person).delete()
    if removed:
        _note(team, "member_removed", {"user": person.actor}, by=by)


def _note(team: Team, verb: str, facts: dict[str, object], *, by: User | None) -> None:
    now = timezone.now()
    record(team.ref, Happening(verb, actor_id(by), now, facts), at=now)

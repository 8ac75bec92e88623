"""Since when somebody has a role in a team: approvals count only roles that were held before."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, User
from tests.factories import NOON, Shop

MEMBERS = "/settings/teams/payments/members"
LONG_AGO = NOON - timedelta(days=400)


@pytest.fixture
def old_shop(shop: Shop) -> Shop:
    """An organisation that has been there for a year."""
    Membership.objects.update(since=LONG_AGO)
    return shop


@pytest.fixture
def admin(old_shop: Shop) -> Client:
    browser = Client()
    browser.force_login(old_shop.admin)
    return browser


def since(user: User) -> datetime:
    return Membership.objects.get(team__slug="payments", user=user).since


def is_now(moment: datetime) -> bool:
    return timezone.now() - timedelta(minutes=1) < moment <= timezone.now()


def test_who_joins_is_a_member_from_now_on_also_the_second_time(admin: Client, old_shop: Shop) -> None:
    admin.post(f"{MEMBERS}/{old_shop.bo.pk}/remove")
    admin.post(MEMBERS, {"person": old_shop.bo.pk})

    assert is_now(since(old_shop.bo))


def test_who_becomes_a_lead_is_one_from_now_on(admin: Client, old_shop: Shop) -> None:
    admin.post(MEMBERS, {"person": old_shop.bo.pk, "is_lead": "on"})

    assert is_now(since(old_shop.bo))


def test_who_steps_down_and_is_made_a_lead_again_begins_anew(admin: Client, old_shop: Shop) -> None:
    admin.post(MEMBERS, {"person": old_shop.ann.pk})
    assert since(old_shop.ann) == LONG_AGO
    admin.post(MEMBERS, {"person": old_shop.ann.pk, "is_lead": "on"})

    assert is_now(since(old_shop.ann))


@pytest.mark.parametrize(("name", "is_lead"), [("ann", "on"), ("bo", "")])
def test_saying_again_what_somebody_is_changes_nothing(admin: Client, old_shop: Shop, name: str, is_lead: str) -> None:
    person = getattr(old_shop, name)
    admin.post(MEMBERS, {"person": person.pk, "is_lead": is_lead})

    assert since(person) == LONG_AGO


def test_an_organisation_file_starts_only_the_roles_that_it_changes(old_shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "organisation.yaml"
    file.write_text(
        "teams: [{slug: payments, name: Payments, leads: [ann@example.com, bo@example.com], members: [cy@example.com]}]"
    )
    call_command("apply_organisation", str(file))
    first = {user: since(user) for user in (old_shop.ann, old_shop.bo, old_shop.cy)}
    call_command("apply_organisation", str(file))

    assert first[old_shop.ann] == LONG_AGO
    assert is_now(first[old_shop.bo])
    assert is_now(first[old_shop.cy])
    assert {user: since(user) for user in first} == first

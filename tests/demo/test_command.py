"""`manage.py demo`: whom it lets in, and when it keeps away."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from accounts.models import User
from changes.models import Change
from demo import actions
from tests.factories import make_user
from workflow.models import Entry

pytestmark = pytest.mark.django_db


def run_demo(*words: str) -> str:
    out = io.StringIO()
    call_command("demo", *words, stdout=out)
    return out.getvalue()


def test_the_printed_account_signs_in_and_a_second_run_adds_nothing(settings: Any, client: Client) -> None:
    settings.EMBEDDED = True
    line = run_demo().splitlines()[-1]
    before = Change.objects.count(), Entry.objects.count()

    printed = run_demo()

    assert "there already" in printed
    assert line in printed
    assert (Change.objects.count(), Entry.objects.count()) == before
    email, password = line.split()[3], line.split()[-1]
    client.post("/accounts/login/", {"login": email, "password": password})
    assert client.get("/settings/people").status_code == 200


def test_it_keeps_away_from_real_people_unless_forced_and_then_opens_nothing_to_who_reads_its_source(
    settings: Any,
) -> None:
    settings.EMBEDDED = False
    make_user("real@example.com")

    with pytest.raises(CommandError, match="not_empty"):
        run_demo()
    assert not Change.objects.exists()

    assert actions.PASSWORD not in run_demo("--force")
    assert Change.objects.exists()
    assert not User.objects.get(email="ann@halyard.example").check_password(actions.PASSWORD)


def test_make_run_starts_beside_real_people_without_the_demo(settings: Any) -> None:
    settings.EMBEDDED = True
    make_user("real@example.com")

    assert "your own account" in run_demo()
    assert not Change.objects.exists()

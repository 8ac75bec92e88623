"""A page of the watch asks the database as often for two hundred schedules as for one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oncall.models import HandoverNote, Override, Participant, Rotation, Schedule, SwapRequest
from tests.conftest import token_client
from tests.factories import make_user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def many(shop):
    """Two hundred schedules with ten rotations each, in which people, a team and nobody take turns."""
    now = timezone.now().replace(microsecond=0)
    people = [make_user(f"p{number}@example.com", f"Person {number:02}") for number in range(20)]
    schedules = Schedule.objects.bulk_create(
        Schedule(slug=f"s{number:03}", name=f"s{number:03}", team=shop.payments, time_zone="Europe/Berlin")
        for number in range(200)
    )
    rotations = Rotation.objects.bulk_create(
        Rotation(schedule=one, name=f"r{place}", type="weekly", start=now - 70 * DAY, position=place)
        for one in schedules
        for place in range(10)
    )
    Participant.objects.bulk_create(
        Participant(rotation=one, position=place, **turn)
        for number, one in enumerate(rotations)
        for place, turn in enumerate(
            ({"kind": "user", "user": people[number % 20]}, {"kind": "team", "team": shop.payments}, {"kind": "none"})
        )
    )
    overrides = Override.objects.bulk_create(
        Override(schedule=one, user=people[0], start=now - HOUR, end=now + DAY, alias="ours-1") for one in schedules
    )
    named = Override.rotations.through
    named.objects.bulk_create(
        named(override=one, rotation=rotations[10 * place + each])
        for place, one in enumerate(overrides)
        for each in (0, 1)
    )
    for one in (*schedules, *schedules[:1] * 30):
        swap = {"asked_by": people[0], "asked": shop.ann, "start": now + DAY, "end": now + 2 * DAY}
        SwapRequest.objects.create(schedule=one, **swap)
        HandoverNote.objects.create(schedule=one, author=people[1], text="All is quiet.", written_at=now)
    return schedules


@pytest.mark.django_db
def test_pages_and_answers_take_few_statements_however_many_schedules_there_are(
    many, shop, ann, django_assert_max_num_queries
):
    pages = {"/oncall": 12, "/oncall/s000": 12, "/oncall/links": 12}
    for path, most in pages.items():
        with django_assert_max_num_queries(most):
            assert ann.get(path).status_code == 200, path
    reads = token_client(shop.ann, "read")
    reads.get("/api/v1/schedules")  # notes that the token is used
    answers = {"/api/v1/oncall": 6, "/api/v1/schedules/s000": 8, "/api/v1/schedules/s000/oncall": 8}
    for path, most in answers.items():
        with django_assert_max_num_queries(most):
            assert reads.get(path).status_code == 200, path
    found = reads.get("/api/v1/oncall").json()["schedules"]
    assert len(found) == 200
    assert "p0@example.com" in found[0]["on_call"], "the override counts"
    replaced = reads.get("/api/v1/schedules/s000").json()["overrides"][0]
    assert replaced["rotations"] == ["r0", "r1"]

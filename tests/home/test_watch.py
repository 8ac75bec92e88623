"""Who has the watch, on the first page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from home.watch import on_watch
from oncall import queries
from oncall.models import Participant, Schedule
from tests.changes.test_pages import log_unproven
from tests.factories import make_watch

HOUR = timedelta(hours=1)


@pytest.mark.django_db
def test_the_panel_says_what_the_schedules_say_in_one_statement(shop, django_assert_max_num_queries):
    now = timezone.now()
    make_watch(shop)
    for number, team in enumerate([shop.payments, *[shop.delivery] * 12]):
        schedule = Schedule.objects.create(slug=f"s{number}", name=f"s{number}", team=team, time_zone="Europe/Berlin")
        start = now - timedelta(days=9, hours=number)
        week = schedule.rotations.create(name="week", type="weekly", start=start, length=1 + number % 2)
        nights = [{"start": "22:00", "end": "06:00"}]
        other = schedule.rotations.create(name="more", type="hourly", start=start, length=7, restrictions=nights)
        for place, turn in enumerate(({"user": shop.ann, "kind": "user"}, {"team": team, "kind": "team"})):
            Participant.objects.create(rotation=week, position=place, **turn)
        Participant.objects.create(rotation=other, position=0, kind="none")
        Participant.objects.create(rotation=other, position=1, kind="user", user=shop.cy)
        said = {"user": shop.bo, "start": now - HOUR, "end": now + number * HOUR + HOUR, "alias": f"ours-{number}"}
        schedule.overrides.create(**said).rotations.set([week] if number % 3 else [])
    with django_assert_max_num_queries(1):
        lines = on_watch(shop.ann, now=now)
    assert len(lines) == 8
    assert {"payments-primary", "s0"} <= {line.slug for line in lines}, "the teams of the reader come first"
    known = {one.watch.schedule.slug: one for one in queries.standings(queries.schedules(), now)}
    for line in lines:
        assert [person.pk for person in line.people] == [person.pk for person in known[line.slug].now], line.slug
        assert line.until == known[line.slug].until, line.slug


def test_a_gap_in_the_next_day_is_shown_in_red_with_where_to_find_cover(client, shop, ci):
    now = timezone.now()
    schedule = make_watch(shop)
    schedule.rotations.update(end=now + 3 * HOUR)
    log_unproven(ci)
    client.force_login(shop.ann)
    page = client.get("/").content.decode()
    assert "Who has the watch" in page
    assert "Find cover" in page
    line = on_watch(shop.ann, now=now)[0]
    assert line.gap is not None
    assert (line.gap.start, line.slug) == (schedule.rotations.get().end, "payments-primary")

"""The pages of freezes, as people use them; no script is needed for any of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from changes.freezes import policy
from changes.models import Freeze, FreezeOverride
from tests.factories import make_freeze

HOUR = timedelta(hours=1)


def typed(**changed):
    """What somebody types for a freeze from 20 December 2030 to 2 January."""
    said = {
        "name": "Year end",
        "reason": "Half of the people are away.",
        "strength": "hard",
        "start": "2030-12-20",
        "start_time": "00:00",
        "end": "2031-01-02",
        "end_time": "08:00",
        "time_zone": "Europe/Berlin",
        "repeats": "once",
        "environments": ["production"],
        **changed,
    }
    return {name: value for name, value in said.items() if value is not None}


def text_of(answer):
    return answer.content.decode()


def test_without_any_freeze_the_page_says_so_and_what_to_do(ann):
    page = text_of(ann.get("/freezes"))
    assert "No freeze, now or planned" in page
    assert 'href="/freezes/new"' in page


def test_the_list_tells_present_coming_and_past_apart(ann):
    now = timezone.now()
    make_freeze(name="At the moment")
    make_freeze(name="Soon", start=now + HOUR, end=now + 2 * HOUR, is_hard=False)
    make_freeze(name="Long ago", start=now - 9 * HOUR, end=now - 8 * HOUR)
    page = text_of(ann.get("/freezes"))
    places = [
        page.index(words) for words in ("<h2>In force now", "At the moment", ">Coming", "Soon", ">Past", "Long ago")
    ]
    assert places == sorted(places)
    assert "In force now: 1 hard freeze." in page


def test_a_declared_freeze_begins_and_ends_on_the_clocks_of_its_zone(shop, ann):
    answer = ann.post("/freezes/new", typed())
    freeze = Freeze.objects.get()
    assert answer["Location"] == f"/freezes/{freeze.pk}"
    assert (freeze.start, freeze.end) == (datetime(2030, 12, 19, 23, tzinfo=UTC), datetime(2031, 1, 2, 7, tzinfo=UTC))
    assert (freeze.is_hard, freeze.rrule, list(freeze.environments.all())) == (True, "", [shop.production])


@pytest.mark.parametrize(
    ("changed", "rule", "words"),
    [
        ({"repeats": "weekly"}, "FREQ=WEEKLY;BYDAY=FR", "every week on Friday"),
        (
            {"repeats": "weekly", "weekdays": ["MO"], "until": "2031-06-30"},
            "FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20310630",
            "every week on Monday and Friday, until 30 June 2031",
        ),
        ({"repeats": "monthly_day"}, "FREQ=MONTHLY;BYMONTHDAY=20", "every month on day 20"),
        ({"repeats": "monthly_weekday"}, "FREQ=MONTHLY;BYDAY=3FR", "every month on the third Friday"),
        (
            {"repeats": "monthly_weekday", "start": "2031-01-31", "end": "2031-02-01"},
            "FREQ=MONTHLY;BYDAY=-1FR",
            "every month on the last Friday",
        ),
        ({"repeats": "yearly"}, "FREQ=YEARLY", "every year"),
        ({"repeats": "rule", "rrule": "FREQ=DAILY;COUNT=3"}, "FREQ=DAILY;COUNT=3", "every day, 3 times in all"),
    ],
)
def test_each_way_to_repeat_is_kept_as_a_rule_and_told_in_words(ann, changed, rule, words):
    said = typed(**{"end": "2030-12-21", **changed})
    preview = ann.post("/freezes/new", {**said, "preview": "1"})
    assert words in text_of(preview)
    assert not Freeze.objects.exists()

    answer = ann.post("/freezes/new", said)
    freeze = Freeze.objects.get()
    assert freeze.rrule == rule
    assert words in text_of(ann.get(answer["Location"]))


def test_the_next_five_times_are_shown_before_it_is_declared_and_nothing_typed_is_lost(ann):
    said = typed(repeats="weekly", start="2030-12-20", start_time="18:00", end="2030-12-23", preview="1")
    page = text_of(ann.post("/freezes/new", said))
    for day in ("20 December", "27 December", "3 January", "10 January", "17 January"):
        assert f"Friday {day}" in page
    assert "24 January" not in page
    assert 'value="Year end"' in page
    assert 'value="18:00"' in page
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"start": ""}, "start", "required"),
        ({"start": "20 Dec"}, "start", "invalid"),
        ({"end": "2030-12-19"}, "end", "freeze_ends_after_start"),
        ({"start": "2020-12-20", "end": "2020-12-21"}, "end", "freeze_lies_ahead"),
        ({"start": "1020-12-20"}, "start", "freeze_is_sound"),
        ({"repeats": "rule"}, "rrule", "recurrence"),
        ({"repeats": "rule", "rrule": "FREQ=SECONDLY"}, "rrule", "recurrence"),
        ({"repeats": "yearly", "end": "2031-12-01"}, "rrule", "recurrence"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "invalid_choice"),
        ({"services": ["no-such"]}, "services", "invalid_choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(ann, changed, field, code):
    answer = ann.post("/freezes/new", typed(**changed))
    assert answer.status_code == 200
    form = answer.context["form"]
    assert [error.code for error in form.errors.as_data()[field]] == [code]
    assert not Freeze.objects.exists()


def test_who_may_not_declare_it_is_told_the_rule(shop, client):
    client.force_login(shop.bo)
    page = text_of(client.post("/freezes/new", typed()))
    assert "may_decide_on_freeze" in page
    assert not Freeze.objects.exists()


def test_an_override_is_asked_for_on_the_page_and_confirmed_by_somebody_else(shop, ann, client):
    freeze = make_freeze()
    answer = ann.post(f"/freezes/{freeze.pk}/override", {"reason": "It burns", "services": ["checkout"], "hours": "8"})
    assert answer["Location"] == f"/freezes/{freeze.pk}#overrides"
    override = FreezeOverride.objects.get()
    mine = text_of(ann.get(f"/freezes/{freeze.pk}"))
    assert "You asked for it, so somebody else must confirm it" in mine
    assert f"/override/{override.pk}/confirm" not in mine

    ann.post(f"/freezes/{freeze.pk}/override/{override.pk}/confirm")
    assert FreezeOverride.objects.get().confirmed_by is None

    client.force_login(shop.cy)
    assert f"/override/{override.pk}/confirm" in text_of(client.get(f"/freezes/{freeze.pk}"))
    client.post(f"/freezes/{freeze.pk}/override/{override.pk}/confirm")
    assert FreezeOverride.objects.get().confirmed_by == shop.cy
    assert "Allowed: checkout" in text_of(client.get(f"/freezes/{freeze.pk}"))


def test_leave_for_a_freeze_that_begins_later_counts_from_then_and_never_ends_before(ann):
    start = timezone.now().replace(microsecond=0) + timedelta(days=9)
    freeze = make_freeze(start=start, end=start + timedelta(days=3))
    assert "from when it begins" in text_of(ann.get(f"/freezes/{freeze.pk}"))
    ann.post(f"/freezes/{freeze.pk}/override", {"reason": "It burns.", "hours": "8"})
    assert FreezeOverride.objects.get().expires_at == start + 8 * HOUR
    early = policy.override_is_short(expires_at=start - HOUR, now=start - timedelta(days=1), begins=start)
    assert (early.rule, early.outcome) == ("override_is_short", policy.REFUSED)


def test_the_page_for_editing_is_not_opened_to_who_may_not(shop, client):
    freeze = make_freeze()
    client.force_login(shop.bo)
    page = client.get(f"/freezes/{freeze.pk}/edit", follow=True)
    assert page.redirect_chain[0][0] == f"/freezes/{freeze.pk}"
    assert "You cannot edit Black Friday" in text_of(page)


def test_an_override_without_a_reason_is_refused_beside_it(ann):
    freeze = make_freeze()
    answer = ann.post(f"/freezes/{freeze.pk}/override", {"reason": "", "hours": "8"})
    assert answer.status_code == 422
    assert answer.context["form"].errors.as_data()["reason"][0].code == "required"


def test_a_freeze_is_ended_by_a_button_that_only_those_see_who_may(shop, ann, client):
    freeze = make_freeze()
    assert "End this freeze now" in text_of(ann.get(f"/freezes/{freeze.pk}"))
    ann.post(f"/freezes/{freeze.pk}/end")
    assert Freeze.objects.get().ended_at is not None
    assert "Ended" in text_of(ann.get(f"/freezes/{freeze.pk}"))

    client.force_login(shop.bo)
    other = make_freeze(name="Another")
    page = text_of(client.get(f"/freezes/{other.pk}"))
    assert "End this freeze now" not in page
    assert "Ann Lee, Cy Rao or Ada Min can end or override it." in page
    client.post(f"/freezes/{other.pk}/end")
    assert Freeze.objects.get(pk=other.pk).ended_at is None


@pytest.mark.parametrize(
    "path", ["/freezes/999", "/freezes/999/end", "/freezes/999/override", "/freezes/9/override/9/confirm"]
)
def test_a_freeze_that_does_not_exist_is_not_found(ann, path):
    answer = ann.get(path) if path.count("/") == 2 else ann.post(path)
    assert answer.status_code == 404


def test_the_pages_cost_the_same_whatever_they_show(shop, ann, django_assert_max_num_queries):
    now = timezone.now()
    for number in range(15):
        freeze = make_freeze(name=f"Freeze {number}")
        freeze.services.add(shop.checkout)
        for _ in range(3):
            FreezeOverride.objects.create(freeze=freeze, reason="x", requested_by=shop.ann, expires_at=now + HOUR)
    with django_assert_max_num_queries(14):
        ann.get("/freezes")
    with django_assert_max_num_queries(14):
        ann.get(f"/freezes/{freeze.pk}")


def test_the_pipelines_page_shows_what_the_gate_answered(ann, ci):
    ci.post(
        "/api/v1/gate",
        {"service": "checkout", "environment": "production", "pipeline": "checkout-deploy", "sha": "9fceb02d"},
        format="json",
    )
    page = text_of(ann.get("/pipelines/checkout-deploy"))
    assert "Tests: No test report was sent." in page
    assert 'href="/policy/evidence_missing"' in page
    assert ann.get("/policy/evidence_missing").status_code == 200

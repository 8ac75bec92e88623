"""Kills in the middle of a step, and workers and answers that meet: each step once, and none after an answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from notifications.models import Message
from oncall.paging import actions
from oncall.paging.actions import Target, Wanted, acknowledge, page, run_due
from oncall.paging.models import Page, PageStep
from tests.factories import make_shop
from workflow.models import Entry


class Killed(BaseException):
    """As a process that is killed: nobody catches it."""


def due_again(row):
    Page.objects.filter(pk=row.pk).update(next_run_at=timezone.now() - timedelta(seconds=1))


def happened(row):
    """Everything that a step leaves behind."""
    return (
        list(PageStep.objects.filter(page=row).values_list("number", flat=True)),
        Message.objects.filter(topic=row.topic).count(),
        Entry.objects.filter(subject="INC-3").count(),
        Page.objects.filter(pk=row.pk).values_list("step", "state").get(),
    )


def killed_at(statement):
    """Let the process die at this write; say whether it came to that."""
    seen = 0

    def die(execute, sql, params, many, context):
        nonlocal seen
        is_write = sql.split(" ", 1)[0] in {"INSERT", "UPDATE", "DELETE"}
        seen += is_write
        if is_write and seen == statement:
            raise Killed
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(die):
            run_due()
    except Killed:
        return True
    return False


def test_a_worker_that_is_killed_at_any_write_of_a_step_leaves_nothing_and_the_next_takes_all_of_it(shop):
    row = page(Wanted(Target("user", "ann@example.com"), "Checkout is down", subject="INC-3"), by=None)
    Page.objects.filter(pk=row.pk).update(plan={**row.plan, "repeat": 1})
    due_again(row)
    before, statement = happened(row), 1
    while killed_at(statement):
        assert happened(row) == before, f"killed at write {statement}"
        statement += 1
    assert statement > 4
    numbers, messages, _, (step, state) = happened(row)
    assert (numbers, messages, step, state) == ([0, 1], 2, 2, "paging")
    due_again(row)
    before, statement = happened(row), 1
    while killed_at(statement):
        assert happened(row) == before, f"killed at write {statement} of giving up"
        statement += 1
    assert Page.objects.get().state == "exhausted"


def test_a_page_that_cannot_be_read_stops_no_other(shop):
    spoilt, sound = (page(Wanted(Target("user", "ann@example.com"), "Down"), by=None) for _ in range(2))
    Page.objects.filter(pk=spoilt.pk).update(plan={"name": "spoilt"})
    for row in (spoilt, sound):
        due_again(row)
    assert run_due() == 1
    sound.refresh_from_db()
    assert sound.state == "exhausted"


# --- On PostgreSQL, where workers run at once ------------------------------------------------------------------------


@pytest.fixture
def house():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")
    return make_shop()


def at_once(jobs):
    def run(job):
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(run, jobs))


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_look_at_once_take_each_step_once(house):
    rows = [page(Wanted(Target("user", "ann@example.com"), "Down"), by=None) for _ in range(5)]
    for row in rows:
        Page.objects.filter(pk=row.pk).update(plan={**row.plan, "repeat": 3})
    for _ in range(3):
        for row in rows:
            due_again(row)
        assert sum(at_once([run_due] * 8)) == 5
    assert [Page.objects.get(pk=row.pk).step for row in rows] == [4] * 5
    assert Message.objects.exclude(channel="canary").count() == PageStep.objects.count() == 20


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_an_answer_that_meets_an_escalation_has_one_outcome_and_nothing_waits_after_it(house):
    ann = User.objects.get(email="ann@example.com")
    for _ in range(12):
        row = page(Wanted(Target("user", "ann@example.com"), "Down"), by=None)
        Page.objects.filter(pk=row.pk).update(plan={**row.plan, "repeat": 5})
        due_again(row)
        answer = lambda row=row: acknowledge(row.key, user=ann, via="link", actor=ann.actor)  # noqa: E731 - a job
        at_once([run_due, answer, run_due, run_due])
        at_once([actions.run_due])
        row.refresh_from_db()
        assert (row.state, row.next_run_at) == ("acknowledged", None)
        assert not Message.objects.filter(topic=row.topic, state="pending").exists()
        assert row.step == row.steps.count() <= 2
        assert Entry.objects.filter(subject=row.ref).latest("id").verb == "page_acknowledged"

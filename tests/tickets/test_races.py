"""Two people decide at once. Real transactions on real connections, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import Membership
from changes.models import Approval, Change, Template, Ticket
from changes.preapproved.actions import demote_template
from changes.tickets import queries
from changes.tickets.content import Draft
from changes.tickets.deciding import approve_change, reject_change, withdraw_change
from changes.tickets.doing import finish_change, start_change
from changes.tickets.filing import amend_change, file_and_submit, file_change
from tests.factories import make_shop, make_ticket, make_user
from tests.preapproved.people import make_team
from tests.tickets.test_journey import NO_RISK
from workflow.errors import RuleViolation
from workflow.idempotency import said_once
from workflow.models import Entry

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]
PAIRS = 200


@pytest.fixture(autouse=True)
def _only_on_postgres():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, so there is no race to win")


@pytest.fixture
def crew():
    """Ann files; Dee and Eve can approve."""
    shop = make_shop()
    dee, eve = make_user("dee@example.com"), make_user("eve@example.com")
    for person in (dee, eve):
        Membership.objects.create(team=shop.payments, user=person)
    return shop, *(caller_of_person(person) for person in (shop.ann, dee, eve))


def waiting(shop, count, **columns):
    now = timezone.now()
    refs = []
    for number in range(count):
        ticket = make_ticket(
            shop,
            services=[shop.ledger],
            state="submitted",
            requester=shop.ann,
            risk_answers=NO_RISK,
            test_evidence="Ran.",
            rollback_plan="Back.",
            rollback_minutes=1,
            verification_plan="Look.",
            window_start=now + timedelta(hours=number),
            window_end=now + timedelta(hours=number, minutes=30),
            **columns,
        )
        Ticket.objects.filter(pk=ticket.pk).update(digest=queries.standing_of(ticket.change.ref).digest)
        refs.append(ticket.change.ref)
    Change.objects.update(created_at=now)
    return refs


def racing(first, second, refs):
    """Both deeds on every change, at the same moment; what each brought, or the code of its refusal."""
    gate = Barrier(2)

    def run(deed):
        results = []
        try:
            for ref in refs:
                gate.wait(timeout=60)
                try:
                    deed(ref)
                    results.append("done")
                except RuleViolation as refusal:
                    results.append(refusal.code)
        finally:
            connection.close()
        return results

    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(zip(*pool.map(run, (first, second)), strict=True))


def verbs_of(ref):
    return sorted(Entry.objects.filter(subject=ref).values_list("verb", flat=True))


def test_two_approvers_at_once_give_one_outcome_two_hundred_times(crew):
    shop, _, dee, eve = crew
    refs = waiting(shop, PAIRS)
    ends = racing(lambda ref: approve_change(ref, by=dee), lambda ref: approve_change(ref, by=eve), refs)
    assert {tuple(sorted(end)) for end in ends} == {("done", "transition_illegal")}
    assert set(Change.objects.values_list("state", flat=True)) == {"approved"}
    assert Approval.objects.count() == PAIRS
    assert all(verbs_of(ref) == ["approved"] for ref in refs)


def test_approve_against_withdraw_gives_one_outcome(crew):
    shop, ann, dee, _ = crew
    refs = waiting(shop, 25)
    racing(lambda ref: approve_change(ref, by=dee), lambda ref: withdraw_change(ref, by=ann), refs)
    # An approved change may still be withdrawn, so both may succeed one after the other, and withdrawn is the end.
    assert set(Change.objects.values_list("state", flat=True)) == {"withdrawn"}
    assert {tuple(verbs_of(ref)) for ref in refs} <= {("withdrawn",), ("approved", "withdrawn")}


def test_approve_against_reject_gives_one_outcome(crew):
    shop, _, dee, eve = crew
    refs = waiting(shop, 25)
    ends = racing(lambda ref: approve_change(ref, by=dee), lambda ref: reject_change(ref, by=eve, reason="No."), refs)
    assert all(end.count("done") == 1 for end in ends)
    for ref in refs:
        assert verbs_of(ref) == [Change.objects.get(pk=int(ref.removeprefix("CHG-"))).state]


def test_an_edit_against_an_approval_never_leaves_something_approved_that_nobody_read(crew):
    shop, ann, dee, _ = crew
    refs = waiting(shop, 25)
    seen = dict(Ticket.objects.values_list("pk", "digest"))
    racing(
        lambda ref: approve_change(ref, by=dee, seen=seen[int(ref.removeprefix("CHG-"))]),
        lambda ref: amend_change(ref, {"rollback_plan": "There is none."}, by=ann),
        refs,
    )
    assert set(Change.objects.values_list("state", flat=True)) == {"submitted"}
    assert not Approval.objects.filter(voided_at__isnull=True).exists()


def test_starting_or_finishing_twice_at_once_happens_once(crew):
    shop, ann, dee, _ = crew
    refs = waiting(shop, 10)
    for ref in refs:
        approve_change(ref, by=dee)
    started = racing(lambda ref: start_change(ref, by=ann), lambda ref: start_change(ref, by=ann), refs)
    done = racing(
        lambda ref: finish_change(ref, by=ann, outcome="succeeded"),
        lambda ref: finish_change(ref, by=ann, outcome="failed"),
        refs,
    )
    assert {tuple(sorted(end)) for end in (*started, *done)} == {("done", "transition_illegal")}


def test_one_page_that_is_sent_twice_at_once_files_one_change(crew):
    ann = crew[1]
    draft = Draft(title="Restart the queue", services=("ledger",))

    def press(page):
        said_once(credential=ann.actor, key=page, work=lambda: file_change(draft, by=ann).ref)

    pages = [f"filing:{number}" for number in range(20)]
    assert {*racing(press, press, pages)} == {("done", "done")}
    assert Ticket.objects.count() == len(pages)


def test_of_two_edits_of_what_both_had_read_one_is_kept_and_the_other_is_told(crew):
    ann, refs = crew[1], waiting(crew[0], 20)
    seen = {ref: queries.standing_of(ref).edition for ref in refs}

    def write(words):
        return lambda ref: amend_change(ref, {"public_note": words}, by=ann, seen=seen[ref])

    ends = racing(write("First."), write("Second."), refs)
    assert {tuple(sorted(end)) for end in ends} == {("done", "stale_edit")}
    assert {queries.standing_of(ref).change.public_note for ref in refs} <= {"First.", "Second."}


def test_a_template_that_is_demoted_while_a_change_from_it_begins_ends_in_one_of_two_ways():
    team = make_team(make_shop())
    bo, now = caller_of_person(team.shop.bo), timezone.now()
    for _ in range(5):
        if Template.objects.exists():
            team.change(team.dan)
            team.approve(team.shop.ann)
            template = team.approve(team.shop.bo)
        else:
            template = team.approved()
        start, end = now - timedelta(hours=1), now + timedelta(hours=1)
        ref = file_and_submit(Draft(template=template.slug, window_start=start, window_end=end), by=bo).ref
        [(started, demoted)] = racing(
            lambda ref: start_change(ref, by=bo),
            lambda ref: demote_template(Template.objects.get(), because="It failed.", at=timezone.now()),
            [ref],
        )
        state = Change.objects.get(pk=int(ref.removeprefix("CHG-"))).state
        assert demoted == "done"
        assert (started, state) in {("done", "in_progress"), ("template_usable", "approved")}
        Change.objects.update(state="closed")

"""Plans that bring Opsgenie and Decklog together, against the simulator through the real SDK."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.callers import caller_of_person
from oncall.models import Schedule
from oncall.providers.native import Native
from oncall.providers.protocol import perform
from oncall.sync import actions, looking, planning
from oncall.sync.models import Agreed, Plan
from oncall.sync.planning import Intent
from oncall.sync.shapes import override_form
from tests.oncall.sync.test_providers import ANN, BO, CY, FORMS, SCHEDULE, rotation
from tests.opsgenie_simulator.seeds import people, week
from workflow.errors import Conflict, Forbidden

TOMORROW = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
OVERRIDE = override_form(person=CY, start=TOMORROW, end=TOMORROW + timedelta(hours=8), rotations=["week"])


@pytest.fixture
def kept_here(shop):
    """A schedule with two rotations and an override whose truth is here."""
    native = Native()
    perform(native, ("schedule", "primary", ""), SCHEDULE)
    perform(native, ("rotation", "primary", "week"), rotation(ANN, BO))
    perform(native, ("rotation", "primary", "nights"), FORMS["nights"])
    perform(native, ("override", "primary", "ours-1"), OVERRIDE)
    Schedule.objects.update(truth=Schedule.Truth.LOCAL)
    return native


@pytest.fixture
def kept_there(simulator, shop):
    """The same in Opsgenie, unknown here."""
    edges = {"startDate": OVERRIDE["start"], "endDate": OVERRIDE["end"]}
    turns = [week(ANN.upper(), BO), {**week(CY), "name": "second", "type": "daily"}]
    body = {"name": "theirs", "timezone": "Europe/Berlin", "ownerTeam": {"name": "Payments"}, "rotations": turns}
    schedule = simulator.account.add_schedule(body)
    body = {"user": {"username": CY}, **edges, "rotations": [{"name": "week"}]}
    simulator.account.put_override(schedule, "swap", body)
    return schedule


def run(plan, remote, confirmation=""):
    actions.ask_to_apply(plan, by=None, confirmation=confirmation)
    return actions.run_plan(plan, remote=remote)


def planned(direction, remote, **more):
    return planning.make_plan(Intent(direction, **more), remote=lambda: remote, by=None)


def words(plan):
    return [str(one) for one in plan.operations.all()]


def test_a_push_makes_opsgenie_the_same_and_the_next_plan_is_empty(opsgenie, kept_here):
    plan = planned("push", opsgenie)
    assert words(plan) == [
        "add schedule primary",
        "add rotation primary nights",
        "add rotation primary week",
        "add override primary ours-1",
    ]
    assert run(plan, opsgenie).state == "applied"
    assert opsgenie.schedules() == kept_here.schedules()
    assert words(planned("push", opsgenie)) == []
    assert Agreed.objects.get().form == kept_here.schedule("primary")


def test_an_import_adopts_schedules_with_rotations_and_overrides_in_one_go(opsgenie, kept_there, simulator):
    people(simulator.account, "stranger@x.io")
    plan = planned("import", opsgenie)
    assert plan.unmatched == [{"email": "stranger@x.io", "name": "Stranger", "missing": "here"}]
    assert run(plan, opsgenie).state == "applied"
    assert Native().schedules() == opsgenie.schedules()
    assert Schedule.objects.get().truth == "remote"
    assert simulator.writes() == []
    assert words(planned("both", opsgenie)) == []


def test_what_names_somebody_unknown_is_left_out_and_said(opsgenie, kept_there, simulator):
    people(simulator.account, "stranger@x.io")
    simulator.account.add_rotation(kept_there, {**week("stranger@x.io"), "name": "odd"})
    plan = planned("import", opsgenie)
    assert [conflict[2] for conflict in plan.conflicts] == ["odd"]
    ended = run(plan, opsgenie)
    assert ended.state == "applied"
    assert ended.because.startswith("Not the same yet, because something in it is left to you. theirs: Opsgenie says")
    assert set(Native().schedules()["theirs"]["rotations"]) == {"week", "second"}


class Killed(BaseException):
    """What a process that was killed never gets to catch."""


class Mortal:
    """A provider whose process dies before, or after, its n-th write."""

    def __init__(self, provider, writes, *, after):
        self._provider, self._left, self._after = provider, writes, after

    def __getattr__(self, name):
        found = getattr(self._provider, name)
        return self._dying(found) if name.startswith(("put_", "remove_")) else found

    def _dying(self, found):
        def call(*given):
            if self._after:
                found(*given)
            if self._left == 0:
                raise Killed
            self._left -= 1
            if not self._after:
                found(*given)

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_an_apply_that_is_killed_at_any_write_resumes_to_the_same_end(opsgenie, kept_here, simulator, after):
    for writes in range(4):
        simulator.account.schedules.clear()
        Agreed.objects.all().delete()
        plan = planned("push", opsgenie)
        with pytest.raises(Killed):
            run(plan, Mortal(opsgenie, writes, after=after))
        Plan.objects.filter(pk=plan.pk).update(beat_at=timezone.now() - timedelta(minutes=5))
        planning.mind_plans(remote=opsgenie)
        plan.refresh_from_db()
        assert (plan.state, plan.because) == ("applied", "")
        assert opsgenie.schedules() == kept_here.schedules()


def test_people_are_made_in_opsgenie_only_where_the_plan_may_and_teams_where_they_are_needed(
    opsgenie, kept_here, simulator
):
    simulator.account.users = {key: one for key, one in simulator.account.users.items() if one["username"] != CY}
    simulator.account.teams.clear()
    plan = planned("push", opsgenie)
    assert words(plan)[0] == "add team Payments"
    assert {conflict[2] for conflict in plan.conflicts} == {"ours-1"}
    for writes in range(3):
        plan = planned("push", opsgenie, invites=True)
        if writes == 0:
            assert words(plan)[:3] == [f"add user {CY}", "add team Payments", "add schedule primary"]
            assert plan.conflicts == []
        with pytest.raises(Killed):
            run(plan, Mortal(opsgenie, writes, after=True))
        Plan.objects.filter(pk=plan.pk).update(beat_at=timezone.now() - timedelta(minutes=5))
        planning.mind_plans(remote=opsgenie)
        plan.refresh_from_db()
        assert (plan.state, plan.because) == ("applied", "")
        assert opsgenie.people()[CY] == "Cy Rao"
        assert opsgenie.crews()[0].people == {ANN, BO}
        assert opsgenie.schedules() == kept_here.schedules()
        simulator.account.schedules.clear()
        Agreed.objects.all().delete()
        if writes == 0:
            simulator.account.teams.clear()


def test_a_plan_made_stale_by_an_edit_in_opsgenie_is_refused_and_changes_nothing(
    opsgenie, kept_here, kept_there, simulator
):
    plan = planned("push", opsgenie)
    simulator.account.patch_schedule(kept_there, {"timezone": "America/Chicago"})
    assert run(plan, opsgenie).state == "stale"
    assert simulator.writes() == []
    with pytest.raises(Conflict):
        actions.ask_to_apply(plan, by=None)


def test_an_opsgenie_that_is_down_loses_no_write(opsgenie, kept_here, simulator):
    plan = planned("push", opsgenie)
    simulator.account.switches["die_after"] = 4
    assert run(plan, opsgenie).state == "interrupted"
    simulator.account.switches["die_after"] = None
    Plan.objects.update(beat_at=None)
    planning.mind_plans(remote=opsgenie)
    plan.refresh_from_db()
    assert plan.state == "applied"
    assert opsgenie.schedules() == kept_here.schedules()


def test_two_who_apply_at_once_do_it_once(opsgenie, kept_here, simulator):
    plan = planned("push", opsgenie)
    actions.ask_to_apply(plan, by=None)
    Plan.objects.update(beat_at=timezone.now())
    assert actions.run_plan(plan, remote=opsgenie).state == "applying"
    assert simulator.writes() == []


def test_an_opsgenie_that_counts_otherwise_fails_the_apply_loudly(opsgenie, shop, simulator):
    simulator.account.switches["hourly_by_wall_clock"] = False
    perform(Native(), ("schedule", "primary", ""), SCHEDULE)
    perform(Native(), ("rotation", "primary", "hours"), rotation(ANN, BO, type="hourly", start="2026-06-01T07:00:00Z"))
    Schedule.objects.update(truth=Schedule.Truth.LOCAL)
    plan = run(planned("push", opsgenie), opsgenie)
    assert plan.state == "failed"
    assert "Opsgenie says" in plan.because
    assert not Agreed.objects.exists()


def test_a_mass_deletion_there_is_not_mirrored_without_a_typed_confirmation(opsgenie, kept_there, simulator):
    run(planned("import", opsgenie), opsgenie)
    simulator.account.schedules.clear()
    plan = planned("import", opsgenie)
    assert words(plan)[-1] == "remove schedule theirs"
    with pytest.raises(Conflict, match="remove 4"):
        run(plan, opsgenie)
    assert Native().schedules()["theirs"]["rotations"]
    assert run(plan, opsgenie, "remove 4").state == "applied"
    assert not Native().schedules()["theirs"]["is_enabled"]


def test_what_only_opsgenie_has_survives_a_push(opsgenie, kept_here, kept_there, simulator):
    run(planned("push", opsgenie), opsgenie)
    schedule = simulator.account.found("schedules", "primary", "name")
    simulator.account.add_rotation(schedule, {**week(CY), "name": "extra"})
    plan = planned("push", opsgenie)
    assert words(plan) == []
    assert [conflict[2] for conflict in plan.conflicts] == ["extra"]
    assert opsgenie.schedule("theirs") is not None


def test_drift_is_found_and_a_push_restores_what_is_kept_here(opsgenie, kept_here, simulator):
    run(planned("push", opsgenie), opsgenie)
    assert looking.look_for_drift(remote=opsgenie) == []
    perform(opsgenie, ("rotation", "primary", "week"), rotation(CY))
    assert looking.look_for_drift(remote=opsgenie) == [("rotation", "primary", "week")]
    assert Agreed.objects.get().drift == [["rotation", "primary", "week"]]
    plan = planned("push", opsgenie)
    assert plan.hours_changed > 24 * 7
    assert run(plan, opsgenie).state == "applied"
    assert looking.look_for_drift(remote=opsgenie) == []


def test_what_was_changed_there_is_taken_over_and_what_was_changed_on_both_sides_is_left_to_people(
    opsgenie, kept_here, simulator
):
    run(planned("push", opsgenie), opsgenie)
    perform(opsgenie, ("rotation", "primary", "week"), rotation(CY))
    perform(opsgenie, ("rotation", "primary", "nights"), rotation(BO))
    perform(kept_here, ("rotation", "primary", "nights"), rotation(ANN))
    plan = planned("adopt", opsgenie)
    assert words(plan) == ["change rotation primary week"]
    assert [conflict[2] for conflict in plan.conflicts] == ["nights"]
    assert "left to you" in run(plan, opsgenie).because
    assert kept_here.schedule("primary")["rotations"]["week"] == rotation(CY)
    assert looking.look_for_drift(remote=opsgenie) == [("rotation", "primary", "nights")]


def test_overrides_of_both_sides_come_together_where_that_is_wanted(opsgenie, kept_here, simulator):
    Schedule.objects.update(truth=Schedule.Truth.OVERRIDES_BOTH)
    run(planned("both", opsgenie), opsgenie)
    theirs = override_form(
        person=BO, start=TOMORROW + timedelta(days=3), end=TOMORROW + timedelta(days=4), rotations=[]
    )
    perform(opsgenie, ("override", "primary", "web"), theirs)
    perform(kept_here, ("override", "primary", "ours-1"), None)
    plan = planned("both", opsgenie)
    assert sorted((one.side, str(one)) for one in plan.operations.all()) == [
        ("local", "add override primary web"),
        ("remote", "remove override primary ours-1"),
    ]
    assert run(plan, opsgenie).state == "applied"
    assert (
        set(opsgenie.schedules()["primary"]["overrides"]) == {"web"} == set(kept_here.schedule("primary")["overrides"])
    )


def test_only_those_who_lead_every_team_that_is_touched_apply_a_plan(opsgenie, kept_here, shop):
    with pytest.raises(Forbidden):
        planning.make_plan(Intent("push"), remote=lambda: opsgenie, by=caller_of_person(shop.bo))
    plan = planning.make_plan(Intent("push"), remote=lambda: opsgenie, by=caller_of_person(shop.ann))
    with pytest.raises(Forbidden):
        actions.ask_to_apply(plan, by=caller_of_person(shop.cy))
    actions.ask_to_apply(plan, by=caller_of_person(shop.ann))

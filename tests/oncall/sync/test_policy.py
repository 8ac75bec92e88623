"""What a plan does, without a database or a network."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.sync import policy, shapes
from oncall.sync.policy import compare

names = st.sampled_from(["primary", "backup"])
people = st.sampled_from(["ann@x.io", "bo@x.io"])
edges = st.sampled_from(["2026-01-05T08:00:00Z", "2026-06-01T06:30:00Z"])
rotations = st.builds(
    lambda kind, start, turns: shapes.rotation_form(
        type=kind, length=1, start=start, end=None, turns=[("user", one) for one in turns], restrictions=()
    ),
    st.sampled_from(["daily", "weekly"]),
    edges,
    st.lists(people, min_size=1, max_size=3),
)
overrides = st.builds(
    lambda person: shapes.override_form(
        person=person, start="2026-12-01T08:00:00Z", end="2026-12-02T08:00:00Z", rotations=()
    ),
    people,
)
forms = st.builds(
    lambda zone, rotations, overrides: {
        "time_zone": zone,
        "team": "payments",
        "is_enabled": True,
        "rotations": rotations,
        "overrides": overrides,
    },
    st.sampled_from(["Europe/Berlin", "UTC"]),
    st.dictionaries(st.sampled_from(["week", "nights"]), rotations, max_size=2),
    st.dictionaries(st.sampled_from(["a1", "a2"]), overrides, max_size=2),
)
states = st.dictionaries(names, forms.map(lambda form: {"name": "", **form}), max_size=2)
TRUTHS = {"primary": "local", "backup": "local"}


def applied(state, steps):
    """The pieces after these steps."""
    pieces = shapes.pieces_of(state)
    for step in steps:
        assert shapes.is_same(pieces.get(step.key), step.before)
        if step.after is None:
            del pieces[step.key]
        else:
            pieces[step.key] = step.after
    return pieces


@given(states, states)
def test_a_plan_of_what_is_the_same_is_empty(state, base):
    for direction in ("import", "push", "both"):
        found = compare(state, state, base, direction=direction, truths=TRUTHS)
        assert (found.steps, found.conflicts) == ([], [])


@settings(max_examples=60)
@given(states, states)
def test_what_was_pushed_needs_no_second_push(local, remote):
    found = compare(local, remote, remote, direction="push", truths=TRUTHS)
    assert not found.conflicts
    assert applied(remote, found.steps) == shapes.pieces_of(local)


@settings(max_examples=60)
@given(states, states, states)
def test_what_only_opsgenie_has_is_never_taken_away(local, remote, base):
    found = compare(local, remote, base, direction="push", truths=TRUTHS)
    taken = {step.key for step in found.steps if step.after is None}
    assert taken <= set(shapes.pieces_of(base))


@settings(max_examples=60)
@given(states, states)
def test_an_import_makes_here_what_is_there(local, remote):
    truths = dict.fromkeys(TRUTHS, "remote")
    found = compare(local, remote, local, direction="import", truths=truths)
    assert applied(local, found.steps) == shapes.pieces_of(remote)


def schedule(**rotations):
    return {
        "name": "primary",
        "time_zone": "Europe/Berlin",
        "team": "payments",
        "is_enabled": True,
        "rotations": rotations,
        "overrides": {},
    }


def week(*people, kind="weekly"):
    turns = [("user", one) for one in people]
    return shapes.rotation_form(
        type=kind, length=1, start="2026-01-05T08:00:00Z", end=None, turns=turns, restrictions=()
    )


def test_what_both_sides_changed_is_left_to_a_person():
    base, ours, theirs = (
        {"primary": schedule(week=week("ann@x.io"))},
        {"primary": schedule(week=week("bo@x.io"))},
        {"primary": schedule(week=week("ann@x.io", "bo@x.io"))},
    )
    found = compare(ours, theirs, base, direction="both", truths=TRUTHS)
    assert not found.steps
    assert [key for key, _ in found.conflicts] == [("rotation", "primary", "week")]


def test_a_change_in_opsgenie_alone_is_drift_and_a_push_restores():
    base = {"primary": schedule(week=week("ann@x.io"))}
    theirs = {"primary": schedule(week=week("bo@x.io"))}
    assert policy.drift(base, theirs, base, truths=TRUTHS) == [("rotation", "primary", "week")]
    (step,) = compare(base, theirs, base, direction="push", truths=TRUTHS).steps
    assert (step.side, step.after) == ("remote", week("ann@x.io"))


def test_two_names_of_one_clock_are_no_difference():
    local, remote = {"primary": schedule()}, {"primary": schedule()}
    local["primary"]["time_zone"], remote["primary"]["time_zone"] = "Asia/Kolkata", "Asia/Calcutta"
    assert not compare(local, remote, {}, direction="push", truths=TRUTHS).steps
    assert shapes.fingerprint(local) == shapes.fingerprint(remote)


def test_many_removals_wait_for_a_typed_confirmation():
    key = ("override", "primary", "a")
    steps = [policy.Step("local", key, {}, None)] * 2
    assert policy.may_remove(steps[:1], known=3, confirmation="").outcome == "allowed"
    assert policy.may_remove(steps, known=19, confirmation="yes").outcome == "refused"
    assert policy.may_remove(steps, known=19, confirmation="Remove 2").outcome == "allowed"


def test_what_is_taken_away_comes_last_and_overrides_before_their_schedule():
    state = {"primary": {**schedule(week=week("ann@x.io")), "overrides": {}}}
    steps = compare({"backup": state["primary"]}, state, state, direction="push", truths=TRUTHS).steps
    assert [(step.kind, step.key[0]) for step in steps] == [
        ("add", "schedule"),
        ("add", "rotation"),
        ("remove", "rotation"),
        ("remove", "schedule"),
    ]


def test_a_quarter_past_cannot_be_kept_in_opsgenie():
    odd = schedule(week={**week("ann@x.io"), "start": "2026-01-05T08:15:00Z"})
    assert [key for key, _ in policy.misfits({"primary": odd})] == [("rotation", "primary", "week")]


@given(states, states)
def test_what_only_opsgenie_changed_is_adopted_whole(base, remote):
    found = compare(base, remote, base, direction="adopt", truths=TRUTHS)
    assert found.conflicts == []
    assert applied(base, found.steps) == shapes.pieces_of(remote)

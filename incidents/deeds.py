"""What people do with an incident on its pages: for each deed its form, its words, and the action that it calls."""

from collections.abc import Callable
from typing import Any, NamedTuple

from accounts.callers import Caller
from incidents import correcting, forms, intervals, linking, merging, moving, paging, people
from incidents.models import Incident
from incidents.states import State
from oncall.paging.actions import Target

Do = Callable[[str, Any, Caller], object]


class Deed(NamedTuple):
    """A deed: what its page is called, what its button says, what is said when it is done."""

    heading: str
    button: str
    icon: str
    done: str
    form: type[forms.DeedForm]
    do: Do
    lede: str = ""


def _reason(form: Any) -> str:
    return str(form.cleaned_data["reason"])


def _mitigate(ref: str, form: Any, by: Caller) -> object:
    at = form.cleaned_data["mitigated_at"]
    return moving.mitigate_incident(ref, by=by, reason=_reason(form), mitigated_at=at)


def _reopen(ref: str, form: Any, by: Caller) -> object:
    at = form.cleaned_data["impact_started_at"]
    return moving.reopen_incident(ref, by=by, reason=_reason(form), impact_started_at=at)


def _impact(ref: str, form: Any, by: Caller) -> object:
    said = form.cleaned_data
    return intervals.add_impact(ref, said["service"].slug, said["level"], form.span(), by=by)


def _mark(ref: str, form: Any, by: Caller) -> object:
    said = form.cleaned_data
    return linking.mark_change(ref, said["change"], said["role"], by=by, remark=said["note"])


def _page(ref: str, form: Any, by: Caller) -> object:
    kind, _, name = form.cleaned_data["target"].partition(":")
    return paging.page_someone(ref, Target(kind, name), form.cleaned_data["message"], by=by)


def _advance(state: State) -> Do:
    return lambda ref, form, by: moving.advance_incident(ref, state, by=by, reason=_reason(form))


DEEDS: dict[str, Deed] = {
    "acknowledge": Deed(
        "Acknowledge", "I am at work on it", "bell", "You have it. Pages stop.", forms.DeedForm,
        lambda ref, form, by: moving.acknowledge_incident(ref, by=by),
    ),
    "investigating": Deed(
        "Investigate", "It is being investigated", "search", "It is being investigated.", forms.DeedForm,
        _advance(State.INVESTIGATING),
    ),
    "identified": Deed(
        "Cause identified", "The cause is known", "target", "The cause is known.", forms.DeedForm,
        _advance(State.IDENTIFIED), "Say what it is, if you can; whoever joins reads it first.",
    ),
    "mitigate": Deed(
        "Mark mitigated", "It hurts no longer", "shield-check", "It is mitigated.", forms.MitigateForm, _mitigate,
        "It hurts no longer, though it may not be mended. A step that leaves one out needs a reason.",
    ),
    "resolve": Deed(
        "Resolve", "Resolve it", "circle-check", "It is resolved. Its services are free again.", forms.ResolveForm,
        lambda ref, form, by: moving.resolve_incident(ref, form.resolution(), by=by),
        "It is over. What nobody knows stays empty; a step that leaves one out needs a reason.",
    ),
    "reopen": Deed(
        "Reopen", "Reopen it", "refresh", "It is open again.", forms.ReopenForm, _reopen,
        "It hurts again. The times of the first round stay as they are.",
    ),
    "close": Deed(
        "Close", "Close it", "lock", "It is closed.", forms.DeedForm,
        lambda ref, form, by: moving.close_incident(ref, by=by, reason=_reason(form)),
        "Nothing is left to do: its root cause analysis is published or waived, and every root cause is answered.",
    ),
    "cancel": Deed(
        "Cancel", "It was none", "circle-minus", "It is cancelled.", forms.ReasonForm,
        lambda ref, form, by: moving.cancel_incident(ref, by=by, reason=_reason(form)),
        "Nothing was hurt. It stays on the record as cancelled.",
    ),
    "merge": Deed(
        "Merge into another", "Merge it", "git-merge", "It is a part of the other one now.", forms.MergeForm,
        lambda ref, form, by: merging.merge_incident(ref, form.cleaned_data["into"], by=by, reason=_reason(form)),
        "Its intervals, alerts and links go there, and its address leads there.",
    ),
    "times": Deed(
        "Correct the times", "Keep these times", "clock-edit", "The times are corrected.", forms.TimesForm,
        lambda ref, form, by: correcting.edit_incident(ref, form.edit(), by=by),
        "What was said before is kept. What nobody knows stays empty.",
    ),
    "describe": Deed(
        "Edit", "Keep it so", "pencil", "It is saved.", forms.DescribeForm,
        lambda ref, form, by: correcting.edit_incident(ref, form.edit(), by=by),
        "A severity of 1 or 2 holds the services; a lower one lets them go.",
    ),
    "impact": Deed("What was hurt", "Add it", "activity", "It is kept.", forms.ImpactForm, _impact),
    "role": Deed(
        "Give a role", "Give the role", "user-plus", "The role is given.", forms.RoleForm,
        lambda ref, form, by: people.give_role(ref, form.cleaned_data["role"], form.cleaned_data["user"], by=by),
    ),
    "invite": Deed(
        "Invite", "Let them see it", "user-plus", "They can see it now.", forms.PersonForm,
        lambda ref, form, by: people.invite(ref, form.cleaned_data["user"], by=by),
    ),
    "page": Deed(
        "Page someone", "Page them", "bell-ringing", "They are paged, until somebody answers.", forms.PageForm, _page,
    ),
    "change": Deed("Mark a change", "Mark it", "target-arrow", "It is marked.", forms.MarkForm, _mark),
}  # fmt: skip


def offered(incident: Incident) -> list[str]:
    """The deeds that its state allows, the next step first."""
    ahead = {
        State.TRIAGE: ["acknowledge", "identified", "mitigate", "resolve", "cancel", "merge"],
        State.INVESTIGATING: ["identified", "mitigate", "resolve", "cancel", "merge"],
        State.IDENTIFIED: ["mitigate", "resolve", "investigating", "cancel", "merge"],
        State.MITIGATED: ["resolve", "reopen", "merge"],
        State.RESOLVED: ["close", "reopen", "merge"],
        State.CLOSED: ["reopen"],
    }
    steps = list(ahead.get(State(incident.state), []))
    if incident.is_open and incident.acknowledged_at is None and "acknowledge" not in steps:
        steps.insert(0, "acknowledge")
    return steps


KEEPING = ("describe", "times", "impact", "change")
"""What can be said about it at any time."""

"""Everything that the page of a filed change shows, gathered."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils import timezone

from accounts.callers import caller_of_person
from accounts.models import User
from changes import edit_policy, rulebook
from changes.models import Change, Review
from changes.narration import told_days
from changes.queries import timeline_with_names
from changes.states import Authorization, State
from changes.tickets import allowed, narration, policy, scheduling
from changes.tickets.forms import CorrectForm, FinishForm, ReasonForm, ReviewForm, VerbForm
from changes.tickets.narration import Scene
from changes.tickets.queries import Standing
from workflow.models import Entry

Forms = Mapping[str, forms.Form]
FORMS: dict[str, type[forms.Form]] = {
    "decide": VerbForm,
    "finish": FinishForm,
    "review": ReviewForm,
    "correct": CorrectForm,
    "reason": ReasonForm,
}
"""The forms of the page by the name under which its template knows them."""
FORM_OF = {
    "approve": "decide",
    "reject": "decide",
    "finish": "finish",
    "rollback": "finish",
    "review": "review",
    "correct": "correct",
    "revise": "reason",
    "withdraw": "reason",
}
"""In which of them each verb is said; the others need no word."""
FLAGS = {
    "outside_window": "It began outside the window that was approved.",
    "freeze_active": "It began during a freeze, as an emergency.",
    "freeze_overridden": "It began during a freeze, with leave.",
    "freeze_soft": "It began while a freeze asked for calm.",
    "hold_open": "It began while an incident held the service.",
}
"""What a filed change is flagged with, as a sentence."""
OPEN = frozenset({State.DRAFT, State.SUBMITTED, State.APPROVED})


def ticket_dossier(change: Change, *, me: User, typed: Forms) -> dict[str, Any]:
    """The content of templates/tickets/change.html; `typed` are forms that hold what the reader typed, by name."""
    standing = Standing(change, change.ticket, reader=me.pk)
    review: Review | None = getattr(change, "review", None)
    scene = Scene(standing, caller_of_person(me), timezone.now(), review)
    entries, names = timeline_with_names(standing.ref)
    may = allowed.allowed_actions(standing, by=scene.by)
    may_correct = _is_correctable(scene) and not _refuses_to_carry_out(scene)
    shown = {FORM_OF[verb] for verb in [*may, *(["correct"] if may_correct else [])] if verb in FORM_OF}
    return {
        "change": change,
        "ticket": change.ticket,
        "standing": standing,
        "panel": narration.panel(scene),
        "may": may,
        "may_correct": may_correct,
        "refused": next((form for name, form in typed.items() if name not in shown), None),
        "why_not": narration.why_not(scene),
        "known_rules": rulebook.rules(),
        "answers": narration.answer_lines(standing, me=me.pk),
        "since": _since(scene, entries, typed) if change.state in {State.SUBMITTED, State.DRAFT} else None,
        "forms": {name: typed.get(name) or kind() for name, kind in FORMS.items()},
        **_what_it_says(standing),
        **_around(standing),
        **_history(scene, entries, names),
    }


def _is_correctable(scene: Scene) -> bool:
    change = scene.standing.change
    decision = edit_policy.outcome_correctable(state=change.state, finished_at=change.finished_at, now=scene.now)
    return decision.outcome != policy.REFUSED


def _refuses_to_carry_out(scene: Scene) -> bool:
    parts = scene.standing.parts_of(scene.by.user_id)
    return policy.may_carry_out(parts).outcome == policy.REFUSED


def _since(scene: Scene, entries: Sequence[Entry], typed: Forms) -> narration.Since | None:
    """What changed since the reader opened the page and decided, else since the last approval."""
    people = {hand.email: hand.name for hand in scene.standing.circle.hands}
    seen = typed["decide"].data.get("seen", "") if "decide" in typed else ""
    if seen and seen != scene.standing.ticket.digest:
        return narration.since_read(entries, seen, people)
    return narration.since_approval(scene, people)


def _what_it_says(standing: Standing) -> dict[str, Any]:
    change = standing.change
    start, end = change.window_start, change.window_end
    return {
        "parts": narration.parts(standing),
        "risk": standing.risk,
        "risk_title": narration.risk_title(standing.risk),
        "risk_beyond": narration.risk_beyond(standing.risk),
        "window": narration.window_in_words(start, end) if start and end else "",
        "is_emergency": change.authorization == Authorization.EMERGENCY,
        "flags": [FLAGS[flag] for flag in change.flags.split() if flag in FLAGS],
    }


def _around(standing: Standing) -> dict[str, Any]:
    plan = scheduling.plan_of(standing) if standing.change.state in OPEN else None
    if plan is None:
        return {"collisions": [], "freezes": []}
    return {"collisions": scheduling.collisions(standing), "freezes": scheduling.freezes_of(plan, standing.services)}


def _history(scene: Scene, entries: Sequence[Entry], names: Mapping[str, str]) -> dict[str, Any]:
    review = scene.review
    days = told_days(entries, names=names, change=scene.standing.change)
    return {
        "days": days,
        "review": review,
        "review_answers": narration.review_answers(review) if review else [],
        "ending": _ending(entries),
    }


def _ending(entries: Sequence[Entry]) -> str:
    """What was said last about how it ended; `entries` newest first."""
    said: dict[str, Any] = next((entry.data for entry in entries if entry.verb in {"finished", "corrected"}), {})
    return str(said.get("note") or said.get("reason") or "")


def review_form(change: Change, *, me: User, typed: Forms) -> forms.Form | None:
    """The form by which the reader looks back at a deploy, if they may."""
    decision = allowed.may_review_deploy(change, by=caller_of_person(me))
    return (typed.get("review") or ReviewForm()) if decision.outcome != policy.REFUSED else None

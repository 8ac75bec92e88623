"""A template in words: whether it may be used, who approved it, how it went. Reads nothing but what it is given."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from changes.models import Template, TemplateApproval
from changes.narration import Panel, Told
from changes.preapproved import policy, queries
from changes.preapproved.content import LABELS, terms_of
from changes.preapproved.queries import Standing
from changes.states import Outcome
from changes.tickets.content import Difference, differences, in_words
from changes.tickets.risk_policy import RISK_QUESTIONS
from workflow import moments, tones
from workflow.decisions import Decision
from workflow.ledger import SYSTEM
from workflow.lines import listed
from workflow.models import Entry

State = Template.State
FIRST = ("demoted", "expired", "proposed", "approved", "retired")
"""The order of the list: what waits for a person comes first."""


def word_of(template: Template, *, now: datetime) -> str:
    """The state as people see it: an approved template whose time is over is `expired`."""
    until = template.approved_until
    is_over = template.state == State.APPROVED and (until is None or until <= now)
    return "expired" if is_over else template.state


# --- The list --------------------------------------------------------------------------------------------------------


class TemplateLine(NamedTuple):
    """A template as a line of the list."""

    template: Template
    word: str
    scope: str
    until: datetime | None
    used: str


def lines_of(
    templates: Iterable[Template], *, used: Mapping[int, Mapping[str, int]], now: datetime
) -> list[TemplateLine]:
    """The templates that wait for a person first, then those in use by name, the retired ones last."""
    lines = [
        TemplateLine(
            template=template,
            word=word_of(template, now=now),
            scope=", ".join([*(service.slug for service in template.services.all()), template.environment.slug]),
            until=template.approved_until,
            used=use_in_words(used.get(template.pk, {})),
        )
        for template in templates
    ]
    return sorted(lines, key=lambda line: FIRST.index(line.word))


def use_in_words(outcomes: Mapping[str, int]) -> str:
    """“12 succeeded, 1 rolled back”; nothing for nothing."""
    known = [outcome for outcome in Outcome.values if outcomes.get(outcome)]
    return ", ".join(f"{outcomes[one]} {tones.look(one, 'outcome').word.lower()}" for one in known)


def templates_in_a_sentence(words: Sequence[str]) -> str:
    """How many may be used and what the others lack: “2 may be used, 1 waits for approval.”."""
    if not words:
        return (
            "A change that is done often can be approved once, by two people, and then needs no approval for 180 days."
        )
    said = {
        "approved": "may be used",
        "proposed": "waits for approval" if words.count("proposed") == 1 else "wait for approval",
        "expired": "has expired" if words.count("expired") == 1 else "have expired",
        "demoted": "was demoted" if words.count("demoted") == 1 else "were demoted",
        "retired": "is retired" if words.count("retired") == 1 else "are retired",
    }
    return ", ".join(f"{words.count(word)} {text}" for word, text in said.items() if word in words) + "."


# --- One template ----------------------------------------------------------------------------------------------------


def panel(standing: Standing, usable: Decision) -> Panel:
    """Whether changes may be made from it, and who must do what so that they may."""
    template, word = standing.template, word_of(standing.template, now=standing.now)
    it = tones.look(word, "template")
    if word == "approved" and usable.outcome == policy.REFUSED:
        it = tones.look("demoted", "template")
        return Panel(it.tone, it.icon, "May not be used", usable.because)
    title, because = _WORDS[word](standing, template)
    return Panel(it.tone, it.icon, title, because)


def _approved(standing: Standing, template: Template) -> tuple[str, str]:
    until = template.approved_until
    names = listed(_approvers(queries.standing_approvals(template)))
    when = f"{moments.stamp(until)} {moments.zone(until)}" if until else ""
    because = f"Approved by {names}. A change made from it needs a window and somebody who carries it out."
    if standing.approvable.outcome == policy.ALLOWED:
        return f"May be used until {when}, and can be approved anew", f"{standing.decision.because} {because}"
    return f"May be used until {when}", because


def _proposed(standing: Standing, template: Template) -> tuple[str, str]:
    wanted, _, who_can = standing.decision.because.partition("; ")
    return wanted, f"{who_can[:1].upper()}{who_can[1:]} Until then no change can be made from it."


def _expired(standing: Standing, template: Template) -> tuple[str, str]:
    return "Its approval has expired", f"No change can be made from it now. {standing.decision.because}"


def _demoted(standing: Standing, template: Template) -> tuple[str, str]:
    demotion = standing.history.demotion
    because = str(demotion.data["because"]) if demotion else "A change made from it failed."
    return (
        "May not be used since a change went wrong",
        f"{because} Change what was wrong, or propose it again as it is.",
    )


def _retired(standing: Standing, template: Template) -> tuple[str, str]:
    entry = next((one for one in reversed(standing.history.entries) if one.verb == "retired"), None)
    because = f"{entry.data['reason']} " if entry else ""
    return "Retired", f"{because}No change can be made from it, unless it is proposed and approved again."


_WORDS = {
    "approved": _approved,
    "proposed": _proposed,
    "expired": _expired,
    "demoted": _demoted,
    "retired": _retired,
}


def _approvers(approvals: Iterable[TemplateApproval]) -> list[str]:
    return [str(one.approver) for one in approvals]


class ApprovalLine(NamedTuple):
    """Who approved what, as a row of the panel."""

    look: str
    name: str
    finding: str
    at: datetime
    digest: str
    note: str


def approval_lines(template: Template) -> list[ApprovalLine]:
    """Every approval, the newest first; those that count are ticked."""
    standing = {one.pk for one in queries.standing_approvals(template)}
    return [
        ApprovalLine(
            look="passed" if one.pk in standing else "optional",
            name=str(one.approver),
            finding="approved what it says now" if one.pk in standing else _past(one, template),
            at=one.at,
            digest=one.digest[:8],
            note=one.note,
        )
        for one in reversed(template.approvals.all())
    ]


def _past(approval: TemplateApproval, template: Template) -> str:
    if approval.digest == template.digest:
        return "approved what it says; that does not count any more"
    return "approved an earlier text; that does not count any more"


class Part(NamedTuple):
    """A part of what it says: label, text, and whether it is long."""

    label: str
    text: str


def parts(template: Template) -> list[Part]:
    """Everything that an approver reads, in order; risk questions with their answers."""
    content = terms_of(template).content
    answers = content.pop("risk_answers")
    said = [Part(label, in_words(content[name])) for name, label in LABELS.items() if name in content]
    asked = [Part(question.words, _yes_or_no(answers.get(code))) for code, question in RISK_QUESTIONS.items()]
    return [*said, *asked]


def _yes_or_no(answer: object) -> str:
    return "not answered" if answer is None else "yes" if answer else "no"


class SinceApproval(NamedTuple):
    """What differs from what was approved before: by whose actor id, when, and part by part."""

    who: str
    at: datetime
    parts: list[Difference]


def since_last_approval(standing: Standing) -> SinceApproval | None:
    """What has changed since somebody last approved another text than this; None if nobody has."""
    template = standing.template
    before = standing.history.approved_before(template.digest)
    if before is None or template.state == State.APPROVED:
        return None
    return SinceApproval(
        f"user:{before.who}", before.at, differences(before.content, terms_of(template).content, labels=LABELS)
    )


# --- The timeline ----------------------------------------------------------------------------------------------------


def told(entries: Sequence[Entry], names: Mapping[str, str]) -> list[Told]:
    """The ledger's entries as a timeline, newest first."""
    return [_told(entry, names) for entry in reversed(entries)]


def _told(entry: Entry, names: Mapping[str, str]) -> Told:
    icon, tone, text = _TOLD.get(entry.verb, ("circle-dashed", "mute", entry.verb.replace("_", " ")))
    detail = str(entry.data.get("because") or entry.data.get("note") or entry.data.get("reason") or "")
    until = str(entry.data.get("until") or "")
    if changed := entry.data.get("changed"):
        text = f"changed {', '.join(LABELS[name].lower() for name in changed if name in LABELS)}"
        detail = "It needs two approvals."
    if entry.verb == "approved" and until:
        detail = f"It may be used until {moments.stamp(datetime.fromisoformat(until))}."
    actor = _actor(entry, names)
    text = f"{text}. {detail}" if detail else f"{text}."
    return Told(entry.occurred_at, icon, tone, text if actor else text[:1].upper() + text[1:], actor)


def _actor(entry: Entry, names: Mapping[str, str]) -> str:
    if entry.verb in {"demoted", "failed_again"}:
        return ""
    whose = f"user:{entry.data['author']}" if "author" in entry.data else f"user:{entry.data.get('approver', '')}"
    known = names.get(entry.actor) or names.get(whose)
    return known or ("The organisation file" if entry.actor == SYSTEM else "Somebody who is gone")


def actors_in(entries: Iterable[Entry]) -> set[str]:
    """The ids of everybody that the timeline names."""
    found = {entry.actor for entry in entries}
    found |= {f"user:{entry.data[key]}" for entry in entries for key in ("author", "approver") if key in entry.data}
    return found


_TOLD = {
    "proposed": ("pencil", "live", "proposed it"),
    "changed": ("pencil", "live", "proposed it again as it was"),
    "renamed": ("pencil", "mute", "gave it another name"),
    "approved": ("user-check", "ok", "approved it"),
    "demoted": ("arrow-back-up", "bad", "demoted"),
    "failed_again": ("circle-x", "bad", "another change made from it went wrong"),
    "retired": ("circle-minus", "mute", "retired it"),
}

"""The wording of what change management sends. The first line carries who must do what by when, with the link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from accounts.contacts.letters import Letter
from changes.letters import Person, ask
from changes.states import Outcome
from notifications.outbox import NewMessage
from notifications.parts import Line, Part
from workflow import moments

ENDINGS = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.SUCCEEDED_WITH_ISSUES: "succeeded with issues",
    Outcome.FAILED: "failed",
    Outcome.ROLLED_BACK: "was rolled back",
    Outcome.PARTIAL: "was done only in part",
    Outcome.NOT_DONE: "was not done",
    Outcome.UNKNOWN: "never reported its end",
}
"""How a change ended, as the end of a sentence about it."""


def change_url(ref: str) -> str:
    """The web page of a change."""
    return f"{settings.BASE_URL}/changes/{ref}"


def proof_topic(ref: str) -> str:
    """What groups the messages that ask for a change's proof, so that proof can call them back."""
    return f"proof:{ref}"


def _one_line(title: str) -> str:
    # A title that a pipeline wrote must not look like lines of ours.
    return " ".join(title.split())


def proof_wanted(ref: str, title: str, *, to: Person, missing: Sequence[str], due: datetime) -> Letter:
    """Asks the owner of a pipeline, `to` as (user id, e-mail), for what an unproven deploy lacks, until `due`."""
    title = _one_line(title)
    lines = [
        f"Supply proof for {ref} by {due:%A %d %B, %H:%M} UTC: {change_url(ref)}",
        "",
        f"{title} was deployed and could not be exempted from review:",
        *(f"- {detail}" for detail in missing),
        "",
        "Send the missing evidence with PATCH /api/v1/deployments/" + ref + "/evidence, or have the deploy reviewed.",
        "Nothing was blocked. Until then the deploy counts as unproven.",
    ]
    return ask(
        to, about=ref, key=proof_topic(ref), title=f"{ref} is unproven: {title}", lines=lines, topic=proof_topic(ref)
    ).until(due)


def run_went_silent(ref: str, title: str, *, to: Person) -> Letter:
    """Tells the owner that a deploy never reported its end."""
    title = _one_line(title)
    lines = [
        f"Say how {ref} ended: {change_url(ref)}",
        "",
        f"{title} started and never reported its end, so its outcome is unknown.",
        "Have the pipeline send its terminal status with the same key; a late one is taken as well.",
    ]
    return ask(to, about=ref, key=f"silent:{ref}", title=f"{ref} never ended: {title}", lines=lines)


def pipeline_suspended(ref: str, slug: str, *, to: Person, at: datetime, because: str) -> Letter:
    """Tells who answers for a pipeline that its deploys are not exempt any more, and how to get that back."""
    url = f"{settings.BASE_URL}/pipelines/{slug}"
    lines = [
        f"Reinstate {slug}, once it proves again what it must: {url}",
        "",
        f"Its exemption is suspended: {because}",
        "Its deploys are still logged, as unproven, and somebody must review each.",
        "Two people reinstate it: one saves its terms again on its page, another one confirms them.",
    ]
    return ask(to, about=ref, key=f"suspended:{ref}:{at:%Y%m%d%H%M%S}", title=f"{slug} is suspended", lines=lines)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a change stands that everybody wants to know of; without an `outcome` it is under way.

    `where` is its services and environment in words, `note` what customers are told, `who` carries it out ("" for a
    pipeline), `is_felt` whether customers may notice.
    """

    ref: str
    title: str
    where: str
    outcome: str
    is_felt: bool
    note: str
    began: datetime | None
    ended: datetime | None
    who: str = ""


def progress(told: Progress, *, to: str, at: datetime) -> NewMessage:
    """Says in the Slack channel `to` that a change began; about the same change it later says there how that ended."""
    happened = ENDINGS[Outcome(told.outcome)] if told.outcome else "began"
    felt = "Customers may notice." if told.is_felt else "Customers should notice nothing; its risk is high."
    note = f"{felt} {told.note.strip()}".strip()
    when = " ".join(filter(None, [_when(told), f"By {told.who}." if told.who else ""]))
    lines = [f"{told.where}: {change_url(told.ref)}", note, when]
    link = Line(told.where, label=told.ref, url=change_url(told.ref))
    shown = [link, *(Line(line) for line in (*note.splitlines(), when) if line)]
    return NewMessage(
        dedup_key=f"progress:{told.ref}:{at.astimezone(UTC):%Y%m%d%H%M%S%f}:{to}",
        channel="slack",
        recipient=to,
        title=f"{told.ref} {happened}: {_one_line(told.title)}",
        text="\n".join(filter(None, lines)),
        subject=told.ref,
        replaces=f"progress:{told.ref}",
        parts=(Part("", shown, is_list=False),),
    )


def _when(told: Progress) -> str:
    if told.began and told.ended and told.outcome:
        took = moments.duration((told.ended - told.began).total_seconds())
        return f"From {_clock(told.began)} to {_clock(told.ended)} UTC, {took}."
    moment = told.ended if told.outcome else told.began
    return f"{'Ended' if told.outcome else 'Began'} at {_clock(moment)} UTC." if moment else ""


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"

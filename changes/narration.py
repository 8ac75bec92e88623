"""One change in words: the decision, what was proved, what happened when. Reads nothing but what it is given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from django.utils import timezone

from changes import policy
from changes.models import Change, Run
from changes.pipelines.order import CLOCK_SKEW, LONGEST_RUN, OUTCOMES, SKEW, START_TOO_EARLY, TERMINAL_CONFLICT
from changes.states import Origin, Outcome, Verdict
from changes.tickets.deeds import Deed, deed
from workflow import moments, tones
from workflow.models import Entry

CHECK_NAMES = {
    "reviewed_commits": "Reviewed commits",
    "tests": "Tests",
    "artifact": "Artefact",
    "smoke_test": "Smoke test",
    "rollback": "Rollback ready",
    "no_freeze": "No freeze",
}
REGISTRATION_RULES = {"unregistered_pipeline_unproven", "unconfirmed_pipeline_unproven", "suspended_pipeline_unproven"}
"""Verdicts that no evidence can turn: people must decide about the pipeline first."""
COMMITS, REVIEWERS = 100, 10
"""How many commits of a deploy a page names, and how many reviewers of each."""
UNPROVABLE_RULES = {"person_logged_unproven"}
"""Verdicts that nothing can turn any more."""


# --- The decision ----------------------------------------------------------------------------------------------------


class CheckLine(NamedTuple):
    """A check as a row of the panel."""

    look: str
    name: str
    finding: str
    source: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The decision as a sentence with its reason."""

    tone: str
    icon: str
    title: str
    because: str


def check_lines(run: Run) -> list[CheckLine]:
    """The checks of the latest verdict, the required ones first; what was not required says so."""
    return [
        CheckLine(
            look=_look_of(check, run),
            name=CHECK_NAMES.get(check["check"], check["check"]),
            finding=check["detail"],
            source="" if check["required"] else "not required",
        )
        for check in sorted(run.checks, key=lambda check: not check["required"])
    ]


def _look_of(check: Mapping[str, Any], run: Run) -> str:
    if check["passed"]:
        return "passed"
    if not check["required"]:
        return "optional"
    if check["passed"] is None:
        return "pending"
    return "failed" if _was_sent(check["check"], run) else "missing"


def _was_sent(check: str, run: Run) -> bool:
    sent = {"reviewed_commits": run.commits, "artifact": run.artifact_digest, "no_freeze": True, **run.evidence}
    return bool(sent.get(check))


def panel(change: Change, *, because: str, now: datetime) -> Panel:
    """The verdict on a deploy in words; `because` is what the deciding rule said."""
    it = tones.look(change.verdict, "verdict")
    title, why = _WORDS[change.verdict](change, because, now)
    return Panel(it.tone, it.icon, title, why)


def _counted(run: Run) -> str:
    required = [check for check in run.checks if check["required"]]
    passed = sum(bool(check["passed"]) for check in required)
    return f"{passed} of {len(required)} {moments.plural('check', len(required))} passed"


def _exempt(change: Change, because: str, now: datetime) -> tuple[str, str]:
    pipeline = change.pipeline.slug if change.pipeline else "the pipeline"
    computed = f"The verdict was computed from what {pipeline} proved; nobody can set it by hand."
    if change.outcome not in {Outcome.SUCCEEDED, ""}:
        end = tones.look(change.outcome, "outcome").word.lower()
        waits = f"It needed no approval. It ended as {end}, so it stays open until somebody has looked at it."
    else:
        waits = "Nothing waits for anybody."
    return f"Exempt from review: {_counted(change.run)}", f"{waits} {computed}"


def _pending(change: Change, because: str, now: datetime) -> tuple[str, str]:
    until = ""
    if change.run.proof_due_at and change.outcome:
        until = f" It counts if it comes by {moments.stamp(change.run.proof_due_at)} {moments.zone()}."
    else:
        until = " The deploy goes on, so it may still come."
    return f"Proof pending: {_counted(change.run)}", because + until


def _unproven(change: Change, because: str, now: datetime) -> tuple[str, str]:
    if change.finished_at is None:
        return f"Unproven: {_start_of_sentence(because)}", "Nothing was blocked. The deploy goes on."
    due = proof_due(change)
    if change.verdict_rule in UNPROVABLE_RULES:
        return f"Unproven: {_start_of_sentence(because)}", "Nothing was blocked, and no proof can change it any more."
    if now >= due:
        past = f"The 24 hours for late proof ended {moments.stamp(due)} {moments.zone()}, so it stays unproven."
        return f"Unproven: {_start_of_sentence(because)}", past
    who = who_must_prove(change)
    by_when = f"{moments.stamp(due)} {moments.zone()}, in {moments.rough((due - now).total_seconds())}"
    if change.verdict_rule in REGISTRATION_RULES:
        act = f"Nothing was blocked. {who} should see to it: two people must trust the pipeline before evidence counts."
    else:
        act = f"Nothing was blocked. {who} must supply what is missing by {by_when}."
    return f"Unproven: {_start_of_sentence(because)}", act


_WORDS = {Verdict.EXEMPT.value: _exempt, Verdict.PENDING.value: _pending, Verdict.UNPROVEN.value: _unproven}


def _start_of_sentence(text: str) -> str:
    inside = text.rstrip(".")
    return inside[:1].lower() + inside[1:] if inside[1:2].islower() else inside


def proof_due(change: Change) -> datetime:
    """Until when late proof counts."""
    return (change.finished_at or change.at) + policy.PROOF_WITHIN


def who_must_prove(change: Change) -> str:
    """Who is asked for missing proof: who registered the pipeline, else the team's leads."""
    registrar = change.pipeline.registered_by if change.pipeline else None
    return str(registrar) if registrar else f"A lead of {change.service.team}"


def flags_in_words(change: Change, run: Run | None) -> list[str]:
    """What is odd about the record, each with what it means."""
    words = []
    if TERMINAL_CONFLICT in change.flags.split() and run:
        ends = [tones.look(OUTCOMES[e["status"]], "outcome").word for e in run.events if e.get("status") in OUTCOMES]
        told = " and ".join(dict.fromkeys(ends)).lower()
        words.append(f"Two different ends were reported: {told}. Both are kept, and the last one in order counts.")
    if CLOCK_SKEW in change.flags.split():
        minutes = int(SKEW.total_seconds() // 60)
        words.append(
            f"A clock is off. When the pipeline says it happened and when that arrived here differ by more than"
            f" {minutes} min. Both times are kept."
        )
    if START_TOO_EARLY in change.flags.split():
        words.append(
            f"The start that the pipeline names lies over {LONGEST_RUN.days} days before its end. It is kept, but what"
            " depends on the start goes by the end."
        )
    return words


# --- The timeline ----------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """An entry of the timeline, as templates/parts/timeline.html shows it."""

    at: datetime
    icon: str
    tone: str
    text: str
    actor: str = ""
    source: str = ""
    written_at: datetime | None = None
    quote: str = ""


class ToldDay(NamedTuple):
    """A day of the timeline."""

    heading: str
    entries: list[Told]


def because_of(entries: Sequence[Entry], run: Run | None) -> str:
    """What the deciding rule said when the present verdict was reached; `entries` newest first."""
    for entry in sorted(entries, key=lambda entry: -entry.pk):
        if entry.data.get("because") and "verdict" in entry.data:
            return str(entry.data["because"])
    missing = [check["detail"] for check in (run.checks if run else []) if check["required"] and not check["passed"]]
    return missing[0] if missing else ""


def verdicts_in_words(entries: Sequence[Entry]) -> str:
    """The first verdict and the ones after it: “First verdict 13:58:10 proof pending, later 14:00:02 exempt CET”."""
    told = [entry for entry in sorted(entries, key=lambda entry: entry.pk) if "verdict" in entry.data]
    parts = [
        f"{moments.clock(entry.recorded_at, seconds=True)} {tones.look(entry.data['verdict'], 'verdict').word.lower()}"
        for entry in told
    ]
    if not parts:
        return ""
    rest = "".join(f", later {part}" for part in parts[1:])
    return f"First verdict {parts[0]}{rest}, times in {moments.zone()}"


def told_days(entries: Iterable[Entry], *, names: Mapping[str, str], change: Change) -> list[ToldDay]:
    """The ledger's entries in words, newest first, under the reader's days."""
    told = [line for entry in entries for line in _told(entry, names, change)]
    told.sort(key=lambda line: line.at, reverse=True)
    grouped = groupby(told, key=lambda line: timezone.localtime(line.at).date())
    return [ToldDay(moments.long_day(day), list(lines)) for day, lines in grouped]


def actor_in_words(actor: str, names: Mapping[str, str]) -> str:
    """Who did it: a person's name, “token ci”, or Decklog itself."""
    if actor == "system":
        return "Decklog"
    kind = actor.partition(":")[0]
    name = names.get(actor, "")
    return f"token {name or 'that is gone'}" if kind == "token" else name or "somebody who is gone"


def _told(entry: Entry, names: Mapping[str, str], change: Change) -> Iterator[Told]:
    """Newest first: a verdict reached at once stands above what it judged."""
    who = actor_in_words(entry.actor, names)
    late = entry.recorded_at if abs(entry.recorded_at - entry.occurred_at) > timedelta(minutes=1) else None
    if "verdict" in entry.data:
        it = tones.look(entry.data["verdict"], "verdict")
        before = entry.data.get("before")
        was = f", before that {tones.look(before, 'verdict').word.lower()}" if before else ""
        text = f"Verdict: {it.word.lower()}{was}. {entry.data.get('because', '')}"
        yield Told(entry.recorded_at, it.icon, it.tone, text, source="Decklog")
    if entry.verb != "verdict":
        done = (_deed_of_pipeline(entry, change) if change.origin == Origin.PIPELINE else None) or deed(entry)
        done = done or Deed("message", "mute", entry.verb.replace("_", " ").capitalize())
        is_person = entry.actor.startswith("user:")
        yield Told(
            entry.occurred_at,
            done.icon,
            done.tone,
            text=f"{done.text[:1].lower()}{done.text[1:]}" if is_person else done.text,
            actor=who if is_person else "",
            source="" if is_person else who,
            written_at=late,
            quote=done.quote,
        )


def _deed_of_pipeline(entry: Entry, change: Change) -> Deed | None:
    if entry.verb == "started":
        return Deed("player-play", tones.look("in_progress").tone, f"Started {change.version}".strip())
    if entry.verb == "finished":
        return _finish(entry, change)
    if entry.verb == "evidence":
        return Deed("file-check", tones.look("in_progress").tone, f"Supplied proof: {evidence_in_words(entry.data)}")
    if entry.verb == "went_silent":
        it = tones.look(Outcome.UNKNOWN.value, "outcome")
        return Deed(it.icon, it.tone, f"Gave up waiting. {entry.data.get('because', '')}")
    return None


def _finish(entry: Entry, change: Change) -> Deed:
    it = tones.look(OUTCOMES.get(str(entry.data.get("status")), "unknown"), "outcome")
    took = ""
    if change.started_at and entry.occurred_at > change.started_at:
        took = f" after {moments.duration(entry.occurred_at - change.started_at)}"
    return Deed(it.icon, it.tone, f"Finished: {it.word.lower()}{took}")


def evidence_in_words(said: Mapping[str, Any]) -> str:
    """“412 tests passed, 0 failed; smoke test passed; rollback ready”."""
    evidence = said.get("evidence", {})
    parts = []
    if tests := evidence.get("tests"):
        parts.append(f"{tests.get('passed', 0)} tests passed, {tests.get('failed', 0)} failed")
    if smoke := evidence.get("smoke_test"):
        parts.append(f"smoke test {smoke.get('status', '')}")
    if rollback := evidence.get("rollback"):
        parts.append("rollback ready" if rollback.get("ready") else "rollback not ready")
    return "; ".join(parts) or "nothing"


# --- What was deployed -----------------------------------------------------------------------------------------------


class CommitLine(NamedTuple):
    """A commit with its people, by name where they have an account."""

    title: str
    sha: str
    author: str
    reviewers: str


def commit_lines(run: Run, names: Mapping[str, str]) -> list[CommitLine]:
    """The commits as they were sent, the first COMMITS of them."""

    def name(email: object) -> str:
        return names.get(str(email).lower(), str(email))

    def all_of(reviewers: list[object]) -> str:
        more = [f"{len(reviewers) - REVIEWERS} more"] if len(reviewers) > REVIEWERS else []
        return ", ".join([*map(name, reviewers[:REVIEWERS]), *more])

    return [
        CommitLine(
            title=str(commit.get("title") or commit["sha"][:7]),
            sha=commit["sha"][:7],
            author=name(commit.get("author")) if commit.get("author") else "",
            reviewers=all_of(commit.get("reviewed_by", [])),
        )
        for commit in run.commits[:COMMITS]
    ]


def emails_of(run: Run) -> set[str]:
    """Everybody whom the lines of the commits name."""
    named: set[str] = set()
    for commit in run.commits[:COMMITS]:
        named |= {str(commit.get("author", "")), *map(str, commit.get("reviewed_by", [])[:REVIEWERS])}
    return named - {""}


def web_address(text: str) -> str:
    """The text if it may be a link, else nothing: whatever was stored, only http and https lead out of here."""
    return text if text.lower().startswith(("https://", "http://")) else ""

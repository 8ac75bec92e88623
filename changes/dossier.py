"""Everything that the page of one change shows, gathered."""

import json
from typing import Any

from django.utils import timezone

from changes import narration, queries
from changes.forms import ProofForm
from changes.models import Change, Run
from workflow.models import Entry

RAW = 100_000
"""How many characters of what arrived a page shows; nobody reads more of it there."""


def dossier_of(change: Change, *, form: ProofForm | None) -> dict[str, Any]:
    """The content of templates/changes/change.html; `form` is the one for late proof, if the reader may supply it."""
    run: Run | None = getattr(change, "run", None)
    entries, names = queries.timeline_with_names(change.ref)
    start, end = change.started_at, change.finished_at
    content = {
        "change": change,
        "run": run,
        "form": form,
        "flags": narration.flags_in_words(change, run),
        "days": narration.told_days(entries, names=names, change=change),
        "took": end - start if start and end else None,
    }
    return content | _of_run(change, run, entries) if run else content


def _of_run(change: Change, run: Run, entries: list[Entry]) -> dict[str, Any]:
    because = narration.because_of(entries, run)
    raw = json.dumps(run.events, indent=2, ensure_ascii=False)
    return {
        "panel": narration.panel(change, because=because, now=timezone.now()) if change.verdict else None,
        "checks": narration.check_lines(run),
        "verdicts": narration.verdicts_in_words(entries),
        "commits": narration.commit_lines(run, queries.names_by_email(narration.emails_of(run))),
        "run_url": narration.web_address(run.run_url),
        "tickets": [(ticket, narration.web_address(str(ticket))) for ticket in run.tickets],
        "commits_sent": len(run.commits),
        "events": raw[:RAW],
        "raw_length": len(raw) if len(raw) > RAW else 0,
        "needs_registration": change.verdict_rule in narration.REGISTRATION_RULES,
    }

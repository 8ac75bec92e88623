"""How every state looks: its word, its icon and its tone. The only place that gives a state a colour.

A tone is one of `live` (in motion), `ok` (good end), `warn` (a person must act), `bad` (harm or refusal), `exc`
(outside the ordinary way) and `mute` (nothing to do); static/decklog/tokens.css says what they look like.
"""

from typing import Any, NamedTuple


class Look(NamedTuple):
    """A word with the icon and the tone that go with it."""

    word: str
    icon: str
    tone: str


UNKNOWN = "help-circle"
"""The icon of a state that this table does not know; the state's own text is then the word."""

LOOKS: dict[str, dict[str, Look]] = {
    "change": {
        "draft": Look("Draft", "circle-dashed", "mute"),
        "submitted": Look("Waiting for approval", "hourglass", "warn"),
        "approved": Look("Approved", "user-check", "ok"),
        "in_progress": Look("In progress", "progress", "live"),
        "finished": Look("Finished", "flag", "live"),
        "closed": Look("Closed", "lock", "mute"),
        "rejected": Look("Rejected", "hand-stop", "bad"),
        "withdrawn": Look("Withdrawn", "circle-minus", "mute"),
        "expired": Look("Expired", "clock-x", "mute"),
    },
    "outcome": {
        "succeeded": Look("Succeeded", "circle-check", "ok"),
        "succeeded_with_issues": Look("Succeeded with issues", "alert-circle", "warn"),
        "partial": Look("Partly done", "circle-half", "warn"),
        "unknown": Look("Outcome unknown", "help-circle", "warn"),
        "failed": Look("Failed", "circle-x", "bad"),
        "rolled_back": Look("Rolled back", "arrow-back-up", "bad"),
        "not_done": Look("Not done", "circle-off", "mute"),
    },
    "verdict": {
        "exempt": Look("Exempt", "shield-check", "ok"),
        "pending": Look("Proof pending", "shield-half", "live"),
        "unproven": Look("Unproven", "shield-question", "warn"),
    },
    "way": {
        "reviewed": Look("Reviewed", "users", "mute"),
        "template": Look("Template", "template", "mute"),
        "auto_exempt": Look("Pipeline evidence", "shield-half", "mute"),
        "emergency": Look("Emergency", "urgent", "exc"),
    },
    "check": {
        "passed": Look("Passed", "circle-check", "ok"),
        "missing": Look("Missing", "circle-dashed", "warn"),
        "failed": Look("Failed", "circle-x", "bad"),
        "pending": Look("Not in yet", "progress", "live"),
        "optional": Look("Not required", "circle-minus", "mute"),
    },
    "pipeline": {
        "unregistered": Look("Not registered", "shield-question", "warn"),
        "proposed": Look("Waiting for a second person", "hourglass", "warn"),
        "trusted": Look("Trusted", "shield-check", "ok"),
        "suspended": Look("Suspended", "shield-off", "bad"),
    },
    "template": {
        "proposed": Look("Waiting for approval", "hourglass", "warn"),
        "approved": Look("Approved", "user-check", "ok"),
        "expired": Look("Approval expired", "clock-x", "warn"),
        "demoted": Look("Demoted after a failure", "arrow-back-up", "bad"),
        "retired": Look("Retired", "circle-minus", "mute"),
    },
    "gate": {
        "allow": Look("Allow", "circle-check", "ok"),
        "review": Look("Review", "eye", "warn"),
        "hold": Look("Hold", "hand-stop", "exc"),
        "deny": Look("Deny", "ban", "bad"),
    },
    "freeze": {
        "soft": Look("Soft", "snowflake", "warn"),
        "hard": Look("Hard", "lock", "bad"),
    },
    "risk": {
        "low": Look("Low", "bars-1", "mute"),
        "medium": Look("Medium", "bars-2", "warn"),
        "high": Look("High", "bars-3", "bad"),
    },
    "message": {
        "pending": Look("Queued", "clock-hour-4", "live"),
        "sending": Look("Being sent", "send", "live"),
        "retrying": Look("Retrying", "refresh", "warn"),
        "sent": Look("Sent", "circle-check", "ok"),
        "dead": Look("Not delivered", "circle-x", "bad"),
        "cancelled": Look("Cancelled", "circle-minus", "mute"),
    },
    "incident": {
        "triage": Look("Triage", "radar", "warn"),
        "investigating": Look("Investigating", "search", "live"),
        "identified": Look("Identified", "target", "live"),
        "mitigated": Look("Mitigated", "shield-check", "ok"),
        "resolved": Look("Resolved", "circle-check", "ok"),
        "closed": Look("Closed", "lock", "mute"),
        "cancelled": Look("Cancelled", "circle-minus", "mute"),
        "merged": Look("Merged", "git-merge", "mute"),
    },
    "severity": {
        "sev1": Look("Sev 1", "flame", "bad"),
        "sev2": Look("Sev 2", "flame", "bad"),
        "sev3": Look("Sev 3", "flame", "warn"),
        "sev4": Look("Sev 4", "flame", "mute"),
    },
    "link": {
        "suspect": Look("Suspected", "help-circle", "warn"),
        "caused": Look("Caused it", "target-arrow", "bad"),
        "contributed": Look("Contributed", "target", "warn"),
        "fixed": Look("Fixed it", "tool", "ok"),
        "cleared": Look("Cleared", "circle-check", "mute"),
    },
    "status": {
        "works": Look("Works", "circle-check", "ok"),
        "maintenance": Look("Maintenance", "tool", "exc"),
        "degraded": Look("Degraded", "alert-triangle", "warn"),
        "partial": Look("Partly down", "alert-circle", "bad"),
        "down": Look("Down", "circle-x", "bad"),
    },
    "page": {
        "paging": Look("Paging", "bell-ringing", "warn"),
        "acknowledged": Look("Acknowledged", "circle-check", "ok"),
        "exhausted": Look("Nobody answered", "bell-off", "bad"),
        "cancelled": Look("Cancelled", "circle-minus", "mute"),
        "nobody": Look("Nobody", "user-off", "bad"),
    },
    "rca": {
        "draft": Look("Draft", "circle-dashed", "mute"),
        "in_review": Look("In review", "hourglass", "warn"),
        "reviewed": Look("Reviewed", "user-check", "live"),
        "published": Look("Published", "circle-check", "ok"),
        "waived": Look("Waived", "circle-minus", "mute"),
    },
    "claim": {
        "hypothesis": Look("Hypothesis", "help-circle", "warn"),
        "supported": Look("Supported", "circle-check", "ok"),
        "refuted": Look("Refuted", "circle-x", "mute"),
    },
    "category": {
        "technology": Look("Technology", "cpu", "mute"),
        "process": Look("Process", "route", "mute"),
        "training": Look("Training", "school", "mute"),
    },
    "action": {
        "open": Look("Open", "circle-dashed", "mute"),
        "in_progress": Look("In progress", "progress", "live"),
        "done": Look("Done, unproven", "circle-check", "live"),
        "verified": Look("Verified", "rosette-discount-check", "ok"),
        "ineffective": Look("Did not work", "refresh-alert", "bad"),
        "wont_do": Look("Will not be done", "circle-minus", "mute"),
    },
    "note": {
        "new": Look("New", "sparkles", "ok"),
        "better": Look("Better", "trending-up", "live"),
        "fixed": Look("Fixed", "tool", "mute"),
        "act": Look("You may need to act", "alert-circle", "warn"),
    },
    "pack": {
        "queued": Look("Waiting", "clock-hour-4", "live"),
        "building": Look("Being made", "progress", "live"),
        "ready": Look("Ready", "circle-check", "ok"),
        "failed": Look("Given up", "circle-x", "bad"),
    },
    "channel": {
        "email": Look("E-mail", "mail", "mute"),
        "slack": Look("Slack", "brand-slack", "mute"),
        "pager": Look("Pager", "bell", "mute"),
        "webhook": Look("Webhook", "webhook", "mute"),
        "memory": Look("Memory, for tests", "message", "mute"),
        "canary": Look("Canary", "activity", "mute"),
    },
    "notice": {
        "debug": Look("Note", "info-circle", "mute"),
        "info": Look("Note", "info-circle", "live"),
        "success": Look("Done", "circle-check", "ok"),
        "warning": Look("Look at this", "alert-triangle", "warn"),
        "error": Look("Problem", "alert-circle", "bad"),
    },
}


def look(subject: Any, kind: str = "change") -> Look:
    """The look of a word such as `"approved"`, or of an object that carries one.

    A change (kind `change`) shows its outcome once it is closed; under kind `way` a pipeline's change shows its
    verdict. A message (kind `message`) that waits after a failed attempt is retrying.
    """
    kind, word = _kind_and_word(subject, kind)
    known = LOOKS.get(kind, {}).get(word)
    return known or Look(word.replace("_", " ").capitalize(), UNKNOWN, "mute")


def _kind_and_word(subject: Any, kind: str) -> tuple[str, str]:
    if isinstance(subject, str):
        return kind, str(subject)
    if kind == "change" and subject.state == "closed" and subject.outcome:
        return "outcome", subject.outcome
    if kind == "way":
        is_by_verdict = subject.authorization == "auto_exempt" and subject.verdict
        return ("verdict", subject.verdict) if is_by_verdict else ("way", subject.authorization)
    if kind == "message" and subject.state == "pending" and subject.attempt:
        return kind, "retrying"
    attribute = kind if kind in {"outcome", "verdict", "channel"} else "state"
    return kind, getattr(subject, attribute)

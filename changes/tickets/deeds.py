"""What people did with a filed change, from the ledger, in words. Reads nothing but what it is given."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from changes.states import Outcome, State
from changes.tickets.content import LABELS
from changes.tickets.policy import REVIEW_QUESTIONS
from workflow import moments, tones
from workflow.lines import listed
from workflow.models import Entry

PARTS = {**LABELS, "public_note": "Public note", "incident": "Incident"}


class Deed(NamedTuple):
    """One deed: how it looks, what was done, and the doer's own words."""

    icon: str
    tone: str
    text: str
    quote: str = ""


Said = Mapping[str, Any]


def deed(entry: Entry) -> Deed | None:
    """The deed that an entry about a filed change tells of; None for a verb that is none of ours."""
    words = _WORDS.get(entry.verb)
    return words(entry.data) if words else None


def _filed(said: Said) -> Deed:
    if said.get("type") == "emergent":
        it = tones.look("emergency", "way")
        return Deed(it.icon, it.tone, "Declared it an emergency")
    risk = tones.look(str(said.get("risk") or "low"), "risk").word.lower()
    return Deed("file-plus", "mute", f"Filed it, {risk} risk")


def _edited(said: Said) -> Deed:
    names = [PARTS.get(name, name).lower() for name in said.get("changed", {})]
    voided = int(said.get("voided") or 0)
    effect = f"; {voided} {moments.plural('approval', voided)} no longer counts" if voided == 1 else ""
    effect = f"; {voided} approvals no longer count" if voided > 1 else effect
    it = tones.look(State.SUBMITTED.value)
    return Deed("pencil", it.tone if voided else "live", f"Edited {listed(names) or 'it'}{effect}")


def _submitted(said: Said) -> Deed:
    return Deed("send", "mute", f"Asked for approval. {said.get('because', '')}".strip())


def _approved(said: Said) -> Deed:
    it = tones.look(State.APPROVED.value)
    if said.get("template"):
        return Deed(it.icon, it.tone, f"Took the approval from the template {said['template']}")
    hashed = str(said.get("digest", ""))[:8]
    return Deed(it.icon, it.tone, f"Approved it as it was then, hash {hashed}", str(said.get("note") or ""))


def _rejected(said: Said) -> Deed:
    it = tones.look(State.REJECTED.value)
    return Deed(it.icon, it.tone, "Rejected it", str(said.get("reason") or ""))


def _revised(said: Said) -> Deed:
    words = "Took it back into a draft; earlier answers no longer count"
    return Deed("pencil", "mute", words, str(said.get("reason") or ""))


def _withdrawn(said: Said) -> Deed:
    it = tones.look(State.WITHDRAWN.value)
    return Deed(it.icon, it.tone, "Withdrew it", str(said.get("reason") or ""))


def _started(said: Said) -> Deed:
    because = str(said.get("because") or "")
    return Deed("player-play", tones.look(State.IN_PROGRESS.value).tone, f"Started it. {because}".strip())


def _finished(said: Said) -> Deed:
    it = tones.look(str(said.get("outcome") or Outcome.UNKNOWN), "outcome")
    text = f"Finished it: {it.word.lower()}. {said.get('because', '')}".strip()
    return Deed(it.icon, it.tone, text, str(said.get("note") or ""))


def _corrected(said: Said) -> Deed:
    it = tones.look(str(said.get("outcome") or Outcome.UNKNOWN), "outcome")
    was = tones.look(str(said.get("before") or Outcome.UNKNOWN), "outcome").word.lower()
    return Deed(
        it.icon, it.tone, f"Corrected how it ended: {it.word.lower()}, not {was}", str(said.get("reason") or "")
    )


def _reviewed(said: Said) -> Deed:
    answers = said.get("answers") or {}
    asked = [
        f"{REVIEW_QUESTIONS[code]} {'Yes' if answers[code] else 'No'}." for code in REVIEW_QUESTIONS if code in answers
    ]
    return Deed(
        "eye-check",
        tones.look(State.APPROVED.value).tone,
        f"Reviewed it. {' '.join(asked)}".strip(),
        str(said.get("note") or ""),
    )


def _closed(said: Said) -> Deed:
    it = tones.look(State.CLOSED.value)
    return Deed(it.icon, it.tone, "Closed it", str(said.get("note") or ""))


def _expired(said: Said) -> Deed:
    it = tones.look(State.EXPIRED.value)
    return Deed(it.icon, it.tone, f"Expired. {said.get('because', '')}".strip())


def _reminded(said: Said) -> Deed:
    is_page = said.get("how") == "page"
    words = "Paged the leads, because nobody has reviewed it in time" if is_page else "Reminded who can review it"
    it = tones.look("dead" if is_page else "retrying", "message")
    return Deed("bell", it.tone, words)


_WORDS: dict[str, Callable[[Said], Deed]] = {
    "filed": _filed,
    "edited": _edited,
    "submitted": _submitted,
    "approved": _approved,
    "rejected": _rejected,
    "revised": _revised,
    "withdrawn": _withdrawn,
    "started": _started,
    "finished": _finished,
    "corrected": _corrected,
    "reviewed": _reviewed,
    "closed": _closed,
    "expired": _expired,
    "reminded": _reminded,
}

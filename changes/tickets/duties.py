"""What waits for one person: changes to judge, to carry out and to look back at, whoever brought them.

One statement finds all of it, and a second one loads it, with the deploys that say who wrote a commit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from accounts.models import User
from changes.mailboxes import mailbox
from changes.models import Change
from changes.states import Origin
from changes.tickets import policy
from changes.tickets.policy import Circle, Hand
from changes.tickets.queries import commits_told
from workflow.statements import fetch

MOST = 10
"""How many of each kind are shown; the oldest come first."""
LOOKED_BACK = timedelta(days=3)
"""How long a deploy that ended badly waits in somebody's list to be looked at, if nothing says until when.

One that is unproven does not, nor is its review asked for while proof still counts: proof is what is asked for it.
"""
APPROVE, REVIEW, BEGIN, FINISH, MEND, SUBMIT = "approve", "review", "begin", "finish", "mend", "submit"
DUTIES = """
    WITH own AS (
        SELECT s.id, t.slug AS team, m.is_lead, m.since FROM catalog_service s
        JOIN accounts_membership m ON m.team_id = s.team_id JOIN accounts_team t ON t.id = s.team_id
        WHERE m.user_id = %s),
    blank AS (SELECT '' AS team, CAST(NULL AS boolean) AS is_lead, CAST(NULL AS timestamp with time zone) AS since)
    SELECT * FROM (
        SELECT DISTINCT 'approve' AS kind, c.id, c.window_start AS due, own.team, own.is_lead, own.since,
            c.sha FROM changes_change c JOIN changes_ticket k ON k.change_id = c.id
        JOIN changes_ticket_services ts ON ts.ticket_id = c.id JOIN own ON own.id = ts.service_id
        WHERE c.state = 'submitted' AND c.requester_id <> %s AND k.implementer_id <> %s
        AND NOT EXISTS (SELECT 1 FROM changes_approval a WHERE a.ticket_id = c.id AND a.approver_id = %s
            AND a.voided_at IS NULL AND a.digest = k.digest)
        ORDER BY 3, 2 LIMIT 30) approvals
    UNION ALL SELECT * FROM (
        SELECT 'review' AS kind, c.id, c.review_due_at AS due, blank.*,
            CASE WHEN c.origin = 'person' THEN c.sha ELSE '' END FROM changes_change c CROSS JOIN blank
        WHERE c.review_due_at IS NOT NULL AND c.state = 'finished'
            AND (c.verdict <> 'unproven' OR c.review_due_at <= %s) AND (c.service_id IN (SELECT id FROM own)
            OR c.id IN (SELECT ts.ticket_id FROM changes_ticket_services ts JOIN own ON own.id = ts.service_id))
        ORDER BY 3, 2 LIMIT 20) reviews
    UNION ALL SELECT * FROM (
        SELECT 'review' AS kind, c.id, c.at AS due, blank.*, '' FROM changes_change c CROSS JOIN blank
        WHERE c.review_due_at IS NULL AND c.state = 'finished' AND c.origin = 'pipeline' AND c.at > %s
            AND c.verdict <> 'unproven'
            AND c.service_id IN (SELECT id FROM own)
        ORDER BY 3, 2 LIMIT 20) deploys
    UNION ALL SELECT * FROM (
        SELECT CASE WHEN c.state = 'approved' THEN 'begin' ELSE 'finish' END AS kind, c.id,
            CASE WHEN c.state = 'approved' THEN c.window_start ELSE c.window_end END AS due, blank.*, ''
        FROM changes_ticket k JOIN changes_change c ON c.id = k.change_id CROSS JOIN blank
        WHERE k.implementer_id = %s AND c.state IN ('approved', 'in_progress')
        ORDER BY 3, 2 LIMIT 20) deeds
    UNION ALL SELECT * FROM (
        SELECT CASE WHEN c.state = 'draft' THEN 'submit' ELSE 'mend' END AS kind, c.id, c.updated_at AS due, blank.*, ''
        FROM changes_change c CROSS JOIN blank WHERE c.requester_id = %s AND c.state IN ('draft', 'rejected')
        ORDER BY 3, 2 LIMIT 20) drafts
    UNION ALL SELECT 'token' AS kind, a.id, CAST(NULL AS timestamp with time zone) AS due, blank.*, ''
        FROM accounts_apitoken a CROSS JOIN blank WHERE a.owner_id = %s
"""
"""Kind, id and due of each duty; with an approval the reader's hand in each team; and the reader's tokens."""


class Duty(NamedTuple):
    """One thing to do; `kind` is one of the words above.

    `due` is by when: for approvals and what begins when the window opens, for what is under way when it closes; None if
    nothing says.
    """

    kind: str
    change: Change
    due: datetime | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the statement found, by change, with the reader's hands and tokens."""

    kinds: Mapping[int, str]
    hands: Mapping[int, Sequence[Hand]]
    tokens: frozenset[int]
    shas: frozenset[str]


def duties_of(me: User, *, now: datetime) -> list[Duty]:
    """Everything that waits for a person, at most MOST of a kind, by the clock; one statement or two."""
    asked = _asked(me, now)
    known = _loaded(asked)
    changes = [change for change in known if change.pk in asked.kinds]
    authors = _authors_by_sha(known)
    found = [
        Duty(kind, change, _due(kind, change))
        for change in changes
        if _is_theirs(kind := asked.kinds[change.pk], change, me, asked, authors)
    ]
    found.sort(key=lambda duty: (duty.due is None, duty.due or duty.change.updated_at, duty.change.pk))
    return [duty for place, duty in enumerate(found) if _rank(found, place) < MOST]


def _rank(found: Sequence[Duty], place: int) -> int:
    return sum(other.kind == found[place].kind for other in found[:place])


def _asked(me: User, now: datetime) -> _Asked:
    pk = me.pk
    given = [pk, pk, pk, pk, now, now - LOOKED_BACK, pk, pk, pk]
    kinds: dict[int, str] = {}
    hands: dict[int, list[Hand]] = {}
    tokens, shas = set(), set()
    for kind, number, _, team, is_lead, since, sha in fetch(DUTIES, given, moments=(2, 5)):
        if kind == "token":
            tokens.add(number)
            continue
        kinds[number] = kind
        shas |= {sha} if sha else set()
        if kind == APPROVE:
            hands.setdefault(number, []).append(Hand(pk, me.name, me.email, team, bool(is_lead), since))
    return _Asked(kinds, hands, frozenset(tokens), frozenset(shas))


def _due(kind: str, change: Change) -> datetime | None:
    if kind == REVIEW:
        return change.review_due_at
    if kind in {SUBMIT, MEND}:
        return None
    return change.window_end if kind == FINISH else change.window_start


def _loaded(asked: _Asked) -> list[Change]:
    """The changes that were found, and the deploys of a commit that one of them names."""
    if not asked.kinds:
        return []
    related = ("ticket__implementer", "requester", "service", "pipeline", "run")
    wanted = Q(pk__in=asked.kinds)
    if asked.shas:
        wanted |= Q(sha__in=asked.shas, origin=Origin.PIPELINE)
    return list(Change.objects.filter(wanted).select_related(*related))


def _authors_by_sha(changes: Iterable[Change]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for change in changes:
        if hasattr(change, "run") and change.sha:
            found.setdefault(change.sha, set()).update(_authors(commits_told(change.run.events)))
    return found


def _authors(commits: Iterable[Mapping[str, object]]) -> set[str]:
    return {mailbox(str(commit.get("author") or "")) for commit in commits}


def _is_theirs(kind: str, change: Change, me: User, asked: _Asked, authors: Mapping[str, set[str]]) -> bool:
    """Whether the rules that decide later would let them; what they carry out or filed is theirs anyway."""
    if kind not in {APPROVE, REVIEW}:
        return True
    excluded = {me.pk: "had a hand in it"} if _had_a_hand(change, me, asked, authors) else {}
    hands = asked.hands.get(change.pk, [])
    circle = Circle(change.risk, {hand.team: hand.team for hand in hands}, hands, excluded, change.created_at)
    if policy.four_eyes(me.pk, circle).outcome == policy.REFUSED:
        return False
    return kind == REVIEW or policy.approver_role(me.pk, circle).outcome == policy.ALLOWED


def _had_a_hand(change: Change, me: User, asked: _Asked, authors: Mapping[str, set[str]]) -> bool:
    mine = mailbox(me.email)
    ticket, run = getattr(change, "ticket", None), getattr(change, "run", None)
    if ticket is not None:
        wrote = me.pk in {change.requester_id, ticket.implementer_id, *ticket.written_by}
        wrote = wrote or mine in {mailbox(one.email) for one in (change.requester, ticket.implementer) if one}
        return wrote or mine in _authors(ticket.commits) or mine in authors.get(change.sha, set())
    if run is None:
        return False
    logged = {f"user:{me.pk}", *(f"token:{pk}" for pk in asked.tokens)}
    return mine in _authors(commits_told(run.events)) or any(event.get("by") in logged for event in run.events)

"""The filed changes that are told by name: what waits for whoever signs in, emergencies, what comes from templates.

Pure, as `demo.filed.story` is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from changes.states import Outcome
from changes.tickets.content import Draft
from demo.filed.paper import Filing, Step
from demo.filed.rules import TemplateStory, Times, Use
from demo.filed.story import Desk
from demo.filed.works import Work

BY_NAME = {
    "Move usage periods into their own table",
    "Load the tax rates of January",
    "Offer SEPA debit to customers in Austria",
    "Stop reminders for accounts under dispute",
    "Rotate the ledger database credentials",
    "Upgrade the queue's storage nodes, rack 2 of 3",
    "Split the hot partition of account events",
    "Send webhooks from the new addresses in Dublin",
    "Close cases that nobody touched for a year",
}
"""Titles of works that are told here, besides those of high risk."""
PLANNED = 20
"""How much of the rest is still to come."""
HOUR = timedelta(hours=1)


def told_by_name(desk: Desk, works: Sequence[Work]) -> list[Filing]:
    """Everything that shows a state of its own. The coming weeks are planned before, since this takes what is free."""
    known = {work.title: work for work in works}
    return [
        *_waiting_for_payments(desk, known),
        *_under_way(desk, known),
        *_looked_back(desk, known),
        *_in_each_others_way(desk, known),
        *(_emergency(desk, story) for story in EMERGENCIES),
    ]


def everything(desk: Desk, works: Sequence[Work], templates: Sequence[TemplateStory], times: Times) -> list[Filing]:
    """All that anybody filed, oldest first."""
    rest = [work for work in works if not work.rare and work.title not in BY_NAME]
    desk.dice.shuffle(rest)
    closed = [(times.sale, times.sale_end), (times.year_end, times.year_end + timedelta(days=17))]
    filings = desk.plan(rest[:PLANNED], closed=closed)
    filings += told_by_name(desk, works)
    filings += desk.past(rest[PLANNED:])
    filings += [_from_template(desk, story, use) for story in templates for use in story.uses]
    return sorted(filings, key=lambda filing: (filing.at, filing.draft.title))


def _from_template(desk: Desk, story: TemplateStory, use: Use) -> Filing:
    terms, team = story.terms, desk.company.services[story.terms.services[0]].team
    is_ahead = use.days < 0
    start = desk.slot() if is_ahead else desk.office_hour(team, desk.working_day(use.days))
    draft = Draft(
        title=use.title,
        services=tuple(terms.services),
        environment=terms.environment,
        description=terms.description,
        reason=terms.reason,
        risk_answers=dict(terms.risk_answers),
        test_evidence=terms.test_evidence,
        rollback_plan=terms.rollback_plan,
        rollback_minutes=terms.rollback_minutes,
        verification_plan=terms.verification_plan,
        window_start=start,
        window_end=start + HOUR,
        implementer=desk.company.people[use.who].email,
    )
    at = min(start, desk.now) - timedelta(hours=desk.dice.randrange(2, 26))
    filing = Filing(draft, use.who, at, template=story.slug, template_digest=terms.digest)
    steps = [Step(at + timedelta(minutes=1), "submit", use.who)]
    return _then(filing, *steps) if is_ahead else desk.carried_out(filing, steps, outcome=use.outcome)


def _waiting_for_payments(desk: Desk, works: Mapping[str, Work]) -> list[Filing]:
    """What Ann, who leads the team, and Bo find in their queues."""
    asked = desk.filed(
        works["Move usage periods into their own table"],
        desk.slot(within=3),
        at=desk.ago(5),
        requester="mina",
        implementer="tomas",
    )
    small = desk.filed(
        works["Load the tax rates of January"], desk.slot(), at=desk.ago(3), requester="grace", implementer="mina"
    )
    rejected = desk.filed(
        works["Offer SEPA debit to customers in Austria"],
        desk.slot(),
        at=desk.ago(28),
        requester="bo",
        implementer="bo",
    )
    reason = "Say who answers disputes in the first week, and what the bank takes for them. The rest is fine."
    draft = desk.filed(
        works["Stop reminders for accounts under dispute"],
        desk.slot(),
        at=desk.ago(2),
        requester="ann",
        implementer="grace",
    )
    return [
        _submitted(asked),
        _submitted(small),
        _then(rejected, Step(desk.ago(27), "submit", "bo"), Step(desk.ago(22), "reject", "ann", {"reason": reason})),
        replace(draft, draft=replace(draft.draft, test_evidence="", verification_plan="")),
        _half_approved(desk, works),
        _edited(desk, works),
    ]


def _half_approved(desk: Desk, works: Mapping[str, Work]) -> Filing:
    """Of high risk: Bo has approved it, and it needs Ann."""
    work = works["Replace the card processor's API version 3 by 4"]
    filing = desk.filed(work, desk.slot(), at=desk.ago(30), requester="tomas", implementer="mina")
    note = {"note": "Read the adapter's tests with Mina. The double write for 30 days is what convinces me."}
    return _then(filing, Step(desk.ago(29), "submit", "tomas"), Step(desk.ago(6), "approve", "bo", note))


def _edited(desk: Desk, works: Mapping[str, Work]) -> Filing:
    """Approved by Ann, then edited, so that her approval is void and she sees what differs."""
    work = works["Move card tokens to the new vault"]
    filing = desk.filed(work, desk.slot(), at=desk.ago(52), requester="grace", implementer="grace")
    assert filing.draft.window_end
    edit = {
        "rollback_plan": "Point the adapter at the old vault, which stays readable until 31 January.",
        "rollback_minutes": 35,
        "window_end": filing.draft.window_end + timedelta(minutes=15),
    }
    return _then(
        filing,
        Step(desk.ago(51), "submit", "grace"),
        Step(desk.ago(26), "approve", "ann", {"note": "Fine with me, if the old vault stays until the new year."}),
        Step(desk.ago(4), "edit", "grace", edit),
    )


def _under_way(desk: Desk, works: Mapping[str, Work]) -> list[Filing]:
    """What begins in a few hours, and what is in its window now."""
    now, quarter = desk.now, timedelta(minutes=desk.now.minute % 15, seconds=desk.now.second)
    opens = (now - quarter).replace(microsecond=0)
    soon = desk.filed(
        works["Rotate the ledger database credentials"],
        opens + 3 * HOUR,
        at=desk.ago(49),
        requester="mina",
        implementer="bo",
    )
    running = desk.filed(
        works["Upgrade the queue's storage nodes, rack 2 of 3"],
        opens - HOUR,
        at=desk.ago(50),
        requester="ivan",
        implementer="keiko",
    )
    begun = desk.agreed(running)
    return [desk.agreed(soon), _then(begun, *begun.steps, Step(opens - timedelta(minutes=48), "start", "keiko"))]


def _looked_back(desk: Desk, works: Mapping[str, Work]) -> list[Filing]:
    """Of high risk and done: one waits for somebody of Payments to look back, the others were reviewed."""
    day = desk.now - timedelta(hours=22)
    owed = desk.filed(
        works["Write refunds as postings of their own"],
        day.replace(minute=0, second=0, microsecond=0),
        at=day - 70 * HOUR,
        requester="mina",
        implementer="tomas",
    )
    ended = desk.carried_out(owed, desk.agreed(owed).steps, outcome=Outcome.SUCCEEDED)
    done = [replace(ended, reviewed=None)]
    for title, days in (
        ("Move the queue to the new message format", 40),
        ("Change how messages are spread over the queue", 12),
        ("Upgrade the vault to 1.18", 61),
        ("Move the vault's root key to the new hardware module", 26),
    ):
        at = (desk.now - timedelta(days=days)).replace(hour=9, minute=30, second=0, microsecond=0)
        at += timedelta(days=(7 - at.weekday()) % 7 if at.weekday() > 4 else 0)
        filing = desk.filed(works[title], at, at=at - 73 * HOUR)
        done.append(desk.carried_out(filing, desk.agreed(filing).steps, outcome=Outcome.SUCCEEDED))
    return done


def _in_each_others_way(desk: Desk, works: Mapping[str, Work]) -> list[Filing]:
    """Two that touch each other at the same time, which is a warning; and one that nobody has time for."""
    start = desk.slot(within=9)
    one = desk.filed(works["Split the hot partition of account events"], start, at=desk.ago(60))
    other = desk.filed(
        works["Send webhooks from the new addresses in Dublin"],
        start + timedelta(minutes=45),
        at=desk.ago(20),
        requester="ruth",
        implementer="femi",
    )
    left = desk.filed(works["Close cases that nobody touched for a year"], desk.slot(), at=desk.ago(90))
    return [desk.agreed(one), _submitted(other), left]


# --- What could not wait ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Emergency:
    """Something that could not wait: who began it how many hours ago, and why.

    `lasted` is in minutes, None while it goes on; `found` is what `reviewer` says after so many hours, "" while nobody
    has looked back.
    """

    hours: float
    who: str
    service: str
    title: str
    reason: str
    incident: str = ""
    lasted: int | None = None
    done: str = ""
    outcome: Outcome = Outcome.SUCCEEDED
    reviewer: str = ""
    after: int = 9
    found: str = ""


EMERGENCIES = (
    Emergency(
        *(1853, "owen", "dns-control", "Take a dead name server out of the delegation"),
        "A provider's servers in Asia answer nothing, and a third of the lookups from there fail.",
        lasted=24,
        done="Removed the two records and watched lookups recover from Tokyo and Sydney.",
        reviewer="lars",
        found="Right and quick. The check that should have taken it out by itself looked from Europe only.",
    ),
    Emergency(
        *(1397, "aiko", "event-stream", "Restart the brokers with the leak one by one"),
        "Two brokers have used 95 % of their memory, and the third one grows.",
        lasted=64,
        done="Restarted each of them when its copies were complete.",
        reviewer="jonas",
        after=3,
        found="No event was lost. The leak was mended in the release of the week after.",
    ),
    Emergency(
        *(893, "kofi", "dashboard-api", "Turn the export of large lists off"),
        "Exports hold every database connection, and nobody can sign in to the dashboard.",
        "INC-31",
        lasted=16,
        done="Turned the flag off and ended the 40 running exports.",
        outcome=Outcome.SUCCEEDED_WITH_ISSUES,
        reviewer="zoe",
        after=15,
        found="It helped within a minute. 12 customers had to start their export again and were told.",
    ),
    Emergency(
        *(557, "sam", "mta-router", "Route mail for one large receiver through Virginia"),
        "The receiver refuses our addresses in Frankfurt, and 400,000 messages wait.",
        "INC-34",
        lasted=52,
        done="Moved the receiver's pool. The queue was empty after 50 minutes.",
        reviewer="chidi",
        found="Good. The receiver had blocked the range by mistake. Going back was filed as a change of its own.",
    ),
    Emergency(
        *(197, "pavel", "abuse-scorer", "Close sign-ups from a range of rented servers"),
        "900 accounts within an hour, all of them from one range, and they send already.",
        lasted=31,
        done="Closed the range and held what these accounts had sent.",
        outcome=Outcome.PARTIAL,
        reviewer="isla",
        after=20,
        found="Two customers with a good name were held as well, for 25 minutes. The rule asks for a second sign now.",
    ),
    Emergency(
        *(31, "tomas", "checkout", "Stop charging cards again when the processor times out"),
        "11 customers were charged twice within an hour, and the processor is slow still.",
        lasted=36,
        done="Turned the repetition off. The 11 charges were given back, and each customer was written to.",
    ),
    Emergency(
        *(0.42, "ruth", "link-tracker", "Send clicks of Frankfurt to the trackers in Dublin"),
        "A switch in Frankfurt drops a fifth of all packets, and every tenth click there waits 8 seconds.",
        "INC-38",
    ),
)


def _emergency(desk: Desk, story: Emergency) -> Filing:
    at = desk.now - story.hours * HOUR
    draft = Draft(
        type="emergent",
        title=story.title,
        services=(story.service,),
        environment="production",
        reason=story.reason,
        implementer=desk.company.people[story.who].email,
        incident=story.incident,
    )
    if story.lasted is None:
        return Filing(draft, story.who, at)
    ended = at + timedelta(minutes=story.lasted)
    told = Step(ended, "finish", story.who, {"outcome": story.outcome.value, "note": story.done})
    is_plain = story.outcome == Outcome.SUCCEEDED
    answers = {"as_planned": is_plain, "customer_impact": bool(story.incident), "follow_up": True}
    look = Step(ended + story.after * HOUR, "review", story.reviewer, {"note": story.found, "answers": answers})
    return Filing(draft, story.who, at, (told,), look if story.reviewer else None)


def _submitted(filing: Filing) -> Filing:
    return _then(filing, Step(filing.at + timedelta(minutes=6), "submit", filing.requester))


def _then(filing: Filing, *steps: Step) -> Filing:
    return replace(filing, steps=steps)

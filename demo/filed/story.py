"""What Halyard's people filed over 90 days and for the coming three weeks. Pure: dice, no database, no clock.

The same seed, company and moment give the same story. What is told by name is in `demo.filed.scenes`.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from changes.states import Outcome
from changes.tickets.content import Draft
from changes.tickets.risk_policy import RISK_QUESTIONS
from demo.filed.company import Company, approvers
from demo.filed.paper import Filing, Paper, Step
from demo.filed.works import Work
from demo.vocabulary import TEAM_ZONES

FIRST_DAY, LAST_DAY = 86, 3
"""Over which days before now the finished work is spread."""
AHEAD = 20
"""How many days ahead something is planned."""
SLOTS = ((7, 30), (10, 0), (12, 30), (15, 0))
"""When, in UTC, planned work begins; no two share a slot, so nothing is in the way of anything."""
LONGEST = timedelta(hours=2)
FRIDAY = 4
ENDS = {
    Outcome.SUCCEEDED: (82, "As planned."),
    Outcome.SUCCEEDED_WITH_ISSUES: (5, "Done, but an alarm went off that nobody had silenced."),
    Outcome.ROLLED_BACK: (5, "The numbers went the wrong way, so we went back. That took {minutes} minutes."),
    Outcome.PARTIAL: (4, "Two of three regions are done. The third one follows when its backup is through."),
    Outcome.FAILED: (2, "It stopped at the second step with an error that uat never showed. Nothing was changed."),
    Outcome.NOT_DONE: (2, "Not begun: who had to watch it was ill."),
}
"""How work ends: how often, and what is noted."""
FOUND = {
    Outcome.SUCCEEDED: "Read the plan beside the graphs of that hour. Nothing stands out.",
    Outcome.SUCCEEDED_WITH_ISSUES: "The silence for the alarm is in the plan now.",
    Outcome.ROLLED_BACK: "Going back was right, and quick. uat lacks the traffic of a Monday; a ticket asks for it.",
    Outcome.PARTIAL: "Stopping there was right. The rest is filed as a change of its own.",
    Outcome.FAILED: "The error comes from a setting that uat does not have. It has it now.",
    Outcome.NOT_DONE: "Nothing happened. It is planned anew with two names.",
}
"""What a review finds."""
REASONS = (
    (
        "Say what you do if the copy is not complete when the window ends.",
        "rollback_plan",
        "{} Past half of the window we stop and go back.",
    ),
    (
        "15 minutes to see whether it worked is not much. Name the number that you look at.",
        "verification_plan",
        "{} We look at it after 15 minutes and after 2 hours.",
    ),
    (
        "The test is from before the last release. Run it again.",
        "test_evidence",
        "{} Repeated with this week's release: same result.",
    ),
)
"""Why something is rejected, which part is mended, and how."""
NOTES = (
    "",
    "",
    "",
    "Looks right.",
    "I will be around.",
    "Rehearsed it with them on uat.",
    "Mind the backup at the full hour.",
)
GIVEN_UP = "The vendor moved the date, so this waits until spring."


class Desk:
    """Where everybody of Halyard files what they plan."""

    def __init__(self, company: Company, *, now: datetime, seed: int) -> None:
        self.company = company
        self.now = now
        self.dice = random.Random(seed)  # noqa: S311 - the same seed must give the same story
        self._slots: list[datetime] = []

    # --- What was done -----------------------------------------------------------------------------------------------

    def past(self, works: Sequence[Work]) -> list[Filing]:
        """Work of the last weeks, spread evenly, each thing once."""
        return [self.done(work, day) for work, day in zip(works, self._days(len(works)), strict=True)]

    def _days(self, number: int) -> list[date]:
        days = [(self.now - timedelta(days=ago)).date() for ago in range(LAST_DAY, FIRST_DAY)]
        working = [day for day in days if day.weekday() < 5]
        return sorted(self.dice.choices(working, k=number))

    def done(self, work: Work, day: date) -> Filing:
        """Work that was planned, agreed to, and done on `day`; or came to nothing."""
        start = self.office_hour(work.team, day)
        filed = start - timedelta(days=self.dice.randrange(1, 4)) + timedelta(minutes=self.dice.randrange(150))
        while filed.weekday() > FRIDAY:
            filed -= timedelta(days=1)
        filing = self.filed(work, start, at=filed)
        steps, at = self._asked(filing, at=filed + timedelta(minutes=self.dice.randrange(2, 90)))
        fate = self.dice.random()
        if fate < 0.04:
            return self._with(filing, [*steps, Step(at, "withdraw", filing.requester, {"reason": GIVEN_UP})])
        if fate < 0.08:
            assert filing.draft.window_end
            return self._with(filing, [*steps[:1], Step(filing.draft.window_end + timedelta(seconds=40), "expire")])
        return self.carried_out(filing, self._agreed(filing, steps, at))

    def carried_out(self, filing: Filing, steps: Sequence[Step], *, outcome: Outcome | None = None) -> Filing:
        """With its beginning, its end, and somebody's look back, which counts if the rules ask for one."""
        start, end = filing.draft.window_start, filing.draft.window_end
        assert start
        assert end
        weights = [weight for weight, _ in ENDS.values()]
        ended = outcome or self.dice.choices(list(ENDS), weights)[0]
        late = end + timedelta(minutes=7) if self.dice.random() < 0.03 else start
        began = late + timedelta(minutes=self.dice.randrange(1, 9))
        finished = began + (end - start) * self.dice.uniform(0.3, 0.8)
        who = filing.draft.implementer.partition("@")[0]
        note = ENDS[ended][1].format(minutes=filing.draft.rollback_minutes)
        told = [
            *steps,
            Step(began, "start", who),
            Step(finished, "finish", who, {"outcome": ended.value, "note": note}),
        ]
        return self._with(filing, told, self.look_back(filing, told, ended, at=finished))

    def look_back(self, filing: Filing, steps: Sequence[Step], outcome: Outcome, *, at: datetime) -> Step:
        """That somebody of the owning teams, who had no hand in it, reviewed it within a day."""
        circle = Paper(self._with(filing, steps), self.company, self.now).circle
        others = [hand.email.partition("@")[0] for hand in circle.hands if hand.user_id not in circle.excluded]
        answers = {
            "as_planned": outcome == Outcome.SUCCEEDED,
            "customer_impact": False,
            "rollback_used": outcome == Outcome.ROLLED_BACK,
            "incident_caused": False,
            "follow_up": outcome not in {Outcome.SUCCEEDED, Outcome.NOT_DONE},
        }
        after = timedelta(minutes=self.dice.randrange(40, 1200))
        return Step(at + after, "review", self.dice.choice(others), {"note": FOUND[outcome], "answers": answers})

    def working_day(self, ago: int) -> date:
        """The day so many days ago, or the Friday before it."""
        day = (self.now - timedelta(days=ago)).date()
        return day - timedelta(days=max(day.weekday() - FRIDAY, 0))

    def office_hour(self, team: str, day: date) -> datetime:
        """A time on that day at which the team works, in UTC."""
        wall = time(self.dice.choice((9, 9, 10, 10, 11, 13, 14, 15)), self.dice.choice((0, 15, 30, 45)))
        return datetime.combine(day, wall, ZoneInfo(TEAM_ZONES[team])).astimezone(UTC)

    def ago(self, hours: float) -> datetime:
        """So many hours ago; what lies further back is drawn into the working hours of its day, or of its Friday."""
        at = self.now - timedelta(hours=hours)
        if hours < 12:
            return at
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        off = max(day.weekday() - FRIDAY, 0)
        first, length = day - timedelta(days=off), timedelta(days=3 if day.weekday() >= FRIDAY else 1)
        return first + timedelta(hours=7) + timedelta(hours=10) * ((at - first) / length)

    # --- How it is agreed to -----------------------------------------------------------------------------------------

    def filed(self, work: Work, start: datetime, *, at: datetime, requester: str = "", implementer: str = "") -> Filing:
        """The work, written down for a window from `start`; its leads stay free to judge it unless it is small."""
        length = timedelta(hours=work.hours)
        if start > self.now:
            length = min(length, LONGEST)
        crew = self.company.crew(work.team, leads=not work.risk)
        who = requester or self.dice.choice(crew)
        hands = implementer or (who if self.dice.random() < 0.5 else self.dice.choice(crew))
        said: dict[str, Any] = {"customer_impacting": bool(work.note), "public_note": work.note}
        draft = Draft(
            title=work.title,
            services=tuple(work.services),
            environment="production",
            description=work.description,
            reason=work.reason,
            risk_answers={code: code in work.risk for code in RISK_QUESTIONS},
            test_evidence=work.tested,
            rollback_plan=work.way_back,
            rollback_minutes=work.minutes,
            verification_plan=work.verify,
            window_start=start,
            window_end=start + length,
            implementer=self.company.people[hands].email,
            **said,
        )
        return Filing(draft, who, at)

    def _asked(self, filing: Filing, *, at: datetime) -> tuple[list[Step], datetime]:
        """Asked for approval; now and then somebody finds something, and it is mended and asked for again."""
        steps = [Step(at, "submit", filing.requester)]
        if self.dice.random() > 0.09:
            return steps, at
        reason, part, mended = self.dice.choice(REASONS)
        judge = self.judges(filing, steps)[0]
        first, second, third = (at + timedelta(minutes=minutes) for minutes in (45, 130, 150))
        more = mended.format(getattr(filing.draft, part))
        steps.append(Step(first, "reject", judge, {"reason": reason}))
        steps.append(Step(second, "revise", filing.requester, {"reason": "Mended what was asked for."}))
        steps.append(Step(third, "edit", filing.requester, {part: more}))
        steps.append(Step(third + timedelta(minutes=1), "submit", filing.requester))
        return steps, third + timedelta(minutes=1)

    def _agreed(self, filing: Filing, steps: Sequence[Step], at: datetime) -> list[Step]:
        """With as many approvals as it needs, all of them before its window opens."""
        assert filing.draft.window_start
        names = self.judges(filing, steps)
        room = (min(filing.draft.window_start, self.now) - at) * 0.8
        moments = sorted(at + room * self.dice.uniform(0.1, 1) for _ in names)
        pairs = zip(names, moments, strict=True)
        return [*steps, *(Step(when, "approve", who, {"note": self.dice.choice(NOTES)}) for who, when in pairs)]

    def agreed(self, filing: Filing) -> Filing:
        """Asked for and approved."""
        steps, at = self._asked(filing, at=filing.at + timedelta(minutes=self.dice.randrange(2, 60)))
        return self._with(filing, self._agreed(filing, steps, at))

    def judges(self, filing: Filing, steps: Sequence[Step]) -> list[str]:
        """People whose approvals suffice for what it says after these steps."""
        return approvers(Paper(self._with(filing, steps), self.company, self.now).circle, self.dice)

    def _with(self, filing: Filing, steps: Sequence[Step], reviewed: Step | None = None) -> Filing:
        return replace(filing, steps=tuple(steps), reviewed=reviewed)

    # --- What is planned ---------------------------------------------------------------------------------------------

    def plan(self, works: Sequence[Work], *, closed: Sequence[tuple[datetime, datetime]]) -> list[Filing]:
        """Work of the coming weeks: most of it agreed to, some waiting; never in a time in `closed`."""
        self._slots = self._free(closed)
        self.dice.shuffle(self._slots)
        return [self._planned(work, self.slot()) for work in works]

    def slot(self, *, within: int = AHEAD + 1) -> datetime:
        """A time within so many days that nobody has taken."""
        near = [slot for slot in self._slots if slot < self.now + timedelta(days=within)]
        chosen = near[0] if near else self._slots[0]
        self._slots.remove(chosen)
        return chosen

    def _free(self, closed: Sequence[tuple[datetime, datetime]]) -> list[datetime]:
        days = [(self.now + timedelta(days=ahead)).date() for ahead in range(1, AHEAD + 1)]
        slots = [datetime.combine(day, time(*slot), UTC) for day in days if day.weekday() < 5 for slot in SLOTS]
        return [slot for slot in slots if not any(slot < end and start < slot + LONGEST for start, end in closed)]

    def _planned(self, work: Work, start: datetime) -> Filing:
        filed = self.ago(self.dice.randrange(7, 96) + self.dice.random())
        filing = self.filed(work, start, at=filed)
        if self.dice.random() < 0.7:
            return self.agreed(filing)
        return self._with(filing, [Step(filed + timedelta(minutes=9), "submit", filing.requester)])

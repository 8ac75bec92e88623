"""Who looked back at deploys that could not be exempted, did not succeed, or were drawn. Pure: dice, no clock."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from changes.pipelines.policy import UNPROVEN_WITHIN
from changes.states import Outcome, State, Verdict
from demo.filed.company import Company, name_of
from demo.history import Remembered

STILL_WARM = timedelta(hours=24)
"""What ended less than this ago still waits for somebody."""
NOTES = {
    Outcome.FAILED: (
        "The migration waits for a lock; the deploy retries it now.",
        "A flaky health check. It asks twice now.",
    ),
    Outcome.ROLLED_BACK: (
        "Errors rose at once and the pipeline went back by itself, as it should.",
        "The flag was on in one region.",
    ),
    Outcome.NOT_DONE: ("Stopped on purpose, for a newer version.",),
    Outcome.SUCCEEDED: (
        "Read the commits and the graphs of the hour after. Nothing to add.",
        "Fine. Small, tested and watched.",
    ),
}
UNPROVEN = (
    "Read the commit after the fact: it is right.",
    "The proof exists, the pipeline just did not send it. Mended there.",
)


@dataclass(frozen=True, slots=True)
class DeployReview:
    """That somebody reviewed the deploy at this place of the list."""

    place: int
    reviewer: str
    note: str
    at: datetime


def reviews_of(
    remembered: Sequence[Remembered], company: Company, *, left: Iterable[str], now: datetime, seed: int
) -> list[DeployReview]:
    """The reviews that were done in time; nobody looked at the recent unproven deploys of the pipelines in `left`."""
    dice = random.Random(seed)  # noqa: S311 - the same seed must give the same story
    found = []
    for place, one in enumerate(remembered):
        columns = one.recorded.change_values
        due, verdict = columns["review_due_at"], columns["verdict"]
        ended = one.recorded.run.finished_at or one.received_at
        is_left = one.target.pipeline in left and verdict == Verdict.UNPROVEN and ended > now - UNPROVEN_WITHIN
        if due is None or is_left or ended > now - STILL_WARM:
            continue
        at = ended + (due - ended) * dice.uniform(0.05, 0.8)
        if at < now:
            notes = UNPROVEN if verdict == Verdict.UNPROVEN else NOTES.get(columns["outcome"], NOTES[Outcome.SUCCEEDED])
            found.append(DeployReview(place, dice.choice(_others(one, company)), dice.choice(notes), at))
    return found


def _others(one: Remembered, company: Company) -> list[str]:
    """People of the team who wrote no commit of it and do not own its token; if none is left, leads of other teams."""
    team = company.services[one.target.service].team
    authors = {commit["author"] for commit in one.recorded.run.commits}
    hands = company.hands[team]
    owner = min(hand.user_id for hand in hands if hand.is_lead)
    own = [hand.email for hand in hands if hand.email not in authors and hand.user_id != owner]
    leads = [hand.email for other in company.hands.values() for hand in other if hand.is_lead and hand.team != team]
    return [name_of(email) for email in own or leads]


def reviewed_columns(at: datetime) -> dict[str, object]:
    """What a review changes in the columns of the change."""
    return {"state": State.CLOSED.value, "review_due_at": None, "updated_at": at}

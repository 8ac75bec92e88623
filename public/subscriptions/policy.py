"""The rules of subscriptions. Pure: no database, no clock."""

from datetime import datetime, timedelta

from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
CONFIRM_WITHIN = timedelta(days=7)
"""How long the link that confirms an address works."""
AGAIN_AFTER = timedelta(minutes=10)
"""How long an address is left alone after it was asked, whoever typed it in."""
NEWS_FOR = timedelta(days=1)
"""How old an event may be to be still sent, as after a restore or a long outage."""


def subscription_confirmed_in_time(*, asked_at: datetime, confirmed_at: datetime | None, now: datetime) -> Decision:
    """An address is confirmed within a week, by whoever reads its mail; twice is as good as once."""
    rule = "subscription_confirmed_in_time"
    if confirmed_at is None and now - asked_at > CONFIRM_WITHIN:
        return Decision(rule, REFUSED, "This link is older than a week. Subscribe again, and a new one comes.")
    return Decision(rule, ALLOWED, "It was asked for within the last week, or is confirmed already.")


def something_wanted(*, wants_status: bool, wants_changes: bool) -> Decision:
    """A subscription is to something."""
    if not (wants_status or wants_changes):
        return Decision("something_wanted", REFUSED, "Choose at least one of the two, or end the subscription.")
    return Decision("something_wanted", ALLOWED, "Something is wanted.")


def publication_is_news(*, at: datetime, now: datetime) -> Decision:
    """People are written to about what became public within the last day; what is older is only put on the page.

    So a year of deploys that is logged afterwards, or a note that is written late, wakes nobody.
    """
    if now - at > NEWS_FOR:
        return Decision("publication_is_news", REFUSED, "It happened more than a day ago.")
    return Decision("publication_is_news", ALLOWED, "It has just happened.")

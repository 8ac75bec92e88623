"""Reminders of analyses that are owed: the day before, on the day, the day after, and then every third day."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from accounts.contacts.actions import tell_all
from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency
from accounts.models import Membership, User
from incidents.queries import seen_by
from incidents.rca.models import Rca
from incidents.rca.states import State
from workflow.lines import brief
from workflow.moments import plural

HOUR = 8
"""From when on, on the organisation's clock, a day's reminders go out."""
DAYS_BEFORE, EVERY = 1, 3
OWED = (State.DRAFT, State.IN_REVIEW, State.REVIEWED)
CALLS = {
    State.DRAFT: "Finish the root cause analysis",
    State.IN_REVIEW: "See to it that somebody reviews the root cause analysis",
    State.REVIEWED: "Publish the root cause analysis",
}


def is_reminded(due: date, *, today: date) -> bool:
    """Whether an analysis that is owed until `due` is reminded of today."""
    over = (today - due).days
    return over in {-DAYS_BEFORE, 0, 1} or (over > 0 and over % EVERY == 0)


def remind_of_analyses(*, now: datetime) -> int:
    """Remind whoever writes an analysis, once it is over also the leads of the affected teams; how many letters.

    From eight on, on the organisation's clock. The day is in the key of a letter, so asking again says nothing again.
    """
    local = now.astimezone(ZoneInfo(settings.ORGANISATION_TIME_ZONE))
    if local.hour < HOUR:
        return 0
    letters = []
    for rca in Rca.objects.filter(state__in=OWED).select_related("incident", "author").order_by("due_at", "pk"):
        due = rca.due_at.astimezone(local.tzinfo).date()
        if is_reminded(due, today=local.date()):
            is_over = due < local.date()
            letters += [_letter(rca, due, local.date(), to=person) for person in _to_remind(rca, is_over=is_over)]
    with transaction.atomic():
        tell_all(letters, at=now)
    return len(letters)


def _to_remind(rca: Rca, *, is_over: bool) -> Sequence[User]:
    """Its author if there is one; the leads once it is over or nobody writes it. Never anybody who may not see it."""
    leads = Membership.objects.filter(is_lead=True, team__services__incidents=rca.incident_id).values("user_id")
    asked = User.objects.filter(is_active=True)
    asked = asked.filter(pk__in=leads) if is_over or not rca.author_id else asked.none()
    people = {person.pk: person for person in asked} | ({rca.author.pk: rca.author} if rca.author else {})
    if rca.incident.restricted:
        allowed = set(seen_by(rca.incident).values_list("pk", flat=True))
        people = {pk: person for pk, person in people.items() if pk in allowed}
    return [people[pk] for pk in sorted(people)]


def _letter(rca: Rca, due: date, today: date, *, to: User) -> Letter:
    left, url = (due - today).days, f"{settings.BASE_URL}/rcas/{rca.ref}"
    day = f"{due:%A} {due.day} {due:%B}"
    when = f"is due {day}" if left > 0 else "is due today" if left == 0 else f"is {-left} {plural('day', -left)} over"
    by = f"by {day}" if left >= 0 else f"now; it was due {day}"
    call = f"{CALLS[State(rca.state)]} {by}: {url}"
    key = f"rca-owed:{rca.ref}:{today.isoformat()}:{to.pk}"
    if rca.incident.restricted:
        # The delivery log is read by people who must not know what it is about.
        return Letter(to.pk, Urgency.ASK, key, f"Something that only a few may see {when}", call)
    title = f"{rca.ref} {when}: {brief(rca.incident.title, most=120)}"
    text = f"{call}\n\n{rca.incident.ref}: {rca.incident.title}"
    return Letter(to.pk, Urgency.ASK, key, title, text, rca.incident.ref, f"rca:{rca.ref}", rca.due_at)

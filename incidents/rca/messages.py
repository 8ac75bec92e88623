"""The wording of what is sent about promises. The first line says who must do what by when, with the link."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency
from accounts.models import User
from incidents.rca.models import CorrectiveAction, Rca
from workflow.lines import brief
from workflow.moments import plural


def action_url(action: CorrectiveAction) -> str:
    """Where a promise is shown."""
    return f"{settings.BASE_URL}/actions/{action.ref}"


def _due(action: CorrectiveAction) -> datetime:
    return datetime.combine(action.due, time(17), ZoneInfo(settings.ORGANISATION_TIME_ZONE))


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"


def _quiet(letter: Letter, action: CorrectiveAction) -> Letter:
    """The same without saying what it is about, if only a few may know: others read the delivery log."""
    if not action.rca.incident.restricted:
        return letter
    title = "Something that only a few may see waits for you"
    return replace(letter, title=title, text=letter.text.partition("\n")[0], subject="", topic="")


def promised(action: CorrectiveAction) -> Letter:
    """Tells the owner what they have promised, or what was promised in their name."""
    text = f"Do this by {_day(action.due)}: {action_url(action)}\n\n{action.title}\n\nIt answers {action.rca.ref}."
    title = f"{action.ref} is yours until {_day(action.due)}: {brief(action.title, most=120)}"
    key = f"promised:{action.ref}:{action.owner_id}"
    letter = Letter(action.owner_id, Urgency.ASK, key, title, text, action.ref, f"action:{action.ref}", _due(action))
    return _quiet(letter, action)


def reminder(action: CorrectiveAction, *, today: date) -> Letter:
    """Reminds the owner, once for each day on which reminders go out."""
    left = (action.due - today).days
    when = f"is due {_day(action.due)}" if left > 0 else "is due today"
    if left < 0:
        when = f"is {-left} {plural('day', -left)} over"
    text = f"Finish it, or say why not: {action_url(action)}\n\n{action.title}\n\nIt answers {action.rca.ref}."
    key = f"owed:{action.ref}:{today.isoformat()}:{action.owner_id}"
    title = f"{action.ref} {when}: {brief(action.title, most=120)}"
    letter = Letter(action.owner_id, Urgency.ASK, key, title, text, action.ref, f"action:{action.ref}")
    return _quiet(letter, action)


def broken(action: CorrectiveAction, rca: Rca, *, to: User) -> Letter:
    """The alarm: a promise was kept, and its cause has hurt again."""
    again = "" if rca.incident.restricted else f" {rca.ref}: {settings.BASE_URL}/rcas/{rca.ref}"
    text = (
        f"Look again at what was done: {action_url(action)}\n\n{action.title}\n\n"
        f"It was done against a cause that has hurt again.{again}"
    )
    title = f"{action.ref} did not work: {brief(action.title, most=120)}"
    key = f"broken:{action.ref}:{action.reopened}:{to.pk}"
    return _quiet(Letter(to.pk, Urgency.ASK, key, title, text, action.ref), action)

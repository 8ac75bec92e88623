"""The wording of pages. The first line says who must do what by when, with the link."""

from datetime import datetime, timedelta

from django.conf import settings

from accounts.contacts.letters import Letter
from accounts.contacts.policy import Urgency
from accounts.models import User
from oncall.paging.links import Link, address
from oncall.paging.models import Page
from oncall.paging.policy import Step
from workflow.lines import brief
from workflow.moments import plural


def page_url(page: Page) -> str:
    """Where the page is shown to somebody who is signed in."""
    return f"{settings.BASE_URL}/pages/{page.key}"


def paged(page: Page, *, to: User, number: int, step: Step, at: datetime) -> Letter:
    """Pages one person."""
    due = at + timedelta(minutes=step.wait)
    wait = f"{step.wait} {plural('minute', step.wait)}"
    lines = [
        f"Answer within {wait}: {address(Link(page.key, to.pk))}",
        "",
        page.message,
        "",
        f"Step {number + 1}, {step.name}. Without an answer the next step begins, or everybody is told that none came.",
        *([f"It is about {page.subject}."] if page.subject else []),
    ]
    key = f"{page.topic}:{number}:{to.pk}"
    text = "\n".join(line for line in lines if line is not None)
    return Letter(to.pk, Urgency.PAGE, key, brief(page.title, most=200), text, page.subject, page.topic, due)


def nobody(page: Page, *, to: User, number: int, step: Step, because: str) -> Letter:
    """Says loudly that a step reached nobody."""
    title = f"Nobody was reached by {step.name}: {brief(page.title, most=120)}"
    text = f"See to it that somebody answers this page: {page_url(page)}\n\n{because}\nThe next step began at once."
    return Letter(to.pk, Urgency.PAGE, f"{page.topic}:{number}:nobody:{to.pk}", title, text, page.subject, page.topic)


def exhausted(page: Page, *, to: User) -> Letter:
    """Says loudly that nobody answered."""
    title = f"Nobody answered: {brief(page.title, most=150)}"
    text = (
        f"Answer this page, or find somebody who does: {page_url(page)}\n\n{page.message}\n\n"
        f"All {page.step} {plural('step', page.step)} of {page.plan['name']} were taken."
    )
    return Letter(to.pk, Urgency.PAGE, f"{page.topic}:exhausted:{to.pk}", title, text, page.subject, page.topic)

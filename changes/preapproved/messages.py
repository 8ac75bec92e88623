"""The wording of what is sent about templates. The first line carries who must do what by when, with the link."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from accounts.contacts.letters import Letter
from changes.letters import Person, ask, news


def template_url(slug: str) -> str:
    """The web page of a template."""
    return f"{settings.BASE_URL}/templates/{slug}"


def approval_topic(ref: str) -> str:
    """What groups the messages that ask for an approval, so that a decision can call them back."""
    return f"template:{ref}"


def template_approval_wanted(ref: str, slug: str, *, to: Person, at: datetime, facts: Sequence[str]) -> Letter:
    """Asks somebody to approve what was proposed `at`; `facts` are lines about it."""
    lines = [f"Read and approve the template {slug}: {template_url(slug)}#decide", "", *(f"- {fact}" for fact in facts)]
    lines += ["", "Once two people have approved it, changes made from it need no approval for 180 days."]
    return ask(
        to,
        about=ref,
        key=f"{approval_topic(ref)}:wanted:{at:%Y%m%d%H%M%S%f}",
        title=f"The template {slug} waits for you",
        lines=lines,
        topic=approval_topic(ref),
    )


def template_approved(ref: str, slug: str, *, to: Person, at: datetime, words: str) -> Letter:
    """Tells the author that it may be used, in `words`."""
    lines = [f"Use the template {slug} from now on: {template_url(slug)}", "", words]
    lines += ["A change made from it needs a window and somebody who carries it out, and no approval."]
    return news(
        to,
        about=ref,
        key=f"template:{ref}:approved:{at:%Y%m%d%H%M%S%f}",
        title=f"The template {slug} is approved",
        lines=lines,
    )


def template_demoted(ref: str, slug: str, *, to: Person, at: datetime, because: str) -> Letter:
    """Tells somebody who answers for a template that it may not be used any more."""
    lines = [
        f"Look at the template {slug} and propose it again when it is right: {template_url(slug)}",
        "",
        because,
        "Changes made from it need approvals of their own until two people have approved it again.",
    ]
    return ask(
        to,
        about=ref,
        key=f"template:{ref}:demoted:{at:%Y%m%d%H%M%S%f}",
        title=f"The template {slug} may not be used any more",
        lines=lines,
    )


def template_expiring(ref: str, slug: str, *, to: Person, until: datetime, who_can: str) -> Letter:
    """Tells the author that the approval ends `until`, and who can give it anew."""
    lines = [
        f"Have the template {slug} approved anew by {until:%A %d %B, %H:%M} UTC: {template_url(slug)}",
        "",
        "Its approval ends then, and changes made from it will need approvals of their own.",
        who_can,
    ]
    return ask(
        to,
        about=ref,
        key=f"template:{ref}:expiring:{until:%Y%m%d%H%M}",
        title=f"The approval of the template {slug} ends {until:%d %B}",
        lines=lines,
    ).until(until)

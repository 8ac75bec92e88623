"""Templates in an organisation file: written by one person and approved by two others, as on the page."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from accounts.organisation import Email, person
from changes.preapproved import actions, policy, queries
from changes.preapproved.content import COLUMNS, LABELS, Terms, terms_of
from changes.preapproved.models import Template
from changes.tickets.content import differences
from changes.tickets.risk_policy import RISK_QUESTIONS
from workflow.errors import Conflict, Forbidden
from workflow.ledger import SYSTEM
from workflow.manifest import Complaint, Line, Section, Shape, Slug, Step, Text, difference

Title = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
SHORT = 40
"""How long a value may be to be shown in the line of a step."""
_ENDED = {
    Template.State.DEMOTED: "was demoted after a failure",
    Template.State.RETIRED: "was retired",
}


class TemplateEntry(Shape):
    """A change that is done often. It may be used once two of `approved_by` who may approve it are named.

    A field that is left out says nothing; a risk question that is left out is answered with no.
    """

    slug: Slug
    name: Line
    title: Title
    services: Annotated[list[Slug], Field(min_length=1, max_length=40)]
    environment: Slug
    description: Text = ""
    reason: Text
    customer_impacting: bool = False
    public_note: Text = ""
    risk_answers: dict[str, bool] = Field(default_factory=dict)
    test_evidence: Text
    rollback_plan: Text
    rollback_minutes: Annotated[int, Field(ge=0, le=100_000)]
    verification_plan: Text
    author: Email
    approved_by: list[Email] = Field(default_factory=list)


def _check_template(entry: TemplateEntry) -> Iterator[Complaint]:
    unknown = sorted(set(entry.risk_answers) - set(RISK_QUESTIONS))
    if unknown:
        because = f"“{unknown[0][:40]}” is no risk question. They are {', '.join(RISK_QUESTIONS)}."
        yield Complaint("risk_answers", "unknown_question", because)
    if entry.author.lower() in {email.lower() for email in entry.approved_by}:
        yield Complaint("approved_by", "four_eyes", f"{entry.author} wrote it, so two other people must approve it.")
    for name, sentence in policy.template_complete(_terms(entry).content):
        yield Complaint(name, "required", sentence)


def _terms(entry: TemplateEntry, present: Terms | None = None) -> Terms:
    """What the file says, and where it says nothing, what is there already."""
    said: dict[str, Any] = entry.given(*COLUMNS)
    if present is None or "risk_answers" in said:
        said["risk_answers"] = {code: entry.risk_answers.get(code, False) for code in RISK_QUESTIONS}
    kept = {name: getattr(present, name) for name in COLUMNS} if present else {}
    return Terms(name=entry.name, services=entry.services, environment=entry.environment, **(kept | said))


def _plan_templates(entries: Sequence[TemplateEntry]) -> Iterator[Step]:
    present = {template.slug: template for template in queries.templates()}
    for entry in entries:
        template = present.get(entry.slug)
        changed = _changed(entry, template) if template else ""
        if template is None:
            yield Step(f"+ template {entry.slug}, written by {entry.author}", partial(_put_down, entry))
        elif changed:
            yield Step(f"~ template {entry.slug}: {changed}", partial(_put_down, entry))
        if template is not None and template.state in _ENDED:
            why = _ENDED[Template.State(template.state)]
            yield Step(f"! template {entry.slug} {why}: two people must approve it again on its page")
            continue
        if template is None or changed or template.state == Template.State.PROPOSED:
            given = _given(template) if template and not changed else set()
            for email in entry.approved_by:
                if email.lower() not in given:
                    yield Step(f"~ template {entry.slug}: approved by {email}", partial(_approve, entry.slug, email))


def _changed(entry: TemplateEntry, template: Template) -> str:
    before, after = terms_of(template), _terms(entry, terms_of(template))
    found = [difference({"name": before.name}, {"name": after.name})]
    for one in differences(before.content, after.content, labels=LABELS):
        is_short = len(one.before) <= SHORT and len(one.after) <= SHORT
        found.append(f"{one.name} {one.before} -> {one.after}" if is_short else one.name)
    return ", ".join(filter(None, found))


def _given(template: Template) -> set[str]:
    return {one.approver.email.lower() for one in queries.standing_approvals(template)}


def _put_down(entry: TemplateEntry) -> None:
    """Write down what the file says; what had been approved before has to be approved anew."""
    known = Template.objects.filter(slug=entry.slug).exists()
    standing = queries.standing_of(entry.slug, lock=True) if known else None
    terms = _terms(entry, terms_of(standing.template) if standing else None)
    author = person(entry.author).pk
    if standing is not None and terms.digest == standing.template.digest:
        actions.rename(standing, terms.name, actor=SYSTEM)
        return
    actions.put_down(standing, terms, slug=entry.slug, author=author, actor=SYSTEM)


def _approve(slug: str, email: str) -> None:
    second = person(email)
    try:
        actions.give_approval(queries.standing_of(slug, lock=True), approver=second.pk, actor=SYSTEM)
    except Forbidden as refusal:
        raise Forbidden(refusal.code, f"{second.email} cannot approve {slug} (rule {refusal.code}).") from refusal
    except Conflict as refusal:
        # With two approvals it is approved; a third one that the file names changes nothing.
        if refusal.code != "template_approvable":
            raise


def _known_templates() -> set[str]:
    return set(Template.objects.values_list("slug", flat=True))


TEMPLATES = Section(
    "templates",
    "template",
    TemplateEntry,
    "slug",
    _known_templates,
    _plan_templates,
    _check_template,
    {"services": "services", "environment": "environments", "author": "people", "approved_by": "people"},
)

"""Write down what Halyard's people filed and decided: many rows at once, each as the action of its verb would write it.

Each function returns lines of the ledger, which are appended together with those of the deploys, oldest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from accounts.models import Team
from catalog.models import Environment, Service
from changes.freezes import recurrence
from changes.freezes.models import Freeze, FreezeOverride, Hold
from changes.models import Approval, Change, GateDecision, Pipeline, Review, Template, TemplateApproval, Ticket
from changes.pipelines.gate_policy import VALID_FOR
from changes.policy import POLICY_VERSION
from changes.preapproved import policy as template_policy
from changes.preapproved.content import COLUMNS
from demo.filed.company import Company
from demo.filed.gate import Answered
from demo.filed.paper import Filing, Paper
from demo.filed.reviews import DeployReview
from demo.filed.rules import TEMPLATES, FreezeStory, TemplateStory, Times, freezes_at, times_at, working
from workflow.ledger import SYSTEM, Happening

Line = tuple[datetime, str, Happening]
"""When it was recorded, about what (a ref), and what happened."""
HOUR = timedelta(hours=1)


# --- Freezes and holds -----------------------------------------------------------------------------------------------


def write_freezes(company: Company, *, now: datetime) -> list[Line]:
    """Every freeze, an override that was confirmed, one that waits for a second person, and a hold that is over."""
    tier_0 = sorted(slug for slug, service in company.services.items() if service.tier == 0)
    lines, known = [], {}
    for story in freezes_at(now, tier_0):
        known[story.declared.name] = freeze = _freeze(story, company, now=now)
        said = Happening("declared", company.people[story.by].actor, freeze.created_at, _facts(story))
        lines.append((freeze.created_at, freeze.ref, said))
    times = times_at(now)
    lines += _past_override(known["Partition move of the event stream"], company, times)
    lines += _open_override(known["The sale"], company, now=now, times=times)
    return lines + _hold(times)


def _freeze(story: FreezeStory, company: Company, *, now: datetime) -> Freeze:
    declared, at = story.declared, working(now - timedelta(days=story.days))
    terms = declared.terms
    freeze = Freeze.objects.create(
        name=declared.name,
        reason=declared.reason,
        is_hard=declared.is_hard,
        start=terms.start,
        end=terms.end,
        rrule=terms.rrule,
        time_zone=terms.time_zone,
        last_end=recurrence.last_end(terms),
        created_by_id=company.people[story.by].pk,
        created_at=at,
        updated_at=at,
    )
    freeze.services.set(Service.objects.filter(slug__in=declared.services))
    freeze.teams.set(Team.objects.filter(slug__in=declared.teams))
    freeze.environments.set(Environment.objects.filter(slug__in=declared.environments))
    return freeze


def _facts(story: FreezeStory) -> dict[str, object]:
    declared = story.declared
    return {
        "name": declared.name,
        "hard": declared.is_hard,
        "start": _moment(declared.terms.start),
        "end": _moment(declared.terms.end),
        "rrule": declared.terms.rrule,
        "time_zone": declared.time_zone,
        "services": sorted(declared.services),
        "teams": sorted(declared.teams),
        "environments": sorted(declared.environments),
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _past_override(freeze: Freeze, company: Company, times: Times) -> list[Line]:
    asked, confirmed = times.move - 20 * HOUR, times.move - 17 * HOUR
    reason = "The roll-up of the night fails on a day with 25 hours. Its mend must be there before 06:00."
    override = _override(
        freeze, "jonas", company, reason, services=["metrics-store"], times=(asked, times.move + 2 * HOUR)
    )
    second = company.people["dana"]
    FreezeOverride.objects.filter(pk=override.pk).update(confirmed_by=second.pk, confirmed_at=confirmed)
    facts = _override_facts(override, ["metrics-store"])
    told = Happening("override_confirmed", second.actor, confirmed, facts | {"confirmed_by": second.actor}, "four_eyes")
    return [_asked(override, ["metrics-store"], company, "jonas"), (confirmed, freeze.ref, told)]


def _open_override(freeze: Freeze, company: Company, *, now: datetime, times: Times) -> list[Line]:
    reason = (
        "A large receiver changes its limits on the second day of the sale. "
        "If we cannot follow within the hour, a million messages wait."
    )
    services = ["ip-pools", "mta-router"]
    override = _override(freeze, "chidi", company, reason, services=services, times=(now - 7 * HOUR, times.sale_end))
    return [_asked(override, services, company, "chidi")]


def _override(
    freeze: Freeze,
    who: str,
    company: Company,
    reason: str,
    *,
    services: Sequence[str],
    times: tuple[datetime, datetime],
) -> FreezeOverride:
    override = FreezeOverride.objects.create(
        freeze=freeze,
        reason=reason,
        requested_by_id=company.people[who].pk,
        created_at=times[0],
        expires_at=times[1].replace(microsecond=0),
    )
    override.services.set([company.services[slug].pk for slug in services])
    return override


def _asked(override: FreezeOverride, services: Sequence[str], company: Company, who: str) -> Line:
    at, facts = override.created_at, _override_facts(override, services)
    return at, override.freeze.ref, Happening("override_asked", company.people[who].actor, at, facts)


def _override_facts(override: FreezeOverride, services: Sequence[str]) -> dict[str, object]:
    return {
        "override": override.pk,
        "reason": override.reason,
        "services": sorted(services),
        "expires_at": _moment(override.expires_at),
        "requested_by": f"user:{override.requested_by_id}",
    }


def _hold(times: Times) -> list[Line]:
    service, source = Service.objects.get(slug="webhooks"), "INC-36"
    reason, released = "Webhooks of Frankfurt are delivered twice.", times.held + 1.6 * HOUR
    Hold.objects.create(service=service, source=source, reason=reason, opened_at=times.held, released_at=released)
    opened = Happening("held", SYSTEM, times.held, {"source": source, "reason": reason}, "hold_open")
    over = Happening("released", SYSTEM, released, {"source": source})
    return [(times.held, service.ref, opened), (released, service.ref, over)]


# --- Templates -------------------------------------------------------------------------------------------------------


def write_templates(company: Company, *, now: datetime) -> tuple[dict[str, Template], list[Line]]:
    """Every template as it was approved, by slug; what a failure made of it comes with the failure."""
    known, lines = {}, []
    for story in TEMPLATES:
        template = _template(story, company, at=working(now - timedelta(days=story.days)))
        known[story.slug] = template
        lines += _approvals(story, template, company)
    return known, lines


def _template(story: TemplateStory, company: Company, *, at: datetime) -> Template:
    terms = story.terms
    template = Template.objects.create(
        slug=story.slug,
        name=terms.name,
        environment_id=company.production,
        author_id=company.people[story.author].pk,
        digest=terms.digest,
        created_at=at,
        updated_at=at,
        **{name: getattr(terms, name) for name in COLUMNS} | {"risk_answers": terms.content["risk_answers"]},
    )
    template.services.set([company.services[slug].pk for slug in terms.services])
    return template


def _approvals(story: TemplateStory, template: Template, company: Company) -> list[Line]:
    terms, author = story.terms, company.people[story.author]
    said: dict[str, object] = {"author": author.pk, "digest": terms.digest, "content": terms.content}
    at = template.created_at
    lines = [(at, template.ref, Happening("proposed", author.actor, at, said))]
    circle = company.circle(terms.services, template_policy.LEVEL, [author.pk], filed_at=at)
    given: list[int] = []
    for place, name in enumerate(story.approved_by):
        who, at = company.people[name], template.created_at + (3 + 19 * place) * HOUR
        given.append(who.pk)
        TemplateApproval.objects.create(
            template=template, approver_id=who.pk, author_id=author.pk, digest=terms.digest, at=at
        )
        decision = template_policy.template_approved(circle, given)
        facts: dict[str, object] = {"approver": who.pk, "digest": terms.digest, "note": ""}
        if decision.outcome == template_policy.APPROVED:
            until = at + template_policy.VALID_FOR
            facts |= {"until": until.isoformat(timespec="seconds"), "because": decision.because}
            columns = {"state": Template.State.APPROVED, "approved_until": until, "updated_at": at}
            Template.objects.filter(pk=template.pk).update(**columns)
        lines.append((at, template.ref, Happening("approved", who.actor, at, facts, decision.rule)))
    return lines


def _demoted(change: Change, template: Template) -> list[Line]:
    at, decision = change.finished_at, template_policy.template_demoted(outcome=change.outcome, caused_incident=False)
    if at is None or decision.outcome != template_policy.DEMOTED:
        return []
    Template.objects.filter(pk=template.pk).update(state=Template.State.DEMOTED, approved_until=None, updated_at=at)
    template.approvals.filter(voided_at=None).update(voided_at=at)
    facts: dict[str, object] = {"because": f"{change.ref}: {decision.because}", "digest": template.digest}
    return [(at, template.ref, Happening("demoted", SYSTEM, at, facts, decision.rule))]


# --- Filed changes and reviews ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A filing that became a change."""

    filing: Filing
    change: Change


def write_filed(
    told: Iterable[Told], templates: Mapping[str, Template], company: Company, *, now: datetime
) -> list[Line]:
    """The tickets, approvals and reviews of changes that are written already."""
    papers = [(one.change, Paper(one.filing, company, now, one.change.pk)) for one in told]
    known = {slug: template.pk for slug, template in templates.items()}
    tickets = [
        Ticket(change_id=change.pk, template_id=known.get(paper.filing.template), **paper.ticket_columns())
        for change, paper in papers
    ]
    Ticket.objects.bulk_create(tickets)
    touched = Ticket.services.through
    touched.objects.bulk_create(
        touched(ticket_id=change.pk, service_id=company.services[slug].pk)
        for change, paper in papers
        for slug in paper.said["services"]
    )
    Approval.objects.bulk_create(row for change, paper in papers for row in _answers(change, paper))
    Review.objects.bulk_create(_look(change, paper) for change, paper in papers if paper.look)
    lines = [(at, change.ref, said) for change, paper in papers for at, said in paper.entries]
    for change, paper in papers:
        if paper.filing.template:
            lines += _demoted(change, templates[paper.filing.template])
    return lines


def _answers(change: Change, paper: Paper) -> list[Approval]:
    return [
        Approval(
            ticket_id=change.pk,
            approver_id=one.who.pk,
            requester_id=paper.requester.pk,
            implementer_id=paper.implementer.pk,
            answer=one.answer,
            actor=one.who.actor,
            roles=one.roles,
            digest=one.digest,
            content=one.content,
            note=one.note,
            at=one.at,
            voided_at=one.voided_at,
        )
        for one in paper.answers
    ]


def _look(change: Change, paper: Paper) -> Review:
    assert paper.look
    return Review(
        change_id=change.pk,
        reviewer_id=paper.look.who.pk,
        requester_id=paper.requester.pk,
        implementer_id=paper.implementer.pk,
        actor=paper.look.who.actor,
        answers=dict(paper.look.answers),
        note=paper.look.note,
        at=paper.look.at,
    )


def write_reviews(reviews: Sequence[tuple[DeployReview, Change]], company: Company) -> list[Line]:
    """That people looked back at deploys."""
    lines, rows = [], []
    for review, change in reviews:
        who = company.people[review.reviewer]
        rows.append(Review(change=change, reviewer_id=who.pk, actor=who.actor, note=review.note, at=review.at))
        said: dict[str, object] = {"note": review.note, "answers": {}}
        lines.append((review.at, change.ref, Happening("reviewed", who.actor, review.at, said, "reviewer_role")))
    Review.objects.bulk_create(rows)
    return lines


def write_answers(answered: Sequence[Answered], told: Iterable[Told], pipelines: Mapping[str, Pipeline]) -> list[Line]:
    """What the gate answered, each with the change that it filed."""
    changes = {(one.filing.draft.title, one.filing.at): one.change for one in told}
    services = {service.slug: service for service in Service.objects.all()}
    lines = []
    for one in answered:
        asked, pipeline = one.asked, pipelines[one.asked.pipeline]
        change = changes[one.filing.draft.title, one.filing.at] if one.filing else None
        decision = GateDecision.objects.create(
            pipeline=pipeline,
            service=services[asked.service],
            environment=Environment.objects.get(slug="production"),
            sha=asked.run.sha,
            artifact_digest=asked.run.artifact_digest,
            decision=one.verdict.decision.outcome,
            rule=one.verdict.decision.rule,
            reasons=[reason._asdict() for reason in one.verdict.reasons],
            policy_version=POLICY_VERSION,
            change=change,
            actor=asked.by,
            at=asked.at,
            expires_at=asked.at + VALID_FOR,
        )
        said = Happening("gate_asked", asked.by, asked.at, _gate_facts(decision, one, change), decision.rule)
        lines.append((asked.at, pipeline.ref, said))
    return lines


def _gate_facts(decision: GateDecision, one: Answered, change: Change | None) -> dict[str, object]:
    return {
        "decision": decision.decision,
        "decision_id": decision.ref,
        "service": one.asked.service,
        "environment": "production",
        "sha": decision.sha,
        "reasons": decision.reasons,
        "evidence": dict(one.asked.run.evidence),
        "change": change.ref if change else None,
    }

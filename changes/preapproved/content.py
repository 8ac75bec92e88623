"""What a template says: the terms that two people approve, their digest, and how two versions differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from changes.preapproved.models import Template
from changes.tickets.content import digest_of, edition_of

LABELS = {
    "title": "Title",
    "services": "Services",
    "environment": "Environment",
    "description": "Description",
    "reason": "Reason",
    "customer_impacting": "Customers notice",
    "public_note": "Public note",
    "risk_answers": "Risk answers",
    "test_evidence": "Test evidence",
    "rollback_plan": "Way back",
    "rollback_minutes": "Minutes for the way back",
    "verification_plan": "Verification",
}
"""Every part that an approval is about, as people read it, in the order of the page."""
ALL_LABELS = {"name": "Name", **LABELS}
COLUMNS = tuple(name for name in LABELS if name not in {"services", "environment"})
"""The parts that are columns of the template itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a template says. `services` and `environment` are slugs; `risk_answers` answers every risk question."""

    name: str
    title: str
    services: Sequence[str]
    environment: str
    description: str = ""
    reason: str = ""
    customer_impacting: bool = False
    public_note: str = ""
    risk_answers: Mapping[str, bool] = field(default_factory=dict)
    test_evidence: str = ""
    rollback_plan: str = ""
    rollback_minutes: int | None = None
    verification_plan: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """What an approval is about, in canonical form and ready for JSON; the name is not part of it."""
        said = {name: getattr(self, name) for name in LABELS}
        answers = {code: bool(self.risk_answers[code]) for code in sorted(self.risk_answers)}
        return {**said, "services": sorted(set(self.services)), "risk_answers": answers}

    @property
    def digest(self) -> str:
        """Changes with everything an approval is about."""
        return digest_of(self.content)

    @property
    def edition(self) -> str:
        """Changes with the name as well."""
        return edition_of({**self.content, "name": self.name})


def terms_of(template: Template) -> Terms:
    """The terms as they stand; ask for `services` and `environment` together with the template."""
    return Terms(
        name=template.name,
        services=[service.slug for service in template.services.all()],
        environment=template.environment.slug,
        **{name: getattr(template, name) for name in COLUMNS},
    )

"""What the page of notifications shows, read and put in order for its template."""

from dataclasses import dataclass
from typing import Any

from django.forms import BaseForm
from django.http import Http404

from accounts.contacts import actions, queries
from accounts.contacts.forms import ContactForm, PreferenceForm, initial_of
from accounts.contacts.models import Contact
from accounts.contacts.policy import ACCOUNT, MEANINGS, PAGER, WORDS, Urgency, Way, usable_for
from accounts.contacts.queries import Addressee
from accounts.models import User
from workflow.decisions import REFUSED
from workflow.errors import Missing

NAMES = {ACCOUNT: "E-mail of your account", PAGER: "Pager"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One box of the table; `is_there` is False where that urgency cannot go that way."""

    urgency: Urgency
    is_there: bool
    is_chosen: bool

    @property
    def word(self) -> str:
        """What people call the urgency."""
        return WORDS[self.urgency]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to the reader, with a box for each urgency."""

    way: Way
    name: str
    cells: list[Cell]

    @property
    def shown(self) -> str:
        """The address as people know it."""
        return self.way.recipient.removeprefix("user:")

    @property
    def is_contact(self) -> bool:
        """Whether the reader added it."""
        return self.way.word not in NAMES


def page_of(person: User) -> dict[str, Any]:
    """Everything on the page, as if nothing had been typed."""
    found = queries.addressee(person)
    reach = queries.reach_of(found)
    return {
        "found": found,
        "form": PreferenceForm(ways=found.ways, initial=initial_of(found)),
        "contact_form": ContactForm(),
        "contacts": queries.contacts_of(person),
        "tests": queries.tests_of(person),
        "reach": reach,
        "is_unreached": reach.outcome == REFUSED,
        "meanings": [(WORDS[one], MEANINGS[one]) for one in Urgency],
        "clock": str(queries.zone_of(person)),
    }


def rows_of(form: BaseForm, found: Addressee) -> list[Row]:
    """The table of the form, with what was typed."""
    wanted = {one: {str(word) for word in form[one].value() or ()} for one in Urgency}
    rows = []
    for way in found.ways:
        cells = [Cell(one, bool(usable_for(one, [way])), way.word in wanted[one]) for one in Urgency]
        rows.append(Row(way, name_of(way), cells))
    return rows


def name_of(way: Way) -> str:
    """What people call a way."""
    return NAMES.get(way.word) or {"email": "E-mail", "slack": "Slack"}[way.channel]


def own_or_404(person: User, pk: int) -> Contact:
    """An address of the reader; anybody else's is not there."""
    try:
        return actions.own(person, pk)
    except Missing as missing:
        raise Http404(missing.message) from missing

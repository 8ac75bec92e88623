"""From the query string to a list of incidents. Shape only; the same names in the API and in the page's address."""

from typing import Any

from django.http import QueryDict

from changes.filters import READERS
from incidents.queries import Choice
from incidents.states import Severity, State
from workflow.errors import InvalidFields
from workflow.lists import Wanted, read_wanted

FILTERS = ("state", "severity", "service", "team", "customer_impacting", "since", "until", "q")
CHOICES: dict[str, list[str]] = {"state": ["open", *State.values], "severity": Severity.values}
READ = ("customer_impacting", "since", "until")


def read_choice(query: QueryDict) -> tuple[Choice, Wanted]:
    """What a query string narrows and which page it asks for; raises InvalidFields (400) for what cannot be read."""
    wanted = read_wanted(query, allowed=FILTERS)
    errors, parts = [], dict[str, Any](wanted.filters)
    for name, text in wanted.filters.items():
        if name in CHOICES and text not in CHOICES[name]:
            known = ", ".join(CHOICES[name])
            errors.append((name, "invalid", f"“{text[:40]}” is no {name}. Choose from {known}."))
        elif name in READ:
            parts[name], complaint = READERS[name](name, text)
            if complaint:
                errors.append((name, "invalid", complaint))
    if errors:
        raise InvalidFields(errors, status=400)
    return Choice(**parts), wanted

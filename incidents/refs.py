"""`INC-3` and the number in it."""

import re

from incidents.models import REF_PREFIX
from workflow.errors import Missing

_REF = re.compile(rf"{REF_PREFIX}([1-9][0-9]{{0,17}})\Z", re.IGNORECASE | re.ASCII)


def incident_id(ref: str) -> int:
    """The id in a reference; raises Missing when it is none."""
    match = _REF.match(ref.strip())
    if match is None:
        raise missing(ref)
    return int(match[1])


def missing(ref: str) -> Missing:
    """What is said of an incident that does not exist, and of one that the caller may not see."""
    return Missing("not_found", f"There is no incident {ref.upper()[:40]}.")

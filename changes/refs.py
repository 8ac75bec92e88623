"""`CHG-12` and the number in it."""

import re

from changes.models import REF_PREFIX
from workflow.errors import Missing

_REF = re.compile(rf"{REF_PREFIX}([1-9][0-9]{{0,17}})\Z", re.IGNORECASE | re.ASCII)


def change_id(ref: str) -> int:
    """The id in a reference; raises Missing when it is none."""
    match = _REF.match(ref.strip())
    if match is None:
        raise Missing("not_found", f"“{ref[:40]}” is no reference of a change, which look like {REF_PREFIX}12.")
    return int(match[1])

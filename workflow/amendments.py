"""Change columns of a row and know what changed."""

from typing import Any

from django.db import models


def amend(row: models.Model, **columns: Any) -> dict[str, list[Any]]:
    """Write those of `columns` that differ from the row's and return {column: [before, after]}."""
    changed = {name: [getattr(row, name), value] for name, value in columns.items() if getattr(row, name) != value}
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    if changed:
        row.save(update_fields=list(changed))
    return changed

"""The table of results, for a terminal and as Markdown, and the file that keeps them."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Line

RESULTS = Path(__file__).resolve().parent / "results"
HEAD = ("", "limit", "Decklog", "ratio", "target", "")
VERDICTS = {True: "met", False: "MISSED", None: ""}


def table(lines: Sequence[Line]) -> str:
    """Aligned columns."""
    rows = [HEAD, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def markdown(lines: Sequence[Line]) -> str:
    """The same as a Markdown table."""
    rows = [HEAD, ("---", *["---:"] * 4, "---"), *(_cells(line) for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(line: Line) -> tuple[str, ...]:
    limit = "" if line.limit is None else _amount(line.limit, line.unit)
    value = f"{line.value:.0f} {line.unit}" if line.unit == "MiB" else f"{line.value:.2f} ×"
    return (line.name, limit, _amount(line.decklog, line.unit), value, line.goal, VERDICTS[line.is_met])


def _amount(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}" if unit in {"ms", "×"} else f"{value:.0f} {unit}".replace(" /s", "/s")


def keep(lines: Sequence[Line], *, settings: dict[str, object], name: str = "latest") -> Path:
    """Write results/`name`.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}",
        "settings": settings,
        "lines": [asdict(line) | {"is_met": line.is_met} for line in lines],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path

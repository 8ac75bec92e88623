"""A whole pack, written to a file in constant memory. It reads only; `changes.audit.actions` keeps what comes out."""

import csv
import shutil
import tempfile
from array import array
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from changes.audit import texts
from changes.audit.archive import sha256_of, zip_folder
from changes.audit.cells import moment
from changes.audit.pages import page_of
from changes.audit.policy import draw, lot
from changes.audit.population import (
    COLUMNS,
    Known,
    Scope,
    approval_line,
    chunks,
    ids_of,
    known_changes,
    ref_of,
    row_of,
)
from changes.audit.proof import Proven, write_proof
from workflow.snapshots import one_moment

VERIFIER = Path(__file__).parent / "takeaway" / "verify_ledger.py"
SAMPLE_COLUMNS = ("rank", "lot", *COLUMNS, "page")
Progress = Callable[[int, int], None]
"""Told every now and then how many changes of how many are written; raises when the making should stop."""


@dataclass(frozen=True, slots=True)
class Made:
    """What came out: the zip's SHA-256, and how many changes and sampled changes are in it."""

    sha256: str
    changes: int
    sampled: int
    proven: Proven


def make_pack(scope: Scope, target: Path, *, progress: Progress) -> Made:
    """Write the zip for `scope` to `target`. The same scope and the same rows give the same bytes."""
    with tempfile.TemporaryDirectory(prefix="decklog-pack-") as place:
        folder = Path(place)
        (folder / "sample").mkdir()
        ids = ids_of(scope)
        progress(0, len(ids))
        drawn = draw(map(ref_of, ids), seed=scope.seed, size=scope.sample)
        own = _write_changes(folder, ids, _Sampler(scope, drawn, folder), progress)
        proven = _write_ledger(folder, own, lambda: progress(len(ids), len(ids)))
        _write_rest(folder, scope, changes=len(ids), proven=proven)
        zip_folder(folder, target, beat=lambda: progress(len(ids), len(ids)))
        return Made(sha256_of(target), len(ids), len(drawn), proven)


class _Sampler:
    """Writes the page of each drawn change when it comes by, and the table of all of them at the end."""

    def __init__(self, scope: Scope, drawn: list[str], folder: Path) -> None:
        self._scope, self._drawn, self._folder = scope, drawn, folder
        self._wanted = frozenset(drawn)
        self._rows: dict[str, dict[str, str]] = {}

    def look_at(self, known: Known, row: dict[str, str]) -> None:
        if known.change.ref in self._wanted:
            self._rows[known.change.ref] = row
            (self._folder / "sample" / f"{known.change.ref}.html").write_bytes(page_of(known, scope=self._scope))

    def finish(self) -> None:
        with (self._folder / "sample.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(SAMPLE_COLUMNS)
            for rank, ref in enumerate(self._drawn, start=1):
                row = self._rows[ref]
                facts = (row[name] for name in COLUMNS)
                table.writerow([rank, lot(self._scope.seed, ref), *facts, f"sample/{ref}.html"])


def _write_changes(folder: Path, ids: "array[int]", sampler: _Sampler, progress: Progress) -> "array[int]":
    """Write population, approvals and sample; return the ids of all entries about these changes, ascending."""
    own, done = array("q"), 0
    with ExitStack() as stack:
        approvals = stack.enter_context((folder / "approvals.jsonl").open("wb"))
        file = stack.enter_context((folder / "population.csv").open("w", newline="", encoding="utf-8"))
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for chunk in chunks(ids):
            with one_moment():
                for known in known_changes(chunk):
                    row = row_of(known)
                    table.writerow(row.values())
                    approvals.writelines(approval_line(known.change, one) for one in known.approvals)
                    sampler.look_at(known, row)
                    own.extend(known.entries)
            done += len(chunk)
            progress(done, len(ids))
    sampler.finish()
    return array("q", sorted(own))


def _write_ledger(folder: Path, own: "array[int]", beat: Callable[[], None]) -> Proven:
    with (folder / "entries.jsonl").open("wb") as entries, (folder / "seals.jsonl").open("wb") as seals:
        return write_proof(own, entries=entries, seals=seals, beat=beat)


def _write_rest(folder: Path, scope: Scope, *, changes: int, proven: Proven) -> None:
    facts = _facts(scope, changes=changes, proven=proven)
    (folder / "pack.json").write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    (folder / "README.txt").write_text(texts.readme(facts), encoding="utf-8")
    shutil.copyfile(VERIFIER, folder / VERIFIER.name)


def _facts(scope: Scope, *, changes: int, proven: Proven) -> dict[str, Any]:
    """What the pack says about itself. No time of making: the same rows shall give the same bytes."""
    newest = proven.newest
    return {
        "since": moment(scope.since),
        "until": moment(scope.until),
        "services": sorted(scope.services),
        "changes": changes,
        "sample": min(scope.sample, changes),
        "seed": scope.seed,
        "seals": proven.seals,
        "newest_seal": newest.digest if newest else "",
        "newest_seal_at": moment(newest.sealed_at) if newest else "",
        "entries_not_sealed": len(proven.unsealed),
        "first_entries_not_sealed": proven.unsealed[:20],
    }

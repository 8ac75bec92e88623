#!/usr/bin/env python3
"""Checks an evidence pack of Decklog.

It needs Python 3.8 or newer and nothing else, and it reads only. It recomputes the hash of every entry of the ledger,
the Merkle root of every seal that covers one, the chain of the seals, the hash of every approved text and the sample,
and compares the population with the ledger. What is wrong is named, the first of it first, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import heapq
import io
import json
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, Tuple

Fault = Tuple[str, str]
"""Where something is wrong, and a sentence."""
Answer = Tuple[str, str, str, str]
"""What somebody said to a change: approved or rejected, who, to which hash, and when."""
MOST_SHOWN = 20
OUTCOMES = {"succeeded": "succeeded", "failed": "failed", "rolled_back": "rolled_back", "cancelled": "not_done"}


class Pack:
    """The files of a pack, in a folder or still in its zip."""

    def __init__(self, place: Path) -> None:
        self._folder = place
        self._zip = zipfile.ZipFile(place) if place.is_file() else None

    def open(self, name: str) -> Any:
        """The file for reading bytes; raises KeyError or OSError when it is not there."""
        return self._zip.open(name) if self._zip else (self._folder / name).open("rb")

    def lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """The numbered lines of a file."""
        with self.open(name) as file:
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip(b"\n")

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        """The lines of a table by column."""
        with self.open(name) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
            for row in csv.DictReader(text):
                if None in row or None in row.values():
                    raise ValueError(f"{name}: a line has not as many cells as its head.")
                yield row

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return name in self._zip.namelist() if self._zip else (self._folder / name).is_file()


class Story:
    """What the ledger says about one change."""

    def __init__(self) -> None:
        self.count = self.first = self.last = 0
        self.recorded_by = self.verdict = ""
        self.outcomes: set[str] = set()
        self.ends: set[str] = set()
        self.reviewers: set[str] = set()
        self.answers: set[Answer] = set()
        self.later: set[str] = set()

    def add(self, entry: dict[str, Any]) -> None:
        """Take in the next entry."""
        verb, actor, data = entry["verb"], entry["actor"], entry["data"]
        if not self.count:
            self.first, self.recorded_by = entry["id"], actor
        self.count, self.last = self.count + 1, entry["id"]
        self.verdict = data.get("verdict", self.verdict)
        self.outcomes |= {data["outcome"]} if data.get("outcome") else set()
        if data.get("status") in OUTCOMES:
            self.outcomes.add(OUTCOMES[data["status"]])
        if verb == "finished":
            self.ends.add(believed(entry))
        if self.answers:
            self.later.add(entry["occurred_at"])
        if verb in {"approved", "rejected"} and "digest" in data:
            self.answers.add((verb, actor, data["digest"], entry["occurred_at"]))
        if verb == "reviewed":
            self.reviewers.add(actor)


Stories = Dict[str, Story]


def believed(entry: dict[str, Any]) -> str:
    """When something ended: no clock is believed that is more than five minutes ahead of when Decklog learnt of it."""
    told, heard = (datetime.fromisoformat(entry[name]) for name in ("occurred_at", "recorded_at"))
    return min(told, heard + timedelta(minutes=5)).isoformat(timespec="microseconds")


# --- The ledger ------------------------------------------------------------------------------------------------------


class Entries:
    """The entries in their order, taken off the front."""

    def __init__(self, pack: Pack, stories: Stories) -> None:
        self._lines = pack.lines("entries.jsonl")
        self._stories = stories
        self._last = self.count = 0
        self.faults: list[Fault] = []
        self._next = self._read()

    def up_to(self, last: float) -> dict[int, str]:
        """The leaf hash of every entry with an id up to `last` that was not taken before, by id."""
        leaves = {}
        while self._next and self._next[0] <= last:
            leaves[self._next[0]] = self._next[1]
            self._next = self._read()
        return leaves

    def _read(self) -> Any:
        for number, line in self._lines:
            where = f"entries.jsonl line {number}"
            try:
                entry = json.loads(line)
                pk = int(entry["id"])
                self._stories.setdefault(entry["subject"], Story()).add(entry)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.faults.append((where, "It is no entry of a ledger."))
                continue
            if pk > self._last:
                self._last, self.count = pk, self.count + 1
                return pk, hashlib.sha256(b"\x00" + line).hexdigest()
            self.faults.append((where, f"Entry {pk} is not in its place: ids must rise."))
        return None


class Ledger:
    """Walks through seals and entries side by side."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self.stories: Stories = {}
        self.entries = Entries(pack, self.stories)
        self.digests: set[str] = set()
        self.newest: dict[str, Any] = {}
        self.seals = 0
        self.unsealed: list[int] = []
        self._waiting: dict[int, str] = {}

    def faults(self) -> Iterator[Fault]:
        """What is wrong with entries and seals, in their order."""
        for _, line in self._pack.lines("seals.jsonl"):
            seal = json.loads(line)
            yield from self._chain(seal)
            self.newest, self.seals = seal, self.seals + 1
            self.digests.add(seal["digest"])
            given = self.entries.up_to(seal["last_id"])
            yield from self._pop_faults()
            yield from self._leaves(seal, given)
        rest = self.entries.up_to(float("inf"))
        yield from self._pop_faults()
        self.unsealed = sorted([*self._waiting, *rest])

    def _pop_faults(self) -> list[Fault]:
        found, self.entries.faults = self.entries.faults, []
        return found

    def _chain(self, seal: dict[str, Any]) -> Iterator[Fault]:
        where, before = "seal {}".format(seal["seal"]), self.newest
        facts = [seal[name] for name in ("previous", "first_id", "last_id", "absent", "late_ids", "root")]
        text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(text.encode()).hexdigest() != seal["digest"]:
            yield where, "Its facts do not give its digest: the seal was changed."
        if before and (seal["previous"] != before["digest"] or seal["first_id"] != before["last_id"] + 1):
            yield where, "The chain is broken here: it does not continue seal {}.".format(before["seal"])

    def _leaves(self, seal: dict[str, Any], given: dict[int, str]) -> Iterator[Fault]:
        where = "seal {}".format(seal["seal"])
        if seal["leaves"] is None and not given:
            return
        leaves = seal["leaves"] or []
        ids = [*seal["late_ids"], *present(seal)] if seal["leaves"] is not None else []
        if len(ids) != len(leaves):
            yield where, f"It covers {len(ids)} entries and names {len(leaves)} leaves."
        hashes = []
        late = set(seal["late_ids"])
        for pk, leaf in zip(ids, leaves):
            named, digest = leaf if isinstance(leaf, list) else (None, leaf)
            hashes.append(digest)
            mine = (self._waiting if pk in late else given).pop(pk, None)
            because = misfit(pk, named, digest, mine)
            if because:
                yield f"entry {pk}", because
        for pk, digest in given.items():
            if not any(first <= pk <= last for first, last in seal["absent"]):
                yield f"entry {pk}", f"It is under {where}, which does not name it."
            self._waiting[pk] = digest
        if seal["leaves"] is not None and merkle_root(hashes) != seal["root"]:
            yield where, "Its leaves do not give its root: at least one was changed, removed, added or moved."


def misfit(pk: int, named: Any, digest: str, mine: Any) -> str:
    """Why a leaf of a seal and the entry that is given, if one is, do not belong together; empty when they do."""
    if named is None:
        return "It is given although its seal shows it by its hash only." if mine else ""
    if named != pk:
        return f"Its seal has entry {named} in its place."
    if mine is None:
        return "It was sealed and is not in entries.jsonl."
    return "" if mine == digest else "It was changed after it was sealed."


def present(seal: dict[str, Any]) -> Iterator[int]:
    """The ids that existed in a seal's range when it was sealed."""
    pk = seal["first_id"]
    for first, last in [*seal["absent"], [seal["last_id"] + 1, 0]]:
        yield from range(pk, first)
        pk = last + 1


def merkle_root(leaves: list[str]) -> str:
    """The root over hex digests in order: 0x01 before nodes; an odd one rises."""
    level = [bytes.fromhex(leaf) for leaf in leaves]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + one + other).digest() for one, other in zip(level[::2], level[1::2])]
        level = paired + level[len(paired) * 2 :]
    return level[0].hex()


# --- The population --------------------------------------------------------------------------------------------------


def population_faults(pack: Pack, facts: dict[str, Any], stories: Stories) -> Iterator[Fault]:
    """What in the population is not as the ledger says, in the order of its lines."""
    before, count, seen = 0, 0, set()
    for row in pack.rows("population.csv"):
        ref, count = row["ref"], count + 1
        number = int(ref.partition("-")[2])
        if number <= before:
            yield ref, "It is not in its place in population.csv: the numbers must rise."
        before = number
        seen.add(ref)
        if not facts["since"] <= row["listed_at"] < facts["until"]:
            yield ref, "It is not of this period."
        if ref not in stories:
            yield ref, "It is in population.csv, and the ledger knows nothing about it."
            continue
        yield from ((ref, because) for because in differences(row, stories[ref]))
    for ref, story in stories.items():
        if ref not in seen:
            yield ref, f"Entry {story.first} is about it, and population.csv does not have it."
    if count != facts["changes"]:
        yield "population.csv", "It has {} lines, and pack.json says {}.".format(count, facts["changes"])


def differences(row: dict[str, str], story: Story) -> Iterator[str]:
    """In what a line of the population differs from the ledger."""
    told = {"entries": story.count, "first_entry": story.first, "last_entry": story.last}
    told.update(recorded_by=story.recorded_by, verdict=story.verdict)  # type: ignore[call-overload]  # mixed values
    for name, value in told.items():
        if row[name] != str(value):
            yield f"population.csv has “{row[name]}” as {name}, the ledger “{value}”."
    if row["outcome"] and row["outcome"] not in story.outcomes:
        yield "The outcome “{}” is not in the ledger.".format(row["outcome"])
    if row["finished_at"] and row["finished_at"] not in story.ends:
        yield "The end {} is not in the ledger.".format(row["finished_at"])
    if row["reviewer_id"] and row["reviewer_id"] not in story.reviewers:
        yield "No entry says that {} reviewed it.".format(row["reviewer_id"])


# --- Approvals and sample --------------------------------------------------------------------------------------------


def approval_faults(pack: Pack, stories: Stories) -> Iterator[Fault]:
    """What is wrong with the approvals: their texts, their entries, and the population's column about them."""
    standing: dict[str, list[tuple[str, str]]] = {}
    answers: dict[str, set[Answer]] = {}
    for _, line in pack.lines("approvals.jsonl"):
        said = json.loads(line)
        ref, where = said["ref"], f"approval {said['id']} of {said['ref']} by {said['actor']}"
        given, answer = answers.setdefault(ref, set()), (said["answer"], said["actor"], said["digest"], said["at"])
        if answer in given or ref not in stories or answer not in stories[ref].answers:
            yield where, "The ledger has no such answer to this text."
        given.add(answer)
        yield from ((where, because) for because in misgivings(said, stories.get(ref, Story())))
        if said["answer"] == "approved" and not said["voided_at"]:
            standing.setdefault(ref, []).append((said["actor"], said["at"]))
    for ref, story in stories.items():
        for verb, actor, *_ in sorted(story.answers - answers.get(ref, set())):
            yield ref, f"The ledger says that {actor} {verb} it, and approvals.jsonl does not."
    for row in pack.rows("population.csv"):
        pairs = standing.get(row["ref"], [])
        told = "; ".join(actor for actor, _ in pairs), "; ".join(at for _, at in pairs)
        if (row["approver_ids"], row["approval_times"]) != told:
            yield row["ref"], f"population.csv names “{row['approver_ids']}” as approvers, approvals.jsonl “{told[0]}”."


def misgivings(said: dict[str, Any], story: Story) -> Iterator[str]:
    """Whether an approval's text gives its hash, and what voided it is in the ledger."""
    if hashlib.sha256(said["content"].encode()).hexdigest() != said["digest"]:
        yield "The text does not give the hash that it is bound to: it was changed."
    if said["voided_at"] and said["voided_at"] not in story.later:
        yield "Nothing happened when it is said to have been voided."


def lot(seed: str, ref: str) -> str:
    """What a change draws."""
    return hashlib.sha256(f"{seed}:{ref}".encode()).hexdigest()


def sample_faults(pack: Pack, facts: dict[str, Any]) -> Iterator[Fault]:
    """Whether the sample is the one that the seed draws from the population, and its lines and pages are there."""
    seed, refs = facts["seed"], (row["ref"] for row in pack.rows("population.csv"))
    drawn = [ref for _, ref in heapq.nsmallest(facts["sample"], ((lot(seed, ref), ref) for ref in refs))]
    rows = list(pack.rows("sample.csv"))
    sampled = {row["ref"]: row for row in rows}
    for rank, (ref, row) in enumerate(zip(drawn, rows), start=1):
        if ref != row["ref"]:
            yield f"sample.csv line {rank}", f"The seed draws {ref} here, not “{row['ref']}”."
            return
        if row["rank"] != str(rank) or row["lot"] != lot(seed, ref) or not pack.has(row["page"]):
            yield ref, "Its rank or its lot is wrong, or its page is not there."
    if len(rows) != len(drawn):
        yield "sample.csv", f"It has {len(rows)} lines, and {len(drawn)} were to be drawn."
    for row in pack.rows("population.csv"):
        other = sampled.get(row["ref"], row)
        if any(other[name] != value for name, value in row.items()):
            yield row["ref"], "Its lines in sample.csv and population.csv differ."


# --- The command -----------------------------------------------------------------------------------------------------


def all_faults(pack: Pack, facts: dict[str, Any], ledger: Ledger, seal: str) -> Iterator[Fault]:
    """Everything that is wrong."""
    yield from ledger.faults()
    told = (facts["newest_seal"], facts["seals"], facts["entries_not_sealed"])
    if told != (ledger.newest.get("digest", ""), ledger.seals, len(ledger.unsealed)):
        yield "seals.jsonl", "Its seals, or the entries under none, are not those that pack.json and README.txt name."
    if seal and seal not in ledger.digests:
        yield "seals.jsonl", f"The seal {seal} is not in it."
    yield from population_faults(pack, facts, ledger.stories)
    yield from approval_faults(pack, ledger.stories)
    yield from sample_faults(pack, facts)


def report(facts: dict[str, Any], ledger: Ledger) -> Iterator[str]:
    """What was found to be right."""
    entries, unsealed = ledger.entries.count, ledger.unsealed
    yield "{changes} changes from {since} to {until}.".format(**facts)
    yield f"{entries} entries, {entries - len(unsealed)} of them sealed in {ledger.seals} seals."
    if unsealed:
        more = f" and {len(unsealed) - 20} more" if len(unsealed) > 20 else ""
        yield "Not sealed yet, so not proven: entries {}{}.".format(", ".join(map(str, unsealed[:20])), more)
    yield "{} sampled changes, as the seed {} draws them.".format(facts["sample"], facts["seed"])
    yield f"The newest seal is {facts['newest_seal'] or 'none'}. Compare it with the page Audit of Decklog."
    yield "Everything in this pack agrees."


def told(faults: Iterable[Fault]) -> list[str]:
    """The first faults as sentences; a file that is missing or broken is one as well."""
    lines: list[str] = []
    try:
        for where, because in faults:
            lines.append(f"{where}: {because}")
            if len(lines) == MOST_SHOWN:
                break
    except (OSError, LookupError, ValueError, TypeError, AttributeError, csv.Error, zipfile.BadZipFile) as trouble:
        lines.append(f"The pack is damaged: {trouble}")
    return lines


def main(words: list[str]) -> int:
    """Check the pack that is named, print what was found, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("place", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--seal", default="", metavar="DIGEST", help="a digest that must be among the seals")
    given = parser.parse_args(words)
    try:
        pack = Pack(given.place)
        with pack.open("pack.json") as file:
            facts = json.load(file)
        ledger = Ledger(pack)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as trouble:
        print(f"This is no evidence pack: {trouble}")
        return 1
    faults = told(all_faults(pack, facts, ledger, given.seal))
    lines = ["This pack is not as it was made. The first fault:", *faults] if faults else report(facts, ledger)
    print("\n".join(lines))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may not know every letter
    sys.exit(main(sys.argv[1:]))

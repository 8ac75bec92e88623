"""What a pack says about itself, to somebody who has never seen Decklog."""

from collections.abc import Mapping
from typing import Any

README = """\
EVIDENCE PACK
=============

Every change to production that Decklog listed from {since}
up to, and not including, {until}.
Services: {services}.
{changes}.

What is in it
-------------
population.csv    Every one of these changes, one line each: what it was, how it was allowed, by whom, when it was
                  carried out, how it ended, and which entries of the ledger are about it. A change belongs to the
                  period in which it started; if it never started, in which it was filed. Times are in UTC. A text
                  that a spreadsheet would take for a formula has a ' before it.
approvals.jsonl   Every approval and rejection, with the exact text that was approved and its SHA-256.
sample.csv        {sample} of these changes, drawn by chance; their lines as in population.csv.
sample/           One page for each of them: who, what, when, approvals, tests, outcome, review, timeline. Open them
                  in a browser, or print them.
entries.jsonl     The ledger's entries about these changes, exactly as they were hashed, one line each.
seals.jsonl       The seals over them, up to the newest.
verify_ledger.py  Checks all of the above against each other. It needs Python 3.8 or newer and nothing else.
pack.json         The facts of this page, for programs.

How the sample was drawn
------------------------
Seed: {seed}

The lot of a change is the SHA-256, in hex, of the seed, a colon and its reference, as in "{seed}:CHG-12".
The sample is the {size} with the smallest lots. Whoever has the seed and population.csv can draw it again, and
verify_ledger.py does. Nobody can steer it who has to name the seed before the population is known: give your own.

How to verify
-------------
Unpack the zip, and in its folder run

    python3 verify_ledger.py

or, without unpacking it, give the zip as a word after the command. It recomputes the hash of every entry, the Merkle
root of every seal that covers one, the chain of the seals, the hash of every approved text, and the sample; and it
compares the population with the ledger. It names the first line that is wrong, and ends with exit code 1; with 0 if
nothing is.

This proves that the parts of the pack agree. That nobody rewrote the ledger as a whole, you see by comparing the newest
seal with what Decklog shows on its page "Audit", and with what you noted on earlier visits:

    {newest}
    {newest_at}

    python3 verify_ledger.py --seal DIGEST     also looks for a digest that you noted among the seals of this pack

{unsealed}

What it cannot show
-------------------
- Of entries about other changes only the hashes are given, so that nothing foreign is shown. That all changes of the
  period are in the population is what Decklog says: it is written by one query without exception, and the numbers in
  the references are given out in order, whether or not a change belongs to this pack. A pack for all services leaves
  the fewest open.
- These columns of population.csv are recomputed from the ledger: verdict, outcome, approver_ids, approval_times,
  reviewer_id, recorded_by, entries, first_entry, last_entry, and for pipelines finished_at. The others, the names of
  people among them, are Decklog's present record. When a seal was made (sealed_at) is not part of its hash.
- What happened outside of Decklog and was never told to it is not here.

Where each control finds what it asks for
-----------------------------------------
This lists where to look. Whether a control is met is for you to judge.

SOC 2 CC8.1
  authorised     population.csv: authorization, approver_ids, verdict, verdict_rule; approvals.jsonl; sample pages,
                 "Who allowed it"
  tested         sample pages, "Checks" and "Evidence" (pipelines), "Test evidence" (changes filed by people)
  approved       population.csv: approvers, approval_times against started_at; approvals.jsonl binds each to its text
  implemented    population.csv: started_at, finished_at, outcome; sample pages, "Timeline"
  segregation    population.csv: requester_id, implementer_id against approver_ids and reviewer_id; commits with author
                 and reviewers on the sample pages
ISO/IEC 27001:2022 A.8.32
  assessed       population.csv: risk; sample pages, "Risk answers"
  authorised     as above
  tested         as above
  communicated   not in this pack, except that customers notice it (customer_impacting) and the window
  fall-back      sample pages, "Way back" (people), check "rollback" (pipelines)
  recorded       population.csv, entries.jsonl, seals.jsonl
PCI DSS 4.0 6.5.1
  reason and description   sample pages, "Reason", "Description"; for pipelines the commits
  security impact          not asked for by name; "Risk answers" and "Description" may tell
  documented approval      as above
  testing                  as above
  way back                 sample pages, "Way back" (people), check "rollback" (pipelines)
"""
UNSEALED = """\
Not sealed yet
--------------
Decklog seals once a minute what is older than ten seconds. When this pack was made, {count} of its entries {verb} not
sealed yet: {ids}. They are in entries.jsonl, and a later pack shows them sealed."""
ALL_SEALED = "Every entry in this pack is sealed."


def readme(facts: Mapping[str, Any]) -> str:
    """README.txt; `facts` are those of pack.json."""
    return README.format(
        since=_short(facts["since"]),
        until=_short(facts["until"]),
        services=", ".join(facts["services"]) or "all",
        changes="1 change" if facts["changes"] == 1 else f"{facts['changes']} changes",
        sample=facts["sample"],
        size=facts["sample"],
        seed=facts["seed"],
        newest=facts["newest_seal"] or "There is no seal yet.",
        newest_at=f"sealed {_short(facts['newest_seal_at'])}" if facts["newest_seal_at"] else "",
        unsealed=_unsealed(facts),
    )


def _unsealed(facts: Mapping[str, Any]) -> str:
    count, named = facts["entries_not_sealed"], facts["first_entries_not_sealed"]
    if not count:
        return ALL_SEALED
    ids = ", ".join(map(str, named)) + (f" and {count - len(named)} more" if count > len(named) else "")
    return UNSEALED.format(count=count, verb="was" if count == 1 else "were", ids=ids)


def _short(moment: str) -> str:
    """`2026-11-24 12:00:00 UTC`."""
    return f"{moment[:10]} {moment[11:19]} UTC"

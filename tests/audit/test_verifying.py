"""What an auditor can trust: a pack proves itself, and whatever was changed in it is named."""

import ast
import csv
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changes.audit.making import VERIFIER
from changes.audit.policy import draw, lot
from changes.audit.takeaway import verify_ledger
from changes.models import Change
from tests.audit.conftest import made, scope, seal
from workflow import ledger
from workflow.ledger import Happening, record
from workflow.models import Entry, Seal

# --- The parts of the verifier, without a database -------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), JSON, max_size=4))
def test_the_verifier_hashes_the_very_bytes_that_were_sealed_whatever_an_entry_says(data):
    entry = Entry(
        pk=7, subject="CHG-1", verb="v", actor="user:1", occurred_at=NOON, recorded_at=NOON, data=data, rule="r"
    )
    line = ledger.canonical(entry)
    assert b"\n" not in line
    assert json.loads(line)["data"] == data

    class OneLine(verify_ledger.Pack):
        def lines(self, name):
            yield 1, line

    found = verify_ledger.Entries(OneLine(Path()), {})
    assert found.up_to(7) == {7: ledger.leaf(entry)}
    assert found.faults == []


@given(st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=40))
def test_both_sides_agree_on_merkle_roots(leaves):
    assert verify_ledger.merkle_root(leaves) == ledger.merkle_root(leaves)


@given(st.integers(1, 50), st.sets(st.integers(1, 80), max_size=30))
def test_both_sides_agree_on_which_ids_a_seal_covers(start, ids):
    inside = sorted(pk for pk in ids if pk >= start)
    last = inside[-1] if inside else start - 1
    sealed = {"first_id": start, "last_id": last, "absent": ledger.gaps(inside, start)}
    assert list(verify_ledger.present(sealed)) == inside


@given(st.text(max_size=8), st.sets(st.integers(1, 10**6), max_size=60), st.integers(0, 20))
def test_a_sample_depends_on_the_seed_and_not_on_the_order(seed, numbers, size):
    refs = [f"CHG-{number}" for number in numbers]
    drawn = draw(refs, seed=seed, size=size)
    assert drawn == draw(sorted(refs), seed=seed, size=size) == draw(refs[::-1], seed=seed, size=size)
    assert len(drawn) == min(size, len(refs))
    assert all(lot(seed, ref) == verify_ledger.lot(seed, ref) for ref in drawn)


def test_the_verifier_needs_only_python_3_8_and_its_standard_library():
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"), feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert named <= sys.stdlib_module_names


# --- A whole pack ----------------------------------------------------------------------------------------------------


def verdict(place: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code, and what the verifier prints."""
    code = verify_ledger.main([str(place), *words])
    return code, capsys.readouterr().out


def test_a_pack_verifies_alone_in_a_folder_with_nothing_but_python(folder):
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify_ledger.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 changes" in done.stdout
    assert Seal.objects.latest("id").digest in done.stdout


def test_a_pack_verifies_in_its_zip_and_finds_a_seal_that_was_noted_earlier(folder, capsys):
    place = folder.parent / "pack.zip"
    noted = Seal.objects.earliest("id").digest
    assert verdict(place, capsys, "--seal", noted)[0] == 0
    code, said = verdict(place, capsys, "--seal", "0" * 64)
    assert (code, "is not in it" in said) == (1, True)


def test_the_same_rows_give_the_same_bytes(history, tmp_path):
    wanted = scope()
    first, second = made(tmp_path / "1.zip", wanted), made(tmp_path / "2.zip", wanted)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert first.sha256 == second.sha256


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_bytes().decode()
    assert before in text
    path.write_bytes(text.replace(before, after, 1).encode())


def change_an_entry(folder: Path) -> str:
    pk = Entry.objects.filter(verb="reviewed").get().pk
    edit(folder / "entries.jsonl", '"note":"Fine."', '"note":"Fine!"')
    return f"entry {pk}: It was changed after it was sealed."


def drop_an_entry(folder: Path) -> str:
    lines = lines_of(folder / "entries.jsonl")
    pk = json.loads(lines.pop(3))["id"]
    (folder / "entries.jsonl").write_bytes(b"".join(lines))
    return f"entry {pk}: It was sealed and is not in entries.jsonl."


def swap_entries(folder: Path) -> str:
    lines = lines_of(folder / "entries.jsonl")
    lines[2], lines[3] = lines[3], lines[2]
    (folder / "entries.jsonl").write_bytes(b"".join(lines))
    return "entries.jsonl line 4"


def slip_an_entry_in(folder: Path) -> str:
    lines = lines_of(folder / "entries.jsonl")
    forged = {**json.loads(lines[0]), "id": json.loads(lines[0])["id"] - 1 or 99}
    (folder / "entries.jsonl").write_bytes(json.dumps(forged).encode() + b"\n" + b"".join(lines))
    return f"entry {forged['id']}: It is "


def forge_a_leaf_with_its_entry(folder: Path) -> str:
    """Who changes an entry and its leaf alike breaks the root."""
    lines = lines_of(folder / "entries.jsonl")
    was = hashlib.sha256(b"\x00" + lines[0].rstrip(b"\n")).hexdigest()
    forged = lines[0].replace(b'"actor":"user:', b'"actor":"user:9', 1)
    (folder / "entries.jsonl").write_bytes(b"".join([forged, *lines[1:]]))
    now = hashlib.sha256(b"\x00" + forged.rstrip(b"\n")).hexdigest()
    edit(folder / "seals.jsonl", was, now)
    return "Its leaves do not give its root"


def change_a_seal(folder: Path) -> str:
    sealed = Seal.objects.earliest("id")
    edit(folder / "seals.jsonl", sealed.root, "0" * 64)
    return f"seal {sealed.pk}: Its facts do not give its digest"


def drop_the_newest_seal(folder: Path) -> str:
    (folder / "seals.jsonl").write_bytes(lines_of(folder / "seals.jsonl")[0])
    return "are not those that pack.json and README.txt name"


def population_lines(folder: Path) -> list[list[str]]:
    with (folder / "population.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write_population(folder: Path, rows: list[list[str]]) -> None:
    with (folder / "population.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def drop_a_change(folder: Path) -> str:
    rows = population_lines(folder)
    ref = rows.pop(2)[0]
    write_population(folder, rows)
    return f"{ref}: Entry"


def swap_changes(folder: Path) -> str:
    rows = population_lines(folder)
    rows[1], rows[2] = rows[2], rows[1]
    write_population(folder, rows)
    return f"{rows[2][0]}: It is not in its place"


def set_cell(column: str, value: str) -> Callable[[Path], str]:
    def tamper(folder: Path) -> str:
        rows = population_lines(folder)
        place = rows[0].index(column)
        row = next(row for row in rows[1:] if row[place] not in {"", value})
        row[place] = value
        write_population(folder, rows)
        return f"{row[0]}: "

    tamper.__name__ = f"set {column}"
    return tamper


def invent_a_change(folder: Path) -> str:
    rows = population_lines(folder)
    write_population(folder, [*rows, ["CHG-999999", *rows[1][1:]]])
    return "CHG-999999: It is in population.csv, and the ledger knows nothing about it."


def edit_what_was_approved(folder: Path) -> str:
    edit(folder / "approvals.jsonl", '\\"rollback_minutes\\":5', '\\"rollback_minutes\\":1')
    return "The text does not give the hash that it is bound to"


def rebind_an_approval(folder: Path) -> str:
    """Who changes a text and its hash alike has no entry for it."""
    lines = lines_of(folder / "approvals.jsonl")
    said = json.loads(lines[0])
    said["content"] = said["content"].replace("UAT", "production")
    said["digest"] = hashlib.sha256(said["content"].encode()).hexdigest()
    (folder / "approvals.jsonl").write_bytes(b"".join([json.dumps(said).encode() + b"\n", *lines[1:]]))
    return "The ledger has no such answer to this text."


def drop_an_approval(folder: Path) -> str:
    lines = lines_of(folder / "approvals.jsonl")
    said = json.loads(lines[-1])
    (folder / "approvals.jsonl").write_bytes(b"".join(lines[:-1]))
    return f"{said['ref']}: The ledger says that {said['actor']} {said['answer']} it"


def repeat_an_approval(folder: Path) -> str:
    lines = lines_of(folder / "approvals.jsonl")
    (folder / "approvals.jsonl").write_bytes(b"".join([lines[0], *lines]))
    return "The ledger has no such answer to this text."


def revive_an_approval(folder: Path) -> str:
    voided = next(json.loads(line)["voided_at"] for line in lines_of(folder / "approvals.jsonl"))
    edit(folder / "approvals.jsonl", f'"{voided}"', "null")
    return "as approvers, approvals.jsonl"


def void_an_approval(folder: Path) -> str:
    edit(folder / "approvals.jsonl", '"voided_at":null', '"voided_at":"2026-01-01T00:00:00.000000+00:00"')
    return "Nothing happened when it is said to have been voided."


def repeat_a_sampled_change(folder: Path) -> str:
    lines = lines_of(folder / "sample.csv")
    (folder / "sample.csv").write_bytes(b"".join([*lines, lines[-1]]))
    return "sample.csv: It has 4 lines, and 3 were to be drawn."


def choose_another_seed(folder: Path) -> str:
    edit(folder / "pack.json", '"seed": "seed"', '"seed": "seek"')
    refs = [row[0] for row in population_lines(folder)[1:]]
    is_first_alike = draw(refs, seed="seed", size=1) == draw(refs, seed="seek", size=1)
    return "Its rank or its lot is wrong" if is_first_alike else "sample.csv line 1: The seed draws"


def drop_a_page(folder: Path) -> str:
    page = min((folder / "sample").iterdir())
    page.unlink()
    return f"{page.stem}: Its rank or its lot is wrong, or its page is not there."


def break_a_file(folder: Path) -> str:
    (folder / "seals.jsonl").write_bytes(b"{")
    return "The pack is damaged"


TAMPERED = [
    *(change_an_entry, drop_an_entry, swap_entries, slip_an_entry_in, forge_a_leaf_with_its_entry),
    *(change_a_seal, drop_the_newest_seal, drop_a_change, swap_changes, invent_a_change),
    *(set_cell("verdict", "exempt"), set_cell("outcome", "succeeded"), set_cell("approver_ids", "user:999")),
    *(set_cell("reviewer_id", "user:999"), set_cell("recorded_by", "user:999"), set_cell("finished_at", "2026")),
    *(edit_what_was_approved, rebind_an_approval, drop_an_approval, choose_another_seed, drop_a_page, break_a_file),
    *(repeat_an_approval, revive_an_approval, void_an_approval, repeat_a_sampled_change),
    set_cell("approval_times", "2026"),
]


def test_whatever_was_changed_in_a_pack_is_named(folder, capsys, tmp_path):
    assert verdict(folder, capsys)[0] == 0
    for tamper in TAMPERED:
        copy = tmp_path / tamper.__name__
        shutil.copytree(folder, copy)
        where = tamper(copy)
        code, said = verdict(copy, capsys)
        assert (code, where in said) == (1, True), f"{tamper.__name__}: {where!r} is not in {said!r}"


def test_no_byte_of_an_entry_can_go_wrong_unseen(folder, capsys):
    path = folder / "entries.jsonl"
    whole = path.read_bytes()
    for place in range(3, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert verdict(folder, capsys)[0] == 1, whole[place - 20 : place + 20]


def test_a_pack_about_one_service_shows_nothing_of_the_others_and_still_verifies(history, tmp_path, capsys):
    place = tmp_path / "ledger.zip"
    assert made(place, scope(services=("ledger",))).changes == 1
    assert verdict(place, capsys)[0] == 0
    with zipfile.ZipFile(place) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    other = Change.objects.filter(service__slug="checkout").first()
    assert other
    for name in ("population.csv", "entries.jsonl", "approvals.jsonl", "seals.jsonl"):
        assert f"{other.ref}" not in files[name].replace(f"{other.ref}0", "")
        assert "The pool ran dry" not in files[name]


def test_entries_that_are_not_sealed_yet_are_named_as_such(history, tmp_path, capsys):
    change = Change.objects.latest("id")
    fresh = record(change.ref, Happening("commented", "user:1", NOON, {}), at=NOON)
    place = tmp_path / "pack.zip"
    assert made(place, scope()).proven.unsealed == [fresh.pk]
    code, said = verdict(place, capsys)
    assert (code, f"Not sealed yet, so not proven: entries {fresh.pk}." in said) == (0, True)
    with zipfile.ZipFile(place) as archive:
        assert f"not\nsealed yet: {fresh.pk}" in archive.read("README.txt").decode()
    seal()
    assert made(place, scope()).proven.unsealed == []
    assert "Not sealed" not in verdict(place, capsys)[1]


def test_an_entry_that_came_late_into_a_sealed_gap_is_proven_by_the_later_seal(history, tmp_path, capsys):
    change, last = Change.objects.latest("id"), Entry.objects.latest("id").pk
    late, after = (
        Entry(pk=pk, subject=change.ref, verb="commented", actor="user:1", data={}, occurred_at=NOON, recorded_at=NOON)
        for pk in (last + 1, last + 2)
    )
    after.save(force_insert=True)
    seal()
    late.save(force_insert=True)
    place = tmp_path / "pack.zip"
    assert made(place, scope()).proven.unsealed == [late.pk]
    assert verdict(place, capsys)[0] == 0
    seal()
    assert made(place, scope()).proven.unsealed == []
    assert verdict(place, capsys)[0] == 0


def test_a_period_without_changes_gives_a_pack_that_verifies(history, tmp_path, capsys):
    long_ago = scope(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2020, 2, 1, tzinfo=UTC))
    assert made(tmp_path / "pack.zip", long_ago).changes == 0
    assert verdict(tmp_path / "pack.zip", capsys)[0] == 0


def test_something_else_than_a_pack_gets_a_sentence(tmp_path, capsys):
    assert verdict(tmp_path, capsys)[0] == 1
    (tmp_path / "x.zip").write_bytes(b"PK")
    code, said = verdict(tmp_path / "x.zip", capsys)
    assert (code, said.startswith("This is no evidence pack")) == (1, True)

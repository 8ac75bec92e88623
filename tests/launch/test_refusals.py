"""What is missing is said in one sentence, that also says what to do."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from launch import __main__ as door
from launch import layout, packages, setup
from launch.console import Refusal


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert door.refuse_this_machine() == (
        "Decklog needs Python 3.11, this is 3.9; name another: make run PYTHON=python3.12"
    )


def test_the_first_file_is_readable_to_an_old_python() -> None:
    source = (layout.ROOT / "launch" / "__main__.py").read_text()
    compile(source, "__main__.py", "exec", dont_inherit=True, _feature_version=6)


def test_a_python_without_venv_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refusal, match="apt install python3-venv"):
        packages.install()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("WARNING: Retrying after connection broken by 'NewConnectionError(...)'", "needs the network"),
        ("npm error code ENOTFOUND", "needs the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "is not the one that the lock"),
        ("npm error code EINTEGRITY", "is not the one that the lock"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: something else", "pip could not install the packages: ERROR: something else"),
        ("", "it printed nothing"),
    ],
)
def test_a_failed_installation_is_explained_in_one_line(tmp_path: Path, words: str, sentence: str) -> None:
    log = tmp_path / "pip.log"
    log.write_text(words + "\n")
    explained = packages.why_it_failed(log, what="pip")
    assert sentence in explained
    assert str(log) in explained
    assert "\n" not in explained


def test_state_that_cannot_be_made_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(layout, "LOGS", tmp_path / "file" / "log")
    with pytest.raises(Refusal, match="Decklog keeps its data there"):
        setup.install()


@pytest.mark.parametrize("words", [[], ["dance"], ["run", "test"]])
def test_an_unknown_command_is_answered_with_the_known_ones(words: list[str]) -> None:
    command = [sys.executable, "-m", "launch", *words]
    done = subprocess.run(command, cwd=layout.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "Say one of: setup, run, test, check, bench, faults, drill.\n"


def test_an_interrupted_installation_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(packages, "UNFINISHED", tmp_path / "installing")
    assert packages.is_usable()
    packages.UNFINISHED.touch()
    assert not packages.is_usable()

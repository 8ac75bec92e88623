"""A draft of the policy: copies of the modules that hold the rules, with some of their names replaced.

A draft is a Python file that an operator writes. It is run with all names of the rules at hand, and whatever it defines
anew replaces the name in the copies. The modules that Decklog runs on are never touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from changes import policy
from changes.tickets import policy as tickets_policy
from changes.tickets import risk_policy


class BadDraft(Exception):
    """The draft cannot be used; the message is a sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The modules to judge by, and the names that a draft replaced in them."""

    deploys: Any
    tickets: Any
    risk: Any
    replaced: tuple[str, ...] = ()


PRESENT = Policies(policy, tickets_policy, risk_policy)
"""The rules that Decklog runs on."""


def with_draft(path: Path) -> Policies:
    """The present rules with what the file at `path` replaces; raises BadDraft."""
    code = _read(path)
    copies = [_copy_of(module) for module in (policy, tickets_policy, risk_policy)]
    names: dict[str, Any] = {}
    for copy in reversed(copies):
        names |= vars(copy)
    before = dict(names)
    _run(code, path, names)
    drafted = {name: value for name, value in names.items() if name not in before or value is not before[name]}
    replaced = [name for name in drafted if name in before and not name.startswith("__")]
    if not replaced:
        rules = "changes/policy.py, changes/tickets/policy.py or changes/tickets/risk_policy.py"
        raise BadDraft(f"{path} replaces no name of {rules}, so there is nothing to replay. Look for a misspelt name.")
    for copy in copies:
        _put(copy, {name: drafted[name] for name in replaced if name in vars(copy)})
        # What the draft defines looks names up here, and should find the tables with its own rules in them.
        names |= {name: value for name, value in vars(copy).items() if name.isupper() and name in names}
    return Policies(copies[0], copies[1], copies[2], tuple(sorted(replaced)))


def _read(path: Path) -> CodeType:
    try:
        return compile(path.read_text(encoding="utf-8"), str(path), "exec")
    except OSError as trouble:
        raise BadDraft(f"{path} cannot be read: {trouble.strerror or trouble}.") from trouble
    except SyntaxError as trouble:
        raise BadDraft(f"{path} is no Python: line {trouble.lineno}, {trouble.msg}.") from trouble
    except ValueError as trouble:
        raise BadDraft(f"{path} is no text in UTF-8.") from trouble


def _run(code: CodeType, path: Path, names: dict[str, Any]) -> None:
    try:
        exec(code, names)  # noqa: S102 - an operator with a shell on this machine runs their own file
    except Exception as trouble:
        raise BadDraft(f"{path} fails: {type(trouble).__name__}: {trouble}.") from trouble


def _copy_of(module: ModuleType) -> ModuleType:
    """The module, run again from its file under a name of its own."""
    spec = spec_from_file_location(f"draft.{module.__name__}", module.__file__)
    assert spec
    assert spec.loader
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def _put(copy: ModuleType, drafted: Mapping[str, Any]) -> None:
    """Replace names, and in the tables of rules whatever was registered there under a replaced name."""
    before = vars(copy).copy()
    vars(copy).update(drafted)
    for name, table in vars(copy).copy().items():
        if name.isupper():
            setattr(copy, name, _relinked(table, before, drafted))


def _relinked(table: Any, before: Mapping[str, Any], drafted: Mapping[str, Any]) -> Any:
    def now(item: Any) -> Any:
        name = getattr(item, "__name__", "")
        return drafted[name] if name in drafted and before.get(name) is item else item

    if type(table) is dict:
        return {key: now(item) for key, item in table.items()}
    return tuple([now(item) for item in table]) if type(table) is tuple else table

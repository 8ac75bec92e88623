"""The house rules that no linter knows: rooms, roles, sizes and doors."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import ForeignKey, ManyToManyField

ROOT = Path(settings.ROOT)
ROOMS = [
    "config",
    "demo",
    "home",
    "public",
    "incidents",
    "changes",
    "oncall",
    "catalog",
    "accounts",
    "notifications",
    "workflow",
]
"""Upper to lower; a room may know only what stands after it."""
DOORS = {"views.py", "api.py", "tasks.py", "forms.py", "serializers.py"}
WRITES = {"save", "create", "bulk_create", "update", "get_or_create", "update_or_create", "delete"}
MODULE_LINES, FUNCTION_LINES, VIEW_LINES, PARAMETERS = 400, 40, 15, 5


def modules() -> list[Path]:
    """Every module of the rooms that people write."""
    found = itertools.chain.from_iterable((ROOT / room).rglob("*.py") for room in ROOMS)
    return [path for path in found if "migrations" not in path.parts]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


every_module = pytest.mark.parametrize("path", modules(), ids=named)


def test_relations_between_models_run_one_way_like_imports():
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey | ManyToManyField)
        and model._meta.app_label in ROOMS
        and field.related_model._meta.app_label in ROOMS
        and ROOMS.index(field.related_model._meta.app_label) < ROOMS.index(model._meta.app_label)
    ]
    assert not upward


@every_module
def test_modules_and_functions_keep_their_ceilings(path):
    assert len(path.read_text().splitlines()) <= MODULE_LINES
    for function in functions(path):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= FUNCTION_LINES, f"{function.name} has {lines} lines"
        given = [
            argument.arg for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        ]
        own = [name for name in given if name not in {"self", "cls"}]
        assert len(own) <= PARAMETERS + 1, f"{function.name} takes {len(own)} parameters"


@every_module
def test_nothing_is_imported_inside_a_function_and_no_module_listens_to_signals(path):
    for function in functions(path):
        inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert not inner, f"{function.name} imports inside itself"
    assert "django.dispatch" not in path.read_text()
    assert "db.models.signals" not in path.read_text()


@every_module
def test_no_model_overrides_save(path):
    assert not [function.name for function in functions(path) if function.name == "save" and path.name == "models.py"]


@pytest.mark.parametrize("path", [path for path in modules() if path.name in DOORS], ids=named)
def test_doors_parse_call_and_render_but_never_write(path):
    tree = ast.parse(path.read_text())
    calls = [
        node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    writes = [f"line {call.lineno}: .{call.attr}(" for call in calls if call.attr in WRITES and _is_row_like(call)]
    assert not writes


def _is_row_like(call: ast.Attribute) -> bool:
    """Whether the call is on rows of the database; dictionaries and digests have an update() of their own."""
    text = ast.unparse(call.value)
    return "objects" in text or call.attr in {"save", "bulk_create", "get_or_create", "update_or_create"}


@pytest.mark.parametrize("path", [path for path in modules() if path.name in {"views.py", "api.py"}], ids=named)
def test_views_stay_within_fifteen_lines(path):
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
        assert lines <= VIEW_LINES, f"{function.name} has {lines} lines"


def test_only_the_mover_and_the_relay_assign_a_state():
    allowed = {"workflow/transitions.py", "notifications/relay.py"}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else []
            assigned = [target for target in targets if isinstance(target, ast.Attribute) and target.attr == "state"]
            assert not assigned or named(path) in allowed, f"{named(path)} assigns a state: {ast.unparse(node)}"


def test_only_providers_talk_to_the_network():
    libraries = {"requests", "httpx", "urllib.request", "smtplib", "socket", "http.client", "slack_sdk", "opsgenie_sdk"}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not libraries & set(names) or "providers" in path.parts, f"{named(path)} imports {names}"

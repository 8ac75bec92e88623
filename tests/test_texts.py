"""What the texts say is true: names, commands, variables, dependencies and links exist, and no address slips in."""

import ast
import itertools
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
DEPLOY = (ROOT / "docs" / "deploy.md").read_text()
README = (ROOT / "README.md").read_text()
each_text = pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))

# Written so that this file does not contain what it forbids.
REGISTRIES = re.compile(
    "|".join(
        "[.]".join(parts)
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "(org|com)"),
            ("yarnpkg", "com"),
            ("docker", "io"),
            ("ghcr", "io"),
            ("quay", "io"),
            ("proxy", "golang", "org"),
        )
    )
    + "|/simple/[a-z]",
    re.IGNORECASE,
)
SHARED = "../" + "shared"


def tracked() -> Iterator[tuple[str, str]]:
    """Name and content of every text file that git knows; of a checkout without git, nothing can be said."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content:
            yield name, content.decode()


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every Markdown table."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def first_cells(text: str) -> set[str]:
    """What stands in code quotes in the first column of the tables."""
    return set(itertools.chain.from_iterable(re.findall(r"`([^`]+)`", cells[0]) for cells in rows(text)))


# --- What never stands in a file -------------------------------------------------------------------------------------


def test_no_file_names_the_host_of_a_package_registry():
    found = [f"{name}: {hit[0]}" for name, content in tracked() if (hit := REGISTRIES.search(content))]
    assert not found


def test_the_search_for_registries_finds_them():
    assert REGISTRIES.search("https://" + "files.pythonhosted" + ".org/packages/")
    assert REGISTRIES.search("--index-url http://127.0.0.1:9/" + "simple/django/")
    assert not REGISTRIES.search("a simple/plain text about npm and pip")


def test_the_project_stands_alone():
    assert not [name for name, content in tracked() if SHARED in content]


def test_npm_keeps_addresses_out_of_its_lock_by_itself():
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


# --- The “Where is …?” table -----------------------------------------------------------------------------------------


def places() -> list[str]:
    """Every `file::name` in the texts."""
    found = re.findall(r"`([\w./]+\.py::\w+)`", "\n".join(text.read_text() for text in TEXTS))
    return sorted(set(found))


def names_in(path: Path) -> set[str]:
    """The functions, classes and assigned names at the top of a module."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return found


@pytest.mark.parametrize("place", places())
def test_what_the_texts_point_to_is_there(place):
    file, _, name = place.partition("::")
    assert name in names_in(ROOT / file)


def test_the_readme_answers_where_things_are():
    table = README.partition("## Where is")[2].partition("\n## ")[0]
    answers = [cells for cells in rows(table) if len(cells) == 2 and "::" in cells[1]]
    assert len(answers) >= 25
    assert all(re.search(r"`[\w./]+::\w+`", answer) for _, answer in answers)


@pytest.mark.parametrize("mention", sorted(set(re.findall(r"`((?:\w+\.){2,}\w+)`", ARCHITECTURE))))
def test_dotted_names_in_the_architecture_are_there(mention):
    *parts, last = mention.split(".")
    as_module = ROOT.joinpath(*parts, f"{last}.py")
    in_module = ROOT.joinpath(*parts).with_suffix(".py")
    assert as_module.is_file() or ROOT.joinpath(*parts, last).is_dir() or last in names_in(in_module)


# --- Links, commands, rules ------------------------------------------------------------------------------------------


@each_text
def test_links_lead_to_files_that_exist(text):
    content = re.sub(r"```.*?```", "", text.read_text(), flags=re.DOTALL)
    links = [*re.findall(r"\]\(([^)\s]+)\)", content), *re.findall(r'src="([^"]+)"', content)]
    near = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith("#")]
    assert not [link for link in near if not (text.parent / link).exists()]


def test_pictures_are_small_and_all_are_shown():
    pictures = sorted((ROOT / "docs" / "pictures").glob("*"))
    assert pictures
    shown = "\n".join(text.read_text() for text in TEXTS)
    for picture in pictures:
        assert picture.suffix == ".png"
        assert picture.stat().st_size < 250_000, picture.name
        assert f"pictures/{picture.name}" in shown


@each_text
def test_words_of_make_exist(text):
    known = set(re.findall(r"^(?:\.PHONY: )?([a-z ]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = {word for line in known for word in line.split()}
    assert set(re.findall(r"\bmake ([a-z]+)\b", _code_of(text.read_text()))) <= targets


def _code_of(text: str) -> str:
    return "\n".join([*re.findall(r"```.*?```", text, re.DOTALL), *re.findall(r"`[^`\n]+`", text)])


@each_text
def test_commands_of_manage_exist(text):
    own = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    known = own | {"migrate", "collectstatic", "check", "makemigrations"}
    assert set(re.findall(r"manage\.py[\", ]+([a-z_]+)", _code_of(text.read_text()))) <= known


def test_decisions_are_numbered_without_gaps_and_say_their_number():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.read_text().startswith(f"# {int(page.name[:4])}. ") for page in pages)


# --- Dependencies and settings ---------------------------------------------------------------------------------------


def dependencies() -> set[str]:
    """Every package that pyproject.toml and package.json ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *itertools.chain(*project["dependency-groups"].values())]
    npm = json.loads((ROOT / "package.json").read_text())
    return {re.split(r"[\[<>=;! ]", line)[0] for line in asked} | {*npm["dependencies"], *npm["devDependencies"]}


def test_every_dependency_has_a_line_that_says_why_it_is_there_and_no_line_outlives_it():
    tables = ARCHITECTURE.partition("## Every dependency")[2].partition("\n## ")[0]
    assert first_cells(tables) == dependencies()


def variables() -> set[str]:
    """Every variable that the settings read."""
    return set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config" / "settings.py").read_text()))


def test_every_variable_that_is_read_is_documented_and_no_other():
    table = DEPLOY.partition("## Every variable")[2].partition("\n## ")[0]
    assert len(variables()) > 10
    assert first_cells("\n".join(line for line in table.splitlines() if line.startswith("| `"))) == variables()


def test_the_environment_is_read_in_one_place():
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")}
    readers = [
        str(path.relative_to(ROOT))
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"os\.environ\[|os\.getenv|environ\.get", path.read_text())
    ]
    assert not readers


@pytest.mark.parametrize(
    "file", ["Dockerfile", "compose.yaml", *(f"deploy/systemd/decklog-{p}.service" for p in ("web", "worker", "beat"))]
)
def test_what_production_starts_is_what_the_page_says(file):
    content = re.sub(r'["\[\],]', "", (ROOT / file).read_text())
    commands = re.findall(r"(?:python -m config\.serve|celery -A config \w+)", content)
    assert commands
    assert all(command in DEPLOY for command in commands)


def test_the_image_brings_every_room():
    let_through = set(re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    compiled = (ROOT / "Dockerfile").read_text().partition("compileall -q ")[2].splitlines()[0].split()
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert rooms <= let_through
    assert rooms == set(compiled)

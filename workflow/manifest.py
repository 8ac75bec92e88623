"""A YAML file that says how a part of an installation shall be: read it, find every mistake, list the steps.

A room describes its part as a `Section`; whoever composes sections calls `read`, `parse` and `steps`. Nothing here
writes. An entry that leaves a field out says nothing about it; an entry that the file leaves out is left alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import yaml
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Strict, StringConstraints, ValidationError

from workflow.errors import Malformed, TooLarge

MAX_FILE = 1024 * 1024
MAX_DEPTH, MAX_MERGED = 32, 100_000
MAX_FAULTS = 50
"""How many mistakes are listed; who has more fixes these first."""


def _printable(text: str) -> str:
    if any((character < " " and character not in "\n\t") or "\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("It has a control character. Leave it out.")
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_printable)
]
Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_printable)]
Slug = Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_]+$", max_length=64)]
Moment = Annotated[AwareDatetime, Strict(strict=False)]


class Shape(BaseModel):
    """The form of one entry: no other fields than these, and no guessing at types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def given(self, *names: str) -> dict[str, Any]:
        """The values of those of `names` that the file states for this entry."""
        return {name: getattr(self, name) for name in names if name in self.model_fields_set}


S = TypeVar("S", bound=Shape)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a section dislikes about one entry: the field, a stable code and a sentence."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake and its place in the file: section, index counted from 0, field, and line (0 when unknown)."""

    section: str
    index: int
    complaint: Complaint
    line: int = 0

    def __str__(self) -> str:
        entry = f"{self.section}[{self.index}]" if self.index >= 0 else self.section
        place = f"{entry}.{self.complaint.field}" if self.complaint.field else entry
        line = f"line {self.line}, " if self.line else ""
        return f"{line}{place}: {self.complaint.message} ({self.complaint.code})"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do and the line that shows it: `+` adds, `~` changes, `!` is only a remark and does nothing."""

    line: str
    do: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Section(Generic[S]):
    """A list in the file.

    `key` is the field that names an entry, `refers` says which fields name entries of which section, `known` gives the
    names that exist already, `check` what else is wrong with an entry, `plan` the steps; `has_case` says whether names
    differ by case.
    """

    name: str
    noun: str
    shape: type[S]
    key: str
    known: Callable[[], set[str]]
    plan: Callable[[Sequence[S]], Iterable[Step]]
    check: Callable[[S], Iterable[Complaint]] = lambda _: ()
    refers: Mapping[str, str] = field(default_factory=dict)
    has_case: bool = True

    def named(self, text: str) -> str:
        """The form of a name by which two of them are compared."""
        return text if self.has_case else text.lower()


# --- Reading --------------------------------------------------------------------------------------------------------


class Placed(dict[str, Any]):
    """A mapping that knows the line it begins in."""

    line = 0


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # chosen by what is installed
    """Safe YAML whose mappings know their line and may not say the same thing twice."""

    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Take over what `<<` refers to, which may refer to more: a few lines can amount to billions of fields."""
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > MAX_MERGED:
            raise yaml.constructor.ConstructorError(None, None, "“<<” takes over too much", node.start_mark)


def _placed(loader: Any, node: yaml.MappingNode) -> Iterator[Placed]:
    content = Placed()
    content.line = node.start_mark.line + 1
    yield content
    keys = [key.value for key, _ in node.value if isinstance(key.value, str) and key.value != "<<"]
    twice = next((key for key, times in Counter(keys).items() if times > 1), None)
    if twice is not None:
        raise yaml.constructor.ConstructorError(None, None, f"“{twice}” is said twice", node.start_mark)
    content.update(loader.construct_mapping(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _placed)


def read(path: Path) -> Placed:
    """The mapping that the file holds. Raises TooLarge over 1 MiB, Malformed when it is no mapping."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise Malformed("unreadable_file", f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_FILE:
        raise TooLarge("file_too_large", f"{path} is over 1 MiB. Split it; each part can be applied by itself.")
    try:
        _measure(content)
        document = yaml.load(content, Loader=_Loader)  # noqa: S506  # _Loader is a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise Malformed("malformed_yaml", f"{path} is not valid YAML: {_in_one_line(error)}.") from error
    if not isinstance(document, Placed):
        raise Malformed("malformed_yaml", f"{path} must hold sections such as `people:`, each with a list.")
    return document


def _measure(content: bytes) -> None:
    """Refuse what is nested so deep that reading it would end the process; this looks without descending."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def _in_one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return f"{what} in line {mark.line + 1}" if mark else " ".join(what.split())


# --- Judging --------------------------------------------------------------------------------------------------------


class Parsed:
    """The entries per section, and every mistake found."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Any]] = {}
        self.faults: list[Fault] = []
        self._places: dict[tuple[str, int], tuple[int, int]] = {}

    def add(self, section: str, entry: Shape, *, index: int, line: int) -> None:
        """Keep a well-formed entry and where it stands."""
        entries = self.entries[section]
        self._places[section, len(entries)] = (index, line)
        entries.append(entry)

    def complain(self, section: str, number: int, complaint: Complaint) -> None:
        """Note a mistake in the entry with this place among the well-formed ones."""
        index, line = self._places[section, number]
        self.faults.append(Fault(section, index, complaint, line))


def parse(document: Mapping[str, Any], sections: Sequence[Section[Any]], *, later: Iterable[str] = ()) -> Parsed:
    """The entries of all `sections` and every mistake; `later` names sections that are allowed and not looked at."""
    parsed = Parsed()
    allowed = [*(section.name for section in sections), *later]
    for name in document:
        if name not in allowed:
            message = f"There is no section of this name. The sections are {', '.join(allowed)}."
            parsed.faults.append(Fault(str(name), -1, Complaint("", "unknown_section", message)))
    for section in sections:
        _read_section(section, document.get(section.name), parsed)
    names = Names(sections, parsed)
    for section in sections:
        _check_section(section, names, parsed)
    return parsed


def _read_section(section: Section[Any], content: Any, parsed: Parsed) -> None:
    parsed.entries[section.name] = []
    if content is None:
        return
    if not isinstance(content, list):
        complaint = Complaint("", "no_list", "This must be a list, each entry after a dash.")
        parsed.faults.append(Fault(section.name, -1, complaint))
        return
    for index, raw in enumerate(content):
        line = getattr(raw, "line", 0)
        if not isinstance(raw, dict):
            complaint = Complaint("", "no_mapping", f"A {section.noun} is written as fields with values.")
            parsed.faults.append(Fault(section.name, index, complaint, line))
            continue
        try:
            parsed.add(section.name, section.shape.model_validate(raw), index=index, line=line)
        except ValidationError as error:
            for complaint in _shape_complaints(section, error):
                parsed.faults.append(Fault(section.name, index, complaint, line))


_SENTENCES = {
    "missing": "It is missing.",
    "string_type": "It must be text; put it in quotes.",
    "string_too_short": "It is empty.",
    "bool_type": "Write true or false.",
    "int_type": "Write a whole number.",
    "list_type": "Write a list, as in [one, two].",
    "string_too_long": "It is longer than {max_length} characters.",
    "less_than_equal": "Write {le} or less.",
    "greater_than_equal": "Write {ge} or more.",
    "string_pattern_mismatch": "Use letters, digits, hyphens and underscores only.",
    "timezone_aware": "Add the offset from UTC, as in 2026-12-20T00:00:00+01:00.",
}


def _shape_complaints(section: Section[Any], error: ValidationError) -> Iterator[Complaint]:
    for found in error.errors(include_url=False, include_input=False):
        kind = found["type"]
        place = ".".join(str(part) for part in found["loc"])
        if kind == "extra_forbidden":
            fields = ", ".join(section.shape.model_fields)
            yield Complaint(place, "unknown_field", f"A {section.noun} has no such field. It has {fields}.")
        else:
            ours = _SENTENCES.get(kind, "").format(**found.get("ctx", {}))
            yield Complaint(place, kind, ours or found["msg"].removeprefix("Value error, ").rstrip(".") + ".")


class Names:
    """The names that the file and what exists already give to people, teams, services and so on."""

    def __init__(self, sections: Sequence[Section[Any]], parsed: Parsed) -> None:
        self._sections = {section.name: section for section in sections}
        self._names = {
            section.name: {section.named(name) for name in section.known()}
            | {section.named(getattr(entry, section.key)) for entry in parsed.entries[section.name]}
            for section in sections
        }

    def has(self, section: str, name: str) -> bool:
        """Whether the section has an entry, or Decklog something already, of this name."""
        return self._sections[section].named(name) in self._names[section]


def _check_section(section: Section[Any], names: Names, parsed: Parsed) -> None:
    seen: set[str] = set()
    for number, entry in enumerate(parsed.entries[section.name]):
        key = section.named(getattr(entry, section.key))
        if key in seen:
            complaint = Complaint(section.key, "duplicate", f"“{key}” is there twice in {section.name}.")
            parsed.complain(section.name, number, complaint)
        seen.add(key)
        for complaint in (*_references(section, entry, names), *section.check(entry)):
            parsed.complain(section.name, number, complaint)


def _references(section: Section[Any], entry: Shape, names: Names) -> Iterator[Complaint]:
    for name, target in section.refers.items():
        value = getattr(entry, name)
        for reference in [value] if isinstance(value, str) else value or ():
            if reference and not names.has(target, reference):
                message = f"“{reference}” is not among the {target} of the file, nor does it exist already."
                yield Complaint(name, "unknown_reference", message)


# --- Showing --------------------------------------------------------------------------------------------------------


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The fields whose values differ, as in `tier 1 -> 0, team payments -> data`; empty when none does."""
    return ", ".join(
        f"{name} {_shown(before[name])} -> {_shown(value)}" for name, value in after.items() if before[name] != value
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, set | frozenset | list | tuple):
        return ", ".join(sorted(str(item) for item in value)) or "none"
    return "none" if value in (None, "") else str(value)

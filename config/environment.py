"""Reads variables so that a mistake becomes a sentence.

A variable that is set but empty counts as unset, because that is what `NAME=` in a file of settings means. `NAME_FILE`
names a file that holds the value, as container secrets are, and wins over `NAME`. Whatever cannot be used is kept in
`faults` while the default stands in, so that one start names all mistakes; `insist` then ends the process.
"""

from collections.abc import Callable, Collection, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

T = TypeVar("T")
YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
BROKERS = {"redis", "rediss", "redis+socket"}
ENGINES = {"django.db.backends.postgresql", "django.db.backends.sqlite3"}


class WrongStart(SystemExit):
    """Ends a process whose settings are wrong: sentences on standard error, status 1, and no traceback around them."""


class Environment:
    """The variables of a process. No sentence repeats a value that may hold a password."""

    def __init__(self, variables: MutableMapping[str, str]) -> None:
        self._variables = variables
        self.faults: list[str] = []

    def insist(self) -> None:
        """Raise WrongStart with every fault found."""
        if self.faults:
            raise WrongStart(" ".join(self.faults))

    def text(self, name: str, default: str = "") -> str:
        """The value without the white space around it."""
        path = self._variables.get(f"{name}_FILE", "").strip()
        given = self._content(f"{name}_FILE", Path(path)) if path else self._variables.get(name, "").strip()
        return given or default

    def yes_or_no(self, name: str, *, default: bool) -> bool:
        """One of the words of YES and NO."""
        return self._read(name, default, _yes_or_no, "must be 1 or 0.")

    def number(self, name: str, default: int) -> int:
        """A whole number from 0 on."""
        return self._read(name, default, _number, "must be a whole number, 0 or more.")

    def words(self, name: str, default: Sequence[str]) -> list[str]:
        """Words with commas between them."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()] or list(default)

    def choice(self, name: str, default: str, *, among: Collection[str]) -> str:
        """One of these words in capitals, however it is written."""
        word = self.text(name, default).upper()
        return word if word in among else self._fault(name, f"must be one of {', '.join(among)}.", default)

    def address(self, name: str, default: str = "", *, schemes: Collection[str], example: str) -> str:
        """An address of one of these schemes; further rules are for the checks."""
        return self._read(name, default, lambda text: _address(text, schemes), f"must be an address like {example}.")

    def database(self, name: str, default: str) -> dict[str, Any]:
        """Django's description of a database."""
        wish = (
            "must be an address like postgres://user:password@host:5432/name, with special characters percent-encoded."
        )
        return self._read(name, None, _database, wish) or _database(default)

    def mail(self, name: str, default: str) -> dict[str, Any]:
        """Django's settings for mail."""
        wish = "must be an address like smtp+tls://user:password@host:587, with special characters percent-encoded."
        return self._read(name, None, _mail, wish) or _mail(default)

    def folder(self, name: str) -> str:
        """A folder that exists, read by a library by itself; an empty value is therefore taken away."""
        path = self._variables.get(name, "").strip()
        if not path:
            self._variables.pop(name, None)
        elif not Path(path).is_dir():
            return self._fault(name, "must name a folder that exists. Make it, or leave the variable unset.", "")
        return path

    def _read(self, name: str, default: T, read: Callable[[str], T], wish: str) -> T:
        given = self.text(name)
        if not given:
            return default
        try:
            return read(given)
        except (ValueError, ImproperlyConfigured):
            return self._fault(name, wish, default)

    def _fault(self, name: str, wish: str, default: T) -> T:
        self.faults.append(f"{name} {wish}")
        return default

    def _content(self, name: str, path: Path) -> str:
        try:
            content = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return self._fault(name, f"names {path}, which cannot be read as text. Name a file that can.", "")
        return content or self._fault(name, f"names {path}, which is empty. Write the value into it.", "")


def _yes_or_no(text: str) -> bool:
    if text.lower() not in YES | NO:
        raise ValueError(text)
    return text.lower() in YES


def _number(text: str) -> int:
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


def _address(text: str, schemes: Collection[str]) -> str:
    parts = urlsplit(text)
    # A port that is no number is found only when somebody asks for it.
    if parts.scheme not in schemes or not (parts.netloc or parts.path) or (parts.netloc and parts.port == 0):
        raise ValueError(text)
    return text


def _database(text: str) -> dict[str, Any]:
    # The parser warns, and shows the password, when it knows no scheme.
    if not text.partition("://")[1]:
        raise ValueError
    found: dict[str, Any] = Env.db_url_config(text)
    if found.get("ENGINE") not in ENGINES or not (found["NAME"] or found.get("OPTIONS")):
        raise ValueError
    return found


def _mail(text: str) -> dict[str, Any]:
    found: dict[str, Any] = Env.email_url_config(text)
    return found

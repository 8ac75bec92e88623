"""Whose an e-mail address is, however it is spelled. Pure."""

import re
import unicodedata
from functools import lru_cache

_IN_BRACKETS = re.compile(r"<([^<>]*)>\Z")


@lru_cache(maxsize=4096)
def mailbox(address: str) -> str:
    """One spelling of an e-mail address; empty when nothing of it can be read.

    `Bo Okafor <Bo+ci@example.com>` is bo@example.com, so a second account or another spelling makes nobody two people.
    """
    text = unicodedata.normalize("NFKC", address).casefold()
    seen = "".join(letter for letter in text if letter.isprintable() and not letter.isspace())
    inside = _IN_BRACKETS.search(seen)
    local, at, host = (inside[1] if inside else seen).rpartition("@")
    return f"{local.partition('+')[0]}{at}{host}"

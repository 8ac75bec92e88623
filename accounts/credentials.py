"""The text of an API token: `dlk_<id>_<secret><check>`. Pure; nothing here touches the database."""

import hashlib
import hmac
import secrets
import string
import zlib
from typing import NamedTuple

PREFIX = "dlk"
_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 10
_SECRET_LENGTH = 32  # 32 characters out of 62 carry 190 random bits
_CHECK_LENGTH = 6


class NewCredential(NamedTuple):
    """A fresh token: its public id, the text that is shown once, and the digest that is kept."""

    public_id: str
    text: str
    digest: str


def new_credential() -> NewCredential:
    """Make a token from the operating system's randomness."""
    public_id = _random(_ID_LENGTH)
    body = f"{PREFIX}_{public_id}_{_random(_SECRET_LENGTH)}"
    text = body + _check(body)
    return NewCredential(public_id, text, digest(text))


def digest(text: str) -> str:
    """The SHA-256 that stands for a token in the database; the text has too much randomness to need a slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def public_id(text: str) -> str:
    """The public id inside a well-formed token, or "" when the text is none (wrong shape or a typing error)."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != PREFIX or not text.isascii() or len(parts[1]) != _ID_LENGTH:
        return ""
    return parts[1] if hmac.compare_digest(text[-_CHECK_LENGTH:], _check(text[:-_CHECK_LENGTH])) else ""


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECK_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[index])
    return "".join(digits)

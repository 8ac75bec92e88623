"""Words in, words out: the same splitting for what is stored and what is asked, so both databases find alike. Pure."""

import re

_WORD = re.compile(r"[^\W_]+")
LONGEST = 64


def words(*texts: str) -> str:
    """The words of `texts` in lower case, split at everything that is no letter or digit, joined by single spaces."""
    return " ".join(word[:LONGEST] for word in _WORD.findall(" ".join(texts).lower()))


def postgres_query(text: str) -> str:
    """A tsquery that wants every word of `text`, the last one as a beginning; "" when there is no word."""
    found = words(text).split()[:20]
    return " & ".join([*(f"'{word}'" for word in found[:-1]), *(f"'{word}':*" for word in found[-1:])])


def sqlite_query(text: str) -> str:
    """The same as an FTS5 expression."""
    found = words(text).split()[:20]
    return " ".join([*(f'"{word}"' for word in found[:-1]), *(f'"{word}"*' for word in found[-1:])])

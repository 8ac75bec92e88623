"""Every text that comes in is read as UTF-8, whatever its sender calls it."""

import re
from collections.abc import Callable, Iterable
from typing import Any

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_CHARSETS = re.compile(r';\s*(?:charset|[^;="\s]*\*)\s*=\s*(?:"[^"]*"|[^;]*)', re.IGNORECASE)
"""The parameter `charset`, and every one whose name ends in `*`, because such a one names the charset of its value."""


class OnlyUtf8:
    """Passes a request on without the charset that its Content-Type names.

    Django would read the query string in that charset too, before anything can answer for the failure: some charsets
    give half a surrogate pair, which no database stores, and `zlib` or `idna` give an error and no answer.
    """

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the request."""
        kind = environ.setdefault("CONTENT_TYPE", "")
        # Most requests name none, so most pay for one look only.
        if ";" in kind:
            environ["CONTENT_TYPE"] = without_charset(kind)
        return self._application(environ, start_response)


def without_charset(content_type: str) -> str:
    """The Content-Type without what it says about charsets; a multipart boundary stays."""
    return _CHARSETS.sub("", content_type)

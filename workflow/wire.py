"""JSON in and out. What comes in is hostile: it is bounded before it is parsed and cleaned before anybody reads it."""

import re
from collections.abc import Iterable, Mapping
from typing import IO, Any

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from workflow.errors import Malformed, TooLarge

JSON = "application/json"
MAX_BODY = 1024 * 1024
MAX_DEPTH = 32
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def read_json(body: bytes) -> Any:
    """Parse a request body.

    Raises TooLarge over 1 MiB; Malformed when it is no JSON in UTF-8, is nested deeper than 32, or holds a NUL or half
    a surrogate pair, which no database stores alike.
    """
    if len(body) > MAX_BODY:
        raise TooLarge("body_too_large", "The body is over 1 MiB. Send it in parts, or as /deployments/bulk.")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Malformed("nested_too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed("malformed_json", f"The body is not valid JSON: {error}.") from error
    if b"\\u0000" in body and _has_nul(content):
        raise Malformed("nul_character", "The body has a NUL character (\\u0000) in a text. Leave it out.")
    return content


def write_json(content: Any) -> bytes:
    """The UTF-8 bytes of `content`; times in RFC 3339, UTC as Z."""
    return orjson.dumps(content, default=str, option=orjson.OPT_UTC_Z)


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for character in _STRINGS.sub(b"", body):
        if character in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in b"]}":
            depth -= 1
    return deepest


def _has_nul(content: Any) -> bool:
    if isinstance(content, str):
        return "\x00" in content
    if isinstance(content, dict):
        return any("\x00" in key or _has_nul(value) for key, value in content.items())
    return isinstance(content, list) and any(_has_nul(item) for item in content)


class StrictJSONParser(BaseParser):
    """DRF's door to read_json."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The parsed body; an empty one is an empty object."""
        body = stream.read(MAX_BODY + 1)
        return read_json(body) if body.strip() else {}


class FastJSONRenderer(BaseRenderer):
    """JSON as UTF-8, times in RFC 3339."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The bytes of `data`; None is an empty body."""
        return b"" if data is None else write_json(data)


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON whatever a client says it accepts: a deploy must not be turned away over a header."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser for the body's media type, None when there is none."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer of the view."""
        first = next(iter(renderers))
        return first, first.media_type or JSON

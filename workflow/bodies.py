"""A body whose sender does not say how long it is."""

import io
from collections.abc import Callable, Iterable
from typing import Any

from workflow.wire import MAX_BODY

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class MeasuredBodies:
    """Passes a request on with the length of its body.

    Django takes a body without a Content-Length, as curl and Java send a stream in chunks, for an empty one, and its
    sender would read that the JSON is wrong. No more is read than tells that a body is too large.
    """

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the request."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            body = environ["wsgi.input"].read(MAX_BODY + 1)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        return self._application(environ, start_response)

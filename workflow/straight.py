"""The way of a machine's request from the web server to its answer, as short as Django allows."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest, get_script_name
from django.db import connections
from django.db.utils import DEFAULT_DB_ALIAS
from django.http import HttpResponse

from workflow.middleware import brings_token

StartResponse = Callable[..., Any]


class MachinesFirst:
    """Django's handler, without what tells the whole process that a machine's request began and ended.

    Those two signals look through every database and every cache, twice each: a seventh of the time that Python needs
    to log a deploy. What they are for is done here: a connection that broke or was left in the middle of something is
    not used again. The middleware is the same for everybody.
    """

    def __init__(self) -> None:
        self._django = WSGIHandler()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request."""
        if not brings_token(environ) or get_script_name(environ):
            return self._django(environ, start_response)
        connections[DEFAULT_DB_ALIAS].close_if_unusable_or_obsolete()
        request = WSGIRequest(environ)
        answer = self._django.get_response(request)
        headers = [*answer.items(), *(("Set-Cookie", one.OutputString()) for one in answer.cookies.values())]
        start_response(f"{answer.status_code} {answer.reason_phrase}", headers)
        if not isinstance(answer, HttpResponse):
            return answer
        request.close()
        return [answer.content]

"""What every endpoint of the API is built on."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller_of, token_of
from accounts.callers import Caller
from workflow.doors import problem_response
from workflow.errors import Forbidden
from workflow.wire import JSON, MAX_BODY, read_json, write_json

HOT = {("POST", JSON), ("GET", ""), ("GET", JSON)}
"""The (method, content type) pairs that may take the short way."""


class ApiView(APIView):
    """An endpoint. `scopes` says for each method which scope a token needs; what it leaves out is refused."""

    scopes: ClassVar[dict[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what nobody may do here before asking who wants it."""
        if request.method not in self.allowed_methods:
            named = ", ".join(method for method in self.allowed_methods if method not in {"HEAD", "OPTIONS"})
            raise MethodNotAllowed(
                request.method or "", f"This address does not take {request.method}. It takes {named}."
            )
        super().initial(request, *args, **kwargs)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Nothing but the header Allow, which every answer carries."""
        return Response(status=204)

    def credential(self, request: Request) -> str:
        """In whose name idempotency keys are kept apart."""
        return caller_of(request).actor


class HotView(ApiView):
    """An endpoint that tokens call thousands of times an hour.

    Such a request skips DRF's machinery: the same token check, scope check, JSON rules, action and refusals, without
    the objects in between. Requests with an Idempotency-Key and those of browsers take the ordinary way through `get`
    and `post`.

    `hot` names the methods that go this way. The token check behind it may be a second old, so a method that writes
    belongs there only if its action asks in its own statement whether the caller still may.
    """

    hot: ClassVar[frozenset[str]] = frozenset({"GET"})

    def answer_get(self, query: QueryDict, path: str) -> dict[str, Any]:
        """The body for one GET; subclasses say."""
        raise NotImplementedError

    def answer_post(self, body: Any, caller: Caller) -> tuple[int, dict[str, Any]]:
        """The status and the body for one POST; subclasses say."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Choose the way."""
        meta = request.META
        is_plain = "HTTP_AUTHORIZATION" in meta and "HTTP_IDEMPOTENCY_KEY" not in meta
        if not is_plain or request.method not in self.hot or (request.method, request.content_type) not in HOT:
            return super().dispatch(request, *args, **kwargs)
        try:
            status, body = self._answer_hot(request, token_of(meta["HTTP_AUTHORIZATION"]))
        except Exception as error:
            answer = problem_response(error, {})
            if answer is None:
                raise
            return answer
        return HttpResponse(write_json(body), status=status, content_type=JSON)

    def _answer_hot(self, request: HttpRequest, caller: Caller) -> tuple[int, dict[str, Any]]:
        scope = self.scopes[request.method or ""]
        if caller.scopes is None or scope not in caller.scopes:
            raise Forbidden(
                "permission_denied", f"This token lacks the scope {scope}. Make one that has it in Settings."
            )
        if request.method == "GET":
            return 200, self.answer_get(request.GET, request.path)
        return self.answer_post(read_json(request.read(MAX_BODY + 1)), caller)

"""What every endpoint of the API is built on."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import caller_of, token_of
from accounts.callers import Caller
from workflow.doors import problem_response
from workflow.errors import Forbidden
from workflow.wire import JSON, MAX_BODY, read_json, write_json


class ApiView(APIView):
    """An endpoint. `scopes` says for each method which scope a token needs; what it leaves out is refused."""

    scopes: ClassVar[dict[str, str]] = {}

    def credential(self, request: Request) -> str:
        """In whose name idempotency keys are kept apart."""
        return caller_of(request).actor


class HotPostView(ApiView):
    """An endpoint whose POST is called thousands of times an hour by tokens.

    Such a request skips DRF's machinery: the same token check, scope check, JSON rules, action and refusals, without
    the objects in between. Requests with an Idempotency-Key and those of browsers take the ordinary way through `post`.
    """

    def answer(self, body: Any, caller: Caller) -> tuple[int, dict[str, Any]]:
        """The status and the body for one POST; subclasses say."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Choose the way."""
        meta = request.META
        is_hot = request.method == "POST" and "HTTP_AUTHORIZATION" in meta and "HTTP_IDEMPOTENCY_KEY" not in meta
        if not is_hot or request.content_type != JSON:
            return super().dispatch(request, *args, **kwargs)
        try:
            caller = token_of(meta["HTTP_AUTHORIZATION"])
            if self.scopes["POST"] not in (caller.scopes or ()):
                raise Forbidden("permission_denied", f"This token lacks the scope {self.scopes['POST']}.")
            status, body = self.answer(read_json(request.read(MAX_BODY + 1)), caller)
        except Exception as error:
            answer = problem_response(error, {})
            if answer is None:
                raise
            return answer
        return HttpResponse(write_json(body), status=status, content_type=JSON)

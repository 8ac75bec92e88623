"""What every endpoint of the API is built on."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import actor_of


class ApiView(APIView):
    """An endpoint. `scopes` says for each method which scope a token needs; what it leaves out is refused."""

    scopes: ClassVar[dict[str, str]] = {}

    def credential(self, request: Request) -> str:
        """In whose name idempotency keys are kept apart."""
        return actor_of(request)

"""The door of filed changes: filing, editing and deciding under `/api/v1/changes`."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import ApiView
from accounts.authentication import caller_of
from accounts.callers import Caller
from changes import queries
from changes.refs import change_id
from changes.tickets import deciding, doing, filing, schema, shapes
from changes.tickets.serializers import with_ticket
from changes.tickets.shapes import Word
from workflow.errors import Missing
from workflow.idempotency import answers_once


def shown(ref: str, *, by: Caller) -> dict[str, Any]:
    """The change called `ref` in full, with what `by` may do; raises Missing."""
    found = queries.change_in_full(change_id(ref))
    if found is None:
        raise Missing("not_found", f"There is no change {ref.upper()[:40]}.")
    return with_ticket(found, by=by)


def file_one(body: Any, *, by: Caller) -> dict[str, Any]:
    """File the change in a body and answer with it."""
    draft, said = shapes.read_new(body)
    file = filing.file_and_submit if said.submit else filing.file_change
    change = file(draft, by=by)
    return shown(change.ref, by=by) | {"warnings": shapes.unknown_fields(body)}


class _Verb(ApiView):
    """One thing that can be done with a change; answers with the change as it then is."""

    scopes: ClassVar[dict[str, str]] = {"POST": "changes"}

    def answer(self, request: Request, ref: str, deed: Callable[[Caller, Word], object]) -> Response:
        """Do it."""
        by = caller_of(request)
        deed(by, shapes.read_word(request.data))
        return Response(shown(ref, by=by))


class Submit(_Verb):
    """Ask for approval."""

    @schema.verb("submit", "Submit a change for approval")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Ask for the approval of a draft; one from a usable template is approved by it at once."""
        return self.answer(request, ref, lambda by, word: filing.submit_change(ref, by=by))


class Approve(_Verb):
    """Approve."""

    @schema.verb("approve", "Approve a change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Approve what it says now. With enough approvals it may begin."""
        return self.answer(
            request,
            ref,
            lambda by, word: deciding.approve_change(ref, by=by, seen=word.seen or "", note=word.note or ""),
        )


class Reject(_Verb):
    """Reject."""

    @schema.verb("reject", "Reject a change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Refuse it, with a `reason`."""
        return self.answer(
            request, ref, lambda by, word: deciding.reject_change(ref, by=by, reason=word.reason or word.note or "")
        )


class Revise(_Verb):
    """Take back into a draft."""

    @schema.verb("revise", "Take a change back into a draft")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Take a submitted, approved or rejected change back into a draft; approvals count no longer."""
        return self.answer(
            request, ref, lambda by, word: deciding.revise_change(ref, by=by, reason=word.reason or word.note or "")
        )


class Withdraw(_Verb):
    """Give up."""

    @schema.verb("withdraw", "Withdraw a change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Give it up before it begins."""
        return self.answer(
            request, ref, lambda by, word: deciding.withdraw_change(ref, by=by, reason=word.reason or word.note or "")
        )


class Start(_Verb):
    """Begin."""

    @schema.verb("start", "Start an approved change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Begin it. Outside its window it is flagged `outside_window` and reviewed afterwards."""
        return self.answer(request, ref, lambda by, word: doing.start_change(ref, by=by))


class Finish(_Verb):
    """Say how it ended."""

    @schema.verb("finish", "Finish a change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Say how it ended with `outcome`. Then it waits for its review, if it needs one, or for being closed."""
        return self.answer(
            request,
            ref,
            lambda by, word: doing.finish_change(ref, by=by, outcome=word.outcome or "", note=word.note or ""),
        )


class Correct(_Verb):
    """Say that it ended otherwise."""

    @schema.verb("correct", "Correct how a change ended")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Give a finished change another `outcome`, with a `reason`; both stay in its timeline."""
        return self.answer(
            request,
            ref,
            lambda by, word: doing.correct_outcome(
                ref, by=by, outcome=word.outcome or "", reason=word.reason or word.note or ""
            ),
        )


class ReviewChange(_Verb):
    """Look back."""

    @schema.verb("review", "Review a finished change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Look back at a finished change or deploy of somebody else, and close it."""
        return self.answer(
            request,
            ref,
            lambda by, word: doing.review_change(ref, by=by, note=word.note or word.reason or "", answers=word.answers),
        )


class Close(_Verb):
    """Close."""

    @schema.verb("close", "Close a finished change")
    @answers_once
    def post(self, request: Request, ref: str) -> Response:
        """Close a finished change that owes no review."""
        return self.answer(
            request, ref, lambda by, word: doing.close_change(ref, by=by, note=word.note or word.reason or "")
        )


VERBS: dict[str, type[_Verb]] = {
    "submit": Submit,
    "approve": Approve,
    "reject": Reject,
    "revise": Revise,
    "withdraw": Withdraw,
    "start": Start,
    "finish": Finish,
    "correct": Correct,
    "review": ReviewChange,
    "close": Close,
}
"""Each verb and its endpoint, under `/changes/{ref}/`."""

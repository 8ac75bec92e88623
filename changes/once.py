"""A page that is sent twice, as by a double click, acts once."""

import hashlib
from collections.abc import Callable

from django import forms

from accounts.callers import Caller
from workflow.idempotency import said_once


def once_per_page(form: forms.Form, *, what: str, by: Caller, work: Callable[[], str]) -> str:
    """What `work` returns, or what it returned to the first sending of the same page by the same person."""
    # Every time a page is shown, its token against other sites is masked anew, so this tells one showing from the next.
    if not form.data.get("csrfmiddlewaretoken"):
        return work()
    sent = hashlib.sha256(repr(sorted(dict(form.data).items())).encode()).hexdigest()
    return said_once(credential=by.actor, key=f"{what}:{sent}", work=work)

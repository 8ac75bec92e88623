"""What the settings pages of every room share: who may open them, and buttons that act and come back."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import policy
from accounts.models import User
from workflow.doors import show_refusal
from workflow.errors import RuleViolation

Page = Callable[..., HttpResponse]
T = TypeVar("T")


def reader(request: HttpRequest) -> User:
    """Who is signed in, on a page that `login_required` or `admins_only` guards."""
    assert isinstance(request.user, User)
    return request.user


def admins_only(page: Page) -> Page:
    """Show the page to administrators, the sign-in page to strangers, and a 403 with the reason to everyone else."""

    @functools.wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        decision = policy.may_administer(is_admin=reader(request).is_admin)
        if decision.outcome == policy.REFUSED:
            raise PermissionDenied(decision.because)
        return page(request, *args, **kwargs)

    return login_required(guarded)


def act(request: HttpRequest, deed: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do what a button says and go `back`; there it says what was `done`, or the refusal."""
    try:
        deed()
    except RuleViolation as refusal:
        messages.error(request, f"{refusal.message} Rule {refusal.code}.")
    else:
        messages.success(request, done)
    return redirect(back)


def attempt(form: forms.BaseForm, deed: Callable[[], T]) -> T | None:
    """Do what a filled-in form asks; None when it is wrong or refused, and then the form says why."""
    if not form.is_valid():
        return None
    try:
        return deed()
    except RuleViolation as refusal:
        show_refusal(form, refusal)
        return None


def succeeds(form: forms.BaseForm, deed: Callable[[], object]) -> bool:
    """The same for a deed whose answer nobody needs: whether it was done."""
    return attempt(form, lambda: (deed(),)) is not None

"""What somebody typed when their session ended is still there once they have signed in again."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

KEPT = "interrupted"
LONGEST = 50_000
"""Characters that are kept of one form; a longer one is lost."""
MACHINES = ("/api/", "/healthz", "/readyz", "/metrics", settings.STATIC_URL)
SAID = "Your session had ended. Nothing was sent yet: look at what you typed, and send it again."

MARK = "decklog_known"
"""The cookie by which a browser proves that somebody was signed in with it, and who. It lets nobody in."""
MARK_LASTS = settings.SESSION_COOKIE_AGE + 14 * 24 * 3600
MARK_IS_FRESH = 24 * 3600
SIGNER = TimestampSigner(salt="accounts.interrupted")


class InterruptedForms:
    """Keeps a form that arrives without a session, leads to signing in, and from there back to the form's own page.

    There the form stands filled in, as after a mistake, and waits to be sent; nothing is done in anybody's name before.
    It is kept only for a browser with which somebody was signed in before, because strangers must not fill the
    database, and it comes back only to that same person. Passwords are not kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; a GET of the form's page finds what was typed in `request.POST`."""
        if request.path.startswith(MACHINES):
            return self.get_response(request)
        if request.method == "GET":
            _bring_back(request)
        answer = self.get_response(request)
        if request.method == "POST" and _leads_to_sign_in(request, answer):
            return _keep(request)
        if request.user.is_authenticated and _known(request, seconds=MARK_IS_FRESH) != request.user.pk:
            _mark(answer, request.user.pk)
        return answer


def _known(request: HttpRequest, *, seconds: int) -> int | None:
    """The id of the person who was signed in with this browser within so many seconds."""
    try:
        return int(SIGNER.unsign(request.COOKIES.get(MARK, ""), max_age=seconds))
    except (BadSignature, ValueError):
        return None


def _mark(answer: HttpResponse, pk: int) -> None:
    answer.set_cookie(
        MARK, SIGNER.sign(str(pk)), MARK_LASTS, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax"
    )


def _leads_to_sign_in(request: HttpRequest, answer: HttpResponse) -> bool:
    where = urlsplit(answer.headers.get("Location", ""))
    return where.path == resolve_url(settings.LOGIN_URL) and bool(where.query) and not request.user.is_authenticated


def _keep(request: HttpRequest) -> HttpResponse:
    page = _page_of_form(request)
    typed = request.POST.copy()
    for name in [name for name in typed if "password" in name or name == "csrfmiddlewaretoken"]:
        del typed[name]
    who = _known(request, seconds=MARK_LASTS)
    if who is not None and typed and len(text := typed.urlencode()) <= LONGEST:
        request.session[KEPT] = {"page": urlsplit(page).path, "typed": text, "who": who}
    return redirect_to_login(page)


def _page_of_form(request: HttpRequest) -> str:
    """Where the form stands, which may be another address than the one that takes it and answers no GET."""
    referer = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure())
    parts = urlsplit(referer if is_ours else "")
    return (parts.path + (f"?{parts.query}" if parts.query else "")) or request.path


def _bring_back(request: HttpRequest) -> None:
    # Whoever has no session cookie has nothing kept, and needs no look into the database.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return
    kept = request.session.get(KEPT)
    if kept and kept.get("who") != request.user.pk:
        del request.session[KEPT]
    elif kept and kept["page"] == request.path:
        del request.session[KEPT]
        request.POST = QueryDict(kept["typed"])
        messages.warning(request, SAID)

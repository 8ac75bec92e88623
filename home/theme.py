"""Light, dark, or as the reader's system: a choice of this browser, kept in a cookie."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from home.context import THEME_COOKIE, THEMES

YEAR = 365 * 24 * 3600


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep `theme` and go back to the page in `next`; an unknown theme is as good as `system`."""
    theme = request.POST.get("theme", "")
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=settings.IS_HTTPS)
    answer = HttpResponseRedirect(back if is_ours else "/")
    answer.set_cookie(
        THEME_COOKIE,
        theme if theme in THEMES else "system",
        max_age=YEAR,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return answer

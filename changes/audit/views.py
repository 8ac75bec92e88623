"""The pages of evidence packs."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.pages import act, attempt, reader
from changes.audit import actions, narration, queries
from changes.audit.forms import PackForm
from changes.audit.models import EvidencePack
from changes.audit.policy import REFUSED
from workflow.errors import Missing


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def audit(request: HttpRequest) -> HttpResponse:
    """What an auditor needs: the newest seal, the packs so far, and the form that asks for one."""
    me = reader(request)
    form, decision = PackForm(request.POST or None), queries.decide(me)
    may = decision.outcome != REFUSED
    if request.method == "POST" and not may:
        raise PermissionDenied(f"{decision.because} Rule {decision.rule}.")
    if request.method == "POST" and (pack := attempt(form, lambda: actions.request_pack(form.wanted(), by=me))):
        return redirect(f"/audit/{pack.pk}")
    lines = narration.lines_of(queries.newest_packs()) if may else []
    content = {"form": form, "seal": queries.newest_seal(), "decision": decision, "may": may, "packs": lines}
    return render(request, "audit/index.html", content, status=422 if form.errors else 200)


@login_required
@require_safe
def pack(request: HttpRequest, pk: int) -> HttpResponse:
    """One pack: how far it is, and the zip once it is there."""
    found = _found(request, pk)
    content = {"pack": found, "told": narration.progress_of(found), **_facts(found)}
    if "HX-Request" in request.headers:
        return render(request, "audit/_pack.html", content)
    return render(request, "audit/pack.html", content)


@login_required
@require_POST
def ask_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a pack that was given up made after all."""
    me = reader(request)
    return act(request, lambda: actions.ask_again(pk, by=me), done="It is being made again.", back=f"/audit/{pk}")


@login_required
@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The zip."""
    found = _found(request, pk)
    if found.state != EvidencePack.State.READY:
        messages.warning(request, "This pack is not ready yet. Wait for it here.")
        return redirect(f"/audit/{pk}")
    answer = StreamingHttpResponse(queries.content_of(found), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="decklog-evidence-{found.ref}.zip"'
    answer["Content-Length"] = str(queries.size_of(found))
    return answer


def _found(request: HttpRequest, pk: int) -> EvidencePack:
    decision = queries.decide(reader(request))
    if decision.outcome == REFUSED:
        raise PermissionDenied(f"{decision.because} Rule {decision.rule}.")
    try:
        return queries.pack_named(pk)
    except Missing as refusal:
        raise Http404(refusal.message) from refusal


def _facts(found: EvidencePack) -> dict[str, Any]:
    is_ready = found.state == EvidencePack.State.READY
    return {"size": queries.size_of(found) if is_ready else 0, "line": narration.line_of(found)}

"""The public pages as files, for another host or a CDN that stays up when this one does not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.contrib.staticfiles.finders import find
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from public import boundary
from public.status import pages

FEEDS = (*(f"{page}.{form}" for page in ("status", "changelog") for form in ("json", "atom", "rss")), "maintenance.ics")
_ASSET = re.compile(rb'(?:href|src)="(/static/[^"?#]+)"')
_LINKED = re.compile(rb"url\([\"']?((?!data:)[^)\"'?#]+)")


def export_to(folder: Path) -> int:
    """Write every public page below `folder`, each as a whole or not at all; return how many files that were.

    `/status` becomes `status/index.html`. What is no longer public is removed from there. Where something is asked of
    us, as to subscribe, the link leads back to this installation.
    """
    written = {path for path, body in _files() if _write(folder / path, body)}
    for stale in {found.relative_to(folder) for found in folder.glob("**/*") if found.is_file()} - written:
        if _is_ours(stale):
            (folder / stale).unlink()
    return len(written)


def _files() -> Iterator[tuple[Path, bytes]]:
    assets: set[str] = set()
    for address in _pages():
        body = _answer(address).content.replace(b'href="/subscribe"', f'href="{settings.BASE_URL}/subscribe"'.encode())
        assets |= {asset.decode() for asset in _ASSET.findall(body)}
        yield Path(address.lstrip("/")) / "index.html", body
    for feed in FEEDS:
        yield Path(feed), _answer(f"/{feed}").content
    yield Path("public/look.css"), _answer("/public/look.css").content
    if settings.PUBLIC_LOGO:
        yield Path("public/look/logo"), _answer("/public/look/logo").content
    yield from _assets(assets)


def _pages() -> Iterator[str]:
    yield from ("/status", "/status/history", "/changelog")
    yield from (incident.address for incident in pages.newest(pages.HISTORY))
    newest = boundary.notes(now=datetime.now(UTC)).order_by("-listed_at", "-pk")[:100]
    yield from (f"/changelog/{note.pk}" for note in newest)


def _answer(address: str) -> HttpResponse:
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", address, address
    match = resolve(address, "public.outside")
    answer: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return answer


def _assets(addresses: set[str]) -> Iterator[tuple[Path, bytes]]:
    waiting, seen = sorted(addresses), set(addresses)
    while waiting:
        address = waiting.pop()
        body = _asset(address.removeprefix(settings.STATIC_URL))
        if body is None:
            continue
        yield Path(address.lstrip("/")), body
        named = _LINKED.findall(body) if address.endswith(".css") else []
        linked = {_beside(address, name.decode()) for name in named}
        waiting += sorted(linked - seen)
        seen |= linked


def _beside(address: str, name: str) -> str:
    parts: list[str] = address.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _asset(name: str) -> bytes | None:
    if settings.IS_COLLECTED:
        return staticfiles_storage.open(name).read() if staticfiles_storage.exists(name) else None
    found = find(name)
    return Path(found).read_bytes() if found else None


def _write(path: Path, body: bytes) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=".half-", delete=False) as half:
        half.write(body)
    Path(half.name).chmod(0o644)
    Path(half.name).replace(path)
    return True


def _is_ours(path: Path) -> bool:
    return path.parts[0] in {"status", "changelog", "public", "static"}

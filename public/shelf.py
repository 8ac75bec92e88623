"""Finished public pages, kept by each web process, so that a status page is up when everything else is down.

A copy is given out for FRESH seconds; then one request makes a new one while the others still get the old one. When
the records do not answer, the last good copy is given out, however old, and says how old it is. Copies of the pages
that matter most are also kept as files, for a process that was started while the records were away.
"""

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import http_date, parse_etags

from workflow import moments

FRESH = 15.0
"""Seconds for which a copy is given out without another look."""
PATIENCE = 5.0
"""Seconds after which records that did not answer are asked again."""
FILED_EVERY = 60.0
MOST = 500
"""How many pages are kept; the one that nobody asked for longest goes first."""
AGE_MARK = b"<!--age-->"
"""Where a page says that it is an old copy."""
AWAY = (OperationalError, InterfaceError)
log = structlog.get_logger("decklog.public")


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished page and when it was made (`made_at`); `checked` and `filed` are seconds of this process's clock."""

    body: bytes
    media_type: str
    made_at: datetime
    checked: float = 0.0
    filed: float = 0.0
    is_old: bool = False

    @property
    def etag(self) -> str:
        """Changes with the words, not with the age."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


class Shelf:
    """The copies of one process."""

    def __init__(self) -> None:
        self._copies: OrderedDict[str, Copy] = OrderedDict()
        self._makers: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def take(self, key: str, make: Callable[[], Copy], *, is_filed: bool = False) -> Copy:
        """The copy under `key`, made by `make` if there is no fresh one; raises what `make` raises if there is none."""
        known = self._known(key)
        if known is not None and time.monotonic() - known.checked < FRESH:
            return known
        maker = self._maker(key)
        # Whoever finds an old copy does not wait for the one that makes a new one.
        if not maker.acquire(blocking=known is None, timeout=PATIENCE if known is None else -1):
            return known or make()
        try:
            return self._renew(key, make, is_filed=is_filed)
        finally:
            maker.release()

    def forget(self) -> None:
        """Forget all copies, also those in files."""
        with self._lock:
            self._copies.clear()
        for path in _folder().glob("*.copy") if settings.PUBLIC_COPIES else ():
            path.unlink(missing_ok=True)

    def _renew(self, key: str, make: Callable[[], Copy], *, is_filed: bool) -> Copy:
        known, now = self._known(key), time.monotonic()
        if known is not None and now - known.checked < FRESH:
            return known
        try:
            fresh = replace(make(), checked=now, filed=known.filed if known else 0.0)
        except AWAY as error:
            last = known or (_from_file(key) if is_filed and settings.PUBLIC_COPIES else None)
            if last is None:
                raise
            log.error("public_page_from_copy", page=key, error=str(error))
            return self._keep(key, replace(last, checked=now - FRESH + PATIENCE, is_old=True))
        if is_filed and settings.PUBLIC_COPIES and (not fresh.filed or now - fresh.filed > FILED_EVERY):
            _file(key, fresh)
            fresh = replace(fresh, filed=now)
        return self._keep(key, fresh)

    def _known(self, key: str) -> Copy | None:
        return self._copies.get(key)

    def _keep(self, key: str, copy: Copy) -> Copy:
        with self._lock:
            self._copies[key] = copy
            self._copies.move_to_end(key)
            while len(self._copies) > MOST:
                gone, _ = self._copies.popitem(last=False)
                self._makers.pop(gone, None)
        return copy

    def _maker(self, key: str) -> threading.Lock:
        with self._lock:
            return self._makers.setdefault(key, threading.Lock())


SHELF = Shelf()


def serve(request: HttpRequest, copy: Copy) -> HttpResponse:
    """The copy as an answer that caches may keep for FRESH seconds, and for a day while we are away."""
    age = max(0, int((datetime.now(UTC) - copy.made_at).total_seconds()))
    is_known = copy.etag in parse_etags(request.headers.get("If-None-Match", "")) and not copy.is_old
    answer = HttpResponseNotModified() if is_known else HttpResponse(_said(copy), content_type=copy.media_type)
    answer["ETag"] = copy.etag
    answer["Cache-Control"] = f"public, max-age={int(FRESH)}, stale-while-revalidate=60, stale-if-error=86400"
    answer["Age"] = str(age)
    answer["Last-Modified"] = http_date(copy.made_at.timestamp())
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


def _said(copy: Copy) -> bytes:
    if not copy.is_old:
        return copy.body
    made = f"{moments.stamp(copy.made_at)} {moments.zone(copy.made_at)}"
    sentence = f"This is a copy from {made}: our records do not answer at this moment."
    return copy.body.replace(AGE_MARK, f'<p class="pub-old" role="status">{sentence}</p>'.encode(), 1)


# --- Files -----------------------------------------------------------------------------------------------------------


def _folder() -> Path:
    return Path(settings.PUBLIC_COPIES)


def _path(key: str) -> Path:
    return _folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.copy"


def _file(key: str, copy: Copy) -> None:
    head = json.dumps({"media_type": copy.media_type, "made_at": copy.made_at.isoformat()}).encode()
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=_folder(), delete=False) as half:
            half.write(head + b"\n" + copy.body)
        Path(half.name).replace(_path(key))
    except OSError as error:
        # A full or read-only disk must not take the page away from those who can still be served.
        log.error("public_copy_not_filed", page=key, error=str(error))


def _from_file(key: str) -> Copy | None:
    try:
        head, _, body = _path(key).read_bytes().partition(b"\n")
        said = json.loads(head)
        return Copy(body, said["media_type"], datetime.fromisoformat(said["made_at"]))
    except (OSError, ValueError, KeyError):
        return None

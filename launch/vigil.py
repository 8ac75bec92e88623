"""Judges from outside whether what runs also works."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from launch.ports import HOST

SILENT_AFTER = 60.0
"""Seconds since the last sweep of the outbox after which the worker counts as silent; it sweeps every few."""
STRIKES = 3
"""Judgements in a row before anything is restarted: one late answer on a busy machine is no reason."""
PATIENCE = 90.0
"""Seconds that a restarted program gets before it is judged again."""


def read_json(port: int, path: str, *, timeout: float = 3.0) -> dict[str, Any] | None:
    """Return the JSON object behind *path* on our own port, whatever its status; None if there is none."""
    # Not urllib: a proxy in the environment has no business between us and our own child.
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = json.loads(connection.getresponse().read(100_000))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def is_ready(port: int, *, instance: str) -> bool:
    """True if the program that answers on *port* is the one started as *instance*, and says it is well."""
    answer = read_json(port, "/healthz", timeout=1.0) or {}
    return answer.get("status") == "ok" and answer.get("instance") == instance


def is_worker_silent(readiness: Mapping[str, Any] | None) -> bool:
    """True if the outbox has not been swept for too long, or never; False where that cannot be known."""
    # A database that is away silences every worker, and no restart brings it back.
    if readiness is None or readiness.get("database") is False:
        return False
    age = readiness.get("sweeper_age_seconds")
    return age is None or age > SILENT_AFTER


@dataclass
class Vigil:
    """Counts silences, and names what to restart."""

    quiet_until: float
    """Before this moment nothing is judged."""
    web_strikes: int = 0
    worker_strikes: int = 0

    def judge(self, *, now: float, is_web_well: bool, readiness: Mapping[str, Any] | None) -> tuple[str, ...]:
        """Return the programs that have been silent for too long, by what `/readyz` says of them."""
        if now < self.quiet_until:
            return ()
        self.web_strikes = 0 if is_web_well else self.web_strikes + 1
        self.worker_strikes = self.worker_strikes + 1 if is_worker_silent(readiness) else 0
        if self.web_strikes >= STRIKES:
            return self._restart(now, "web")
        if self.worker_strikes >= STRIKES:
            return self._restart(now, "worker", "beat")
        return ()

    def _restart(self, now: float, *names: str) -> tuple[str, ...]:
        self.quiet_until, self.web_strikes, self.worker_strikes = now + PATIENCE, 0, 0
        return names

"""Notes that say what was installed from which lock, written last, so that a half-finished install has none."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(inputs: Iterable[Path], *, also: str = "") -> str:
    """Return one fingerprint of the contents of *inputs* and of *also*; a missing file counts as empty."""
    sums = [hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest() for path in inputs]
    return hashlib.sha256("\n".join([*sums, also]).encode()).hexdigest()


def is_fresh(stamp: Path, fingerprint: str) -> bool:
    """True if *stamp* was written for exactly this *fingerprint*."""
    try:
        return stamp.read_text().strip() == fingerprint
    except OSError:
        return False


def write(stamp: Path, fingerprint: str) -> None:
    """Record *fingerprint*; a reader sees the old note or the new one, never half of one."""
    part = stamp.with_name(stamp.name + ".part")
    part.write_text(fingerprint + "\n")
    part.replace(stamp)

"""A folder as a zip that comes out the same, byte for byte, whenever and wherever its files are the same."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can tell; every file has it."""
PIECE = 1024 * 1024
LEVEL = 6


def zip_folder(folder: Path, target: Path, *, beat: Callable[[], None]) -> None:
    """Write every file below `folder` into the zip `target`, sorted by name, without times, owners and rights."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for path in paths:
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = 0o644 << 16
            member.file_size = path.stat().st_size
            with archive.open(member, "w") as inside:
                for piece in pieces(path):
                    beat()
                    inside.write(piece)


def pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces of 1 MiB."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file, in hex."""
    digest = hashlib.sha256()
    for piece in pieces(path):
        digest.update(piece)
    return digest.hexdigest()

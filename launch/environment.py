"""The variables that every process of Decklog starts with."""

import os
import secrets

from launch import layout

_MISLEADING = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def variables(**more: str) -> dict[str, str]:
    """Return this process's environment without what would mislead a child, with *more* on top."""
    env = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    return {**env, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1", **more}


def secret_key() -> str:
    """Return the installation's own secret, made at the first start and readable by its owner alone."""
    path = layout.VAR / "secret_key"
    if not path.is_file():
        part = path.with_name("secret_key.part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(50))
        part.replace(path)
    return path.read_text().strip()

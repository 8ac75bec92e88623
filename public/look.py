"""How the public pages look: the company's name, logo, colour and links, out of the settings."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the frame of a public page shows. `links` are (word, address) for its foot."""

    name: str
    has_logo: bool
    links: list[tuple[str, str]]
    base_url: str


def look() -> Look:
    """The look of this installation."""
    pairs = (one.partition("=") for one in settings.PUBLIC_LINKS)
    links = [(word.strip(), address.strip()) for word, _, address in pairs]
    return Look(settings.PUBLIC_NAME, bool(settings.PUBLIC_LOGO), links, settings.BASE_URL)


def logo_file() -> tuple[bytes, str] | None:
    """The logo and its media type, None without one."""
    path = Path(settings.PUBLIC_LOGO)
    if not settings.PUBLIC_LOGO or not path.is_file():
        return None
    return path.read_bytes(), LOGO_TYPES[path.suffix.lower()]


def style_sheet() -> str:
    """The company's colour as a style sheet; empty without one."""
    colour = settings.PUBLIC_COLOUR
    return f":root {{ --pub-accent: {colour}; }}\n" if colour else ""

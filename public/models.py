"""By one name, every model of this room."""

from public.changelog.models import Note

__all__ = ["Note"]

"""By one name, every model of this room."""

from public.changelog.models import Note
from public.subscriptions.models import Dispatch, Subscriber

__all__ = ["Dispatch", "Note", "Subscriber"]

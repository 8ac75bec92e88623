"""The wording of what is announced about the change log."""

from collections.abc import Sequence

from django.conf import settings

from catalog.models import Service
from notifications.intake import NewMessage
from public.changelog.models import Note
from workflow.lines import listed

COMMUNITY = "webhook"


def announcement(note: Note, components: Sequence[Service]) -> NewMessage:
    """Tells the community of a note, once, in its own words; `components` are the public ones that it is about."""
    address = f"{settings.BASE_URL}/changelog/{note.pk}"
    return NewMessage(
        dedup_key=f"announce:{note.ref}",
        channel=COMMUNITY,
        recipient="announcements",
        title=f"{note.title} ({listed([component.name for component in components])})",
        text=f"{note.text}\n{address}".strip(),
        subject=note.ref,
    )

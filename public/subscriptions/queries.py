"""Reads about subscriptions."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from catalog.models import Service
from public.subscriptions.links import Link
from public.subscriptions.models import Dispatch, Subscriber


def subscriber_behind(link: Link) -> Subscriber | None:
    """The subscription that a link names, None once it has ended."""
    return Subscriber.objects.filter(pk=link.subscriber_id, nonce=link.nonce).first()


def next_readers(dispatch: Dispatch, components: Iterable[Service], *, about: str, most: int) -> list[Subscriber]:
    """The next subscribers who want to hear of these components, by id; those who came after the event do not.

    `about` is `status` or `changes`.
    """
    confirmed = Subscriber.objects.filter(
        pk__gt=dispatch.after, confirmed_at__lte=dispatch.began_at, **{f"wants_{about}": True}
    )
    chosen = Subscriber.components.through.objects.filter(subscriber_id=OuterRef("pk"))
    wanted = chosen.filter(service_id__in=[component.pk for component in components])
    return list(confirmed.filter(~Q(Exists(chosen)) | Q(Exists(wanted))).order_by("pk")[:most])

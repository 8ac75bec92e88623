"""Reads of how people can be reached."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch

from accounts.contacts import policy
from accounts.contacts.models import Contact, Preference
from accounts.contacts.policy import ACCOUNT, PAGER, Hours, Urgency, Way
from accounts.models import User
from notifications import outbox
from notifications.models import Message
from workflow.decisions import REFUSED, Decision


@dataclass(frozen=True, slots=True)
class Addressee:
    """A person as a message sees them: the ways that work, what was chosen, and their clock."""

    person: User
    preference: Preference
    ways: Sequence[Way]

    @property
    def hours(self) -> Hours:
        """The person's clock."""
        start, end = self.preference.quiet_start, self.preference.quiet_end
        quiet = (start, end) if start is not None and end is not None and start != end else None
        return Hours(zone_of(self.person), quiet, self.preference.digest_hour)

    def ways_to(self, urgency: Urgency) -> list[Way]:
        """The ways that a message of this urgency takes."""
        return policy.ways_to(urgency, self.preference.ways, self.ways)

    @property
    def wanted(self) -> dict[str, list[str]]:
        """The words of the ways that count now, for each urgency."""
        return {str(urgency): [way.word for way in self.ways_to(urgency)] for urgency in Urgency}


def zone_of(person: User) -> ZoneInfo:
    """The zone by which somebody lives."""
    return ZoneInfo(person.time_zone or settings.ORGANISATION_TIME_ZONE)


def mail_leaves() -> bool:
    """Whether mail reaches anybody: without EMAIL_URL it is only printed to the log."""
    return not str(settings.EMAIL_BACKEND).endswith("console.EmailBackend")


def addressees(ids: Collection[int]) -> dict[int, Addressee]:
    """Those of these people who may sign in, by id, in two statements."""
    return {pk: addressee for pk, addressee in _known(ids).items() if addressee.person.is_active}


def addressee(person: User) -> Addressee:
    """The same for one person, whether or not they may sign in."""
    return _known([person.pk])[person.pk]


def _known(ids: Collection[int]) -> dict[int, Addressee]:
    verified = Prefetch("contacts", Contact.objects.filter(verified_at__isnull=False), to_attr="verified_contacts")
    people = User.objects.filter(pk__in=ids).select_related("preference").prefetch_related(verified)
    return {person.pk: Addressee(person, preference_of(person), ways_of(person)) for person in people}


def preference_of(person: User) -> Preference:
    """What somebody wants; a fresh row, which is not stored, for who never said."""
    try:
        return person.preference
    except Preference.DoesNotExist:
        return Preference(user=person)


def ways_of(person: User) -> list[Way]:
    """The ways to somebody that work here, given their `verified_contacts`."""
    ways = [Way(PAGER, "pager", f"user:{person.email}")] if outbox.reaches("pager") else []
    ways.append(Way(ACCOUNT, "email", person.email))
    contacts: list[Contact] = person.verified_contacts  # type: ignore[attr-defined]  # prefetched by _known
    return [*ways, *(Way(one.way, one.kind, one.address) for one in contacts if outbox.reaches(one.kind))]


def reachable(ids: Collection[int]) -> dict[int, str]:
    """For each of these ids why a page would not reach that person, as a sentence; "" when it would. Two statements."""
    known = _known(ids)
    return {pk: _unreached(known.get(pk)) for pk in ids}


def _unreached(found: Addressee | None) -> str:
    if found is None:
        return "There is no such account."
    decision = reach_of(found)
    return decision.because if decision.outcome == REFUSED else ""


def reach_of(found: Addressee) -> Decision:
    """Whether a page reaches somebody, and by what."""
    return policy.can_be_reached(
        is_active=found.person.is_active,
        has_come=found.person.has_usable_password(),
        pages=found.ways_to(Urgency.PAGE),
        mail_leaves=mail_leaves(),
    )


def contacts_of(person: User) -> list[Contact]:
    """The further addresses of somebody, the first one first."""
    return list(Contact.objects.filter(user=person))


def codes_sent(person: User, *, now: datetime) -> list[datetime]:
    """When somebody was sent a code within the last hour."""
    since = now - timedelta(hours=1)
    sent = Message.objects.filter(topic=code_topic(person.pk), created_at__gt=since)
    return list(sent.values_list("created_at", flat=True))


def tests_of(person: User) -> list[Message]:
    """The last messages that somebody sent themselves to see whether they arrive, the newest first."""
    return list(Message.objects.filter(topic=test_topic(person.pk)).order_by("-id")[:5])


def code_topic(user_id: int) -> str:
    """What groups the codes that were sent for somebody."""
    return f"code:{user_id}"


def test_topic(user_id: int) -> str:
    """What groups somebody's tests."""
    return f"test:{user_id}"

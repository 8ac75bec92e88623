"""The one way in for personal messages, and every write to what people want."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.contacts import messages, policy, queries, unsubscribe
from accounts.contacts.letters import Letter
from accounts.contacts.models import Aside, Contact, Preference
from accounts.contacts.policy import ACCOUNT, Timing, Urgency
from accounts.contacts.queries import Addressee
from accounts.models import User
from notifications import outbox
from workflow.amendments import amend
from workflow.decisions import require
from workflow.errors import Conflict, Missing, TooMany, Unprocessable
from workflow.ledger import Happening, record

# --- Telling somebody something --------------------------------------------------------------------------------------


def tell(letter: Letter, *, at: datetime) -> None:
    """Send a letter that was decided `at` as its reader wants it, in the caller's transaction.

    To the ways they chose for its urgency; now, after their quiet hours, or into their digest. Nothing goes to somebody
    who may not sign in any more.
    """
    tell_all([letter], at=at)


def tell_all(letters: Sequence[Letter], *, at: datetime) -> None:
    """The same for several; people are looked up once."""
    known = queries.addressees({letter.to for letter in letters})
    for letter in letters:
        reader = known.get(letter.to)
        if reader is not None:
            _send(letter, reader, at=at)


def _send(letter: Letter, to: Addressee, *, at: datetime) -> None:
    ways = to.ways_to(letter.urgency)
    leaves_at = max(at, letter.not_before or at)
    for way in ways:
        is_collected = way.channel == "email" and letter.urgency in to.preference.collected
        timing = policy.when_to_send(letter.urgency, to.hours, at=leaves_at, is_collected=is_collected, due=letter.due)
        if timing.decision.outcome == policy.DIGEST:
            _put_aside(letter, timing, at=at)
            continue
        message = messages.sent_by(letter, way, ways, to=to, not_before=timing.at)
        outbox.enqueue(message, at=at)


def _put_aside(letter: Letter, timing: Timing, *, at: datetime) -> None:
    aside = Aside(
        user_id=letter.to,
        dedup_key=letter.dedup_key,
        urgency=letter.urgency,
        title=letter.title,
        text=letter.text,
        subject=letter.subject,
        topic=letter.topic,
        slot=timing.at,
        put_at=at,
    )
    Aside.objects.bulk_create([aside], ignore_conflicts=True)


def call_off(topic: str) -> None:
    """Call off whatever of `topic` still waits, in the outbox or for a digest, in the caller's transaction."""
    outbox.cancel(topic)
    asides = Aside.objects.filter(topic=topic, went_at__isnull=True, settled_at__isnull=True)
    # Excluding "" once more lets SQLite use the partial index, which holds only what has a topic.
    asides.exclude(topic="").update(settled_at=timezone.now())


@transaction.atomic
def silence(person: User, *, at: datetime) -> None:
    """Call off everything that waits for somebody who may not sign in any more."""
    waiting(person.pk).update(settled_at=at)
    for contact in queries.contacts_of(person):
        outbox.cancel_to(contact.kind, contact.address, key_end=f"+{contact.way}", at=at)
    outbox.cancel_to("pager", f"user:{person.email}", at=at)
    # Last, because what was called off before may have taken this way instead.
    outbox.cancel_to("email", person.email, at=at)


# --- What somebody wants ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants: {urgency: ways}, the urgencies that are collected, quiet hours or none, the digest's hour.

    An urgency that is not in `ways` goes where the policy says.
    """

    ways: dict[str, list[str]]
    collected: list[str]
    quiet_start: time | None
    quiet_end: time | None
    digest_hour: int


@transaction.atomic
def change_preference(person: User, wish: Wish, *, actor: str) -> Preference:
    """Keep what somebody wants; `actor` is the ledger's id of who asks, who must be that person.

    Raises Unprocessable("a_way_is_left"), ("quiet_hours_are_hours"), ("digest_is_not_quiet") and ("unknown_way").
    """
    ways = queries.addressee(person).ways
    for urgency, words in wish.ways.items():
        known = {way.word for way in policy.usable_for(Urgency(urgency), ways)}
        unknown = [word for word in words if word not in known]
        if unknown:
            because = f"“{unknown[0]}” is no way to reach you. Verify the address first."
            raise Unprocessable("unknown_way", because, field=urgency)
    _judge(wish)
    return _amend(person, actor=actor, **vars_of(wish))


def vars_of(wish: Wish) -> dict[str, object]:
    """The columns of a wish, with what is listed in an order that says nothing."""
    return {
        "ways": {urgency: sorted(set(words)) for urgency, words in sorted(wish.ways.items())},
        "collected": sorted(set(wish.collected)),
        "quiet_start": wish.quiet_start,
        "quiet_end": wish.quiet_end,
        "digest_hour": wish.digest_hour,
    }


def _judge(wish: Wish) -> None:
    empty = next((one for one in policy.NEEDED if one in wish.ways and not wish.ways[one]), "")
    require(policy.a_way_is_left(wish.ways), Unprocessable, field=empty)
    hours = policy.quiet_hours_are_hours(wish.quiet_start, wish.quiet_end)
    require(hours, Unprocessable, field="quiet_end")
    free = policy.digest_is_not_quiet(wish.quiet_start, wish.quiet_end, wish.digest_hour)
    if wish.collected:
        require(free, Unprocessable, field="digest_hour")


def _amend(person: User, *, actor: str, **columns: object) -> Preference:
    Preference.objects.get_or_create(user=person)
    preference = Preference.objects.select_for_update().get(user=person)
    changed = amend(preference, **columns)
    if changed:
        now = timezone.now()
        said: dict[str, object] = {name: [_kept(value) for value in pair] for name, pair in changed.items()}
        record(person.ref, Happening("notifications_changed", actor, now, said), at=now)
        _move_asides(person, now=now)
        release(preference, now=now)
    return preference


def _kept(value: object) -> object:
    return value.isoformat(timespec="minutes") if isinstance(value, time) else value


def _move_asides(person: User, *, now: datetime) -> None:
    """Let what waits for a digest go at the hour that is wanted now."""
    slot = policy.next_digest(queries.addressee(person).hours, after=now)
    waiting(person.pk).filter(slot__gt=now).update(slot=slot)


def release(preference: Preference, *, now: datetime) -> None:
    """Tell by itself what was put aside and is of an urgency that is not collected any more; the row is locked."""
    asides = list(waiting(preference.user_id).exclude(urgency__in=preference.collected).order_by("pk"))
    Aside.objects.filter(pk__in=[one.pk for one in asides]).update(settled_at=now)
    letters = [
        Letter(one.user_id, Urgency(one.urgency), one.dedup_key, one.title, one.text, one.subject, one.topic)
        for one in asides
    ]
    tell_all(letters, at=now)


def waiting(user_id: int) -> "QuerySet[Aside]":
    """What waits for the digest of this person."""
    return Aside.objects.filter(user_id=user_id, went_at__isnull=True, settled_at__isnull=True)


@transaction.atomic
def stop_mails(link: unsubscribe.Link) -> None:
    """Turn off what an unsubscribe link names. Twice is as good as once; pages and what waits for somebody stay."""
    person = User.objects.filter(pk=link.user_id).first()
    if person is None:
        raise Missing("unsubscribe_unknown", "There is no such account any more, so nothing is sent.")
    reader = queries.addressee(person)
    mails = {way.word for way in reader.ways if way.channel == "email"}
    ways = dict(reader.preference.ways)
    ways[Urgency.NEWS] = [word for word in reader.wanted[Urgency.NEWS] if word not in mails]
    collected = reader.preference.collected if link.kind == unsubscribe.Kind.NEWS else []
    _amend(person, actor=person.actor, ways=ways, collected=collected)


# --- Addresses -------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_contact(person: User, *, kind: str, address: str) -> Contact:
    """Keep another address of somebody and send a code there. Nothing else goes there before it is typed.

    Raises Unprocessable("address_fits"), Conflict("contacts_are_few"), ("contact_taken"), TooMany("codes_are_few").
    """
    _one_at_a_time(person)
    require(policy.address_fits(kind, address), Unprocessable, field="address")
    if not outbox.reaches(kind):
        raise Unprocessable("unknown_way", "Nothing is sent that way here. Ask an administrator.", field="kind")
    require(policy.contacts_are_few(Contact.objects.filter(user=person).count()), Conflict)
    if kind == ACCOUNT and address.casefold() == person.email.casefold():
        raise Conflict("contact_taken", "You have this address already: you sign in with it.", field="address")
    contact = Contact(user=person, kind=kind, address=address, created_at=timezone.now())
    try:
        with transaction.atomic():
            contact.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("contact_taken", "You have this address already.", field="address") from error
    _note(contact, "contact_added")
    _send_code(contact)
    return contact


@transaction.atomic
def send_code(person: User, pk: int) -> Contact:
    """Send another code; the one before stops counting. Raises Missing, Conflict and TooMany("codes_are_few")."""
    _one_at_a_time(person)
    contact = own(person, pk)
    if contact.verified_at is not None:
        raise Conflict("contact_verified", "This address is verified already.")
    _send_code(contact)
    return contact


def _one_at_a_time(person: User) -> None:
    """Let what is counted for somebody be counted once; whoever only refers to the person does not wait."""
    User.objects.select_for_update(no_key=True).get(pk=person.pk)


def _send_code(contact: Contact) -> None:
    now = timezone.now()
    wait = policy.code_wait(queries.codes_sent(contact.user, now=now), now=now)
    if wait:
        seconds = int(wait.total_seconds()) + 1
        raise TooMany("codes_are_few", f"A code was sent just now. Ask again in {seconds} seconds.", wait=seconds)
    code = f"{secrets.randbelow(10**8):08}"
    amend(contact, code_digest=_digest(contact, code), code_until=now + policy.CODE_LASTS, code_tries=0)
    outbox.enqueue(messages.code_wanted(contact, code, at=now), at=now)


def _digest(contact: Contact, code: str) -> str:
    return salted_hmac("accounts.contacts.code", f"{contact.pk}:{code}", algorithm="sha256").hexdigest()


def verify_contact(person: User, pk: int, code: str) -> Contact:
    """Take a typed code: from then on messages may go there. Raises Missing and Unprocessable("code_counts")."""
    with transaction.atomic():
        contact = own(person, pk, lock=True)
        if contact.verified_at is not None:
            return contact
        now = timezone.now()
        is_same = constant_time_compare(_digest(contact, "".join(code.split())), contact.code_digest)
        decision = policy.code_counts(is_same=is_same, until=contact.code_until, tries=contact.code_tries, now=now)
        if decision.outcome == policy.ALLOWED:
            amend(contact, verified_at=now, code_digest="", code_until=None, code_tries=0)
            _note(contact, "contact_verified")
        else:
            # Kept although the code is refused, so the refusal is raised outside.
            amend(contact, code_tries=min(contact.code_tries + 1, policy.MOST_TRIES))
    require(decision, Unprocessable, field="code")
    return contact


@transaction.atomic
def remove_contact(person: User, pk: int) -> None:
    """Forget an address: what waits for it is called off, and takes the account's e-mail if it has no other way."""
    contact = own(person, pk, lock=True)
    now = timezone.now()
    outbox.cancel_to(contact.kind, contact.address, key_end=f"+{contact.way}", at=now)
    _note(contact, "contact_removed")
    preference = Preference.objects.filter(user=person).first()
    if preference is not None:
        ways = {urgency: [word for word in words if word != contact.way] for urgency, words in preference.ways.items()}
        _amend(person, actor=person.actor, ways=_with_a_way(ways))
    contact.delete()


def _with_a_way(ways: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same, where what must arrive goes to the account's e-mail when nothing else is left."""
    return {one: words or ([ACCOUNT] if one in policy.NEEDED else []) for one, words in ways.items()}


def own(person: User, pk: int, *, lock: bool = False) -> Contact:
    """An address of this person; raises Missing for anybody else's."""
    rows = Contact.objects.select_for_update() if lock else Contact.objects.all()
    contact = rows.filter(user=person, pk=pk).first()
    if contact is None:
        raise Missing("not_found", "This address is not there any more.")
    return contact


def _note(contact: Contact, verb: str) -> None:
    # Addresses are no business of the ledger, which outlives a person's wish to be forgotten.
    now = timezone.now()
    facts: dict[str, object] = {"contact": contact.pk, "kind": contact.kind}
    record(contact.user.ref, Happening(verb, contact.user.actor, now, facts), at=now)


@transaction.atomic
def send_test(person: User, word: str) -> None:
    """Send somebody a test on one of their own ways. Raises Unprocessable("unknown_way"), TooMany("tests_are_few")."""
    _one_at_a_time(person)
    way = next((one for one in queries.addressee(person).ways if one.word == word), None)
    if way is None:
        raise Unprocessable("unknown_way", "This is no verified way to reach you.", field="way")
    now = timezone.now()
    last = next((one for one in queries.tests_of(person) if one.dedup_key.endswith(f"+{word}")), None)
    if last is not None and now < last.created_at + policy.BETWEEN_TESTS:
        wait = int((last.created_at + policy.BETWEEN_TESTS - now).total_seconds()) + 1
        raise TooMany("tests_are_few", f"A test was sent just now. Send another in {wait} seconds.", wait=wait)
    outbox.enqueue(messages.test_message(way, user_id=person.pk, at=now), at=now)

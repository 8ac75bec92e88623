"""What is to be said to one person, before anybody knows where and when they read it."""

from dataclasses import dataclass, replace
from datetime import datetime

from accounts.contacts.policy import Urgency


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to the user with the id `to`; `accounts.contacts.actions.tell` sends it as the person wants.

    `dedup_key` says what it is and whom it is for: the same key twice is one message. `subject` is the ref of what it
    is about; `topic` groups what `call_off` calls off together. The first line of `text` says who must do what by when,
    with the link. `due` is when what it asks for is too late, if it asks for something. It is told as if
    it had been decided at `not_before`, when that is later.
    """

    to: int
    urgency: Urgency
    dedup_key: str
    title: str
    text: str
    subject: str = ""
    topic: str = ""
    due: datetime | None = None
    not_before: datetime | None = None

    def until(self, due: datetime) -> "Letter":
        """The same, where what it asks for is too late after `due`."""
        return replace(self, due=due)

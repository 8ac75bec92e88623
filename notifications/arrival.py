"""What is written down when a provider took a message: the usual ending, in one statement where the database can.

Everything else that may become of a message, and the rules about it, is in `notifications.relay`.
"""

from datetime import datetime

import orjson
from django.db import connection

from notifications import tallies
from notifications.models import Message, Tally
from notifications.policy import SENT, Try
from workflow.statements import fetch

_ARRIVED = """
WITH done AS (
    UPDATE notifications_message SET state = 'sent', tries = tries || %s::jsonb, due_at = %s, lease_until = NULL,
        last_error = '', sent_at = %s, provider_ref = %s
    WHERE id = %s AND state = 'sending' AND attempt = %s RETURNING channel)
INSERT INTO notifications_tally (channel, kind, word, count)
SELECT done.channel, new.kind, new.word, new.count
FROM done, unnest(%s::text[], %s::text[], %s::bigint[]) AS new (kind, word, count) RETURNING 1
"""


def can_write() -> bool:
    """Whether this database can do `write`: SQLite cannot write in a WITH."""
    return connection.vendor == "postgresql"


def write(pk: int, attempt: int, attempted: Try, *, ref: str, at: datetime, since: datetime) -> bool:
    """Note that this attempt arrived, with the tallies; False when it is no longer the message's own.

    `since` is what its latency is counted from.
    """
    seconds = (at - since).total_seconds()
    counted = [(Tally.Kind.STATE, Message.State.SENT, 1), (Tally.Kind.VERDICT, SENT, 1), *tallies.latency(seconds)]
    kinds, words, counts = ([*column] for column in zip(*counted, strict=True))
    given = [orjson.dumps([attempted]).decode(), at, at, ref, pk, attempt]
    return bool(fetch(_ARRIVED, [*given, [*map(str, kinds)], [*map(str, words)], counts]))

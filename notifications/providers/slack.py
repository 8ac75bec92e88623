"""Slack, by a bot's token: messages in channels, changed in place when something newer is to be said."""

import http.client
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient

from notifications.parts import Line, Part
from notifications.providers.answers import seconds_of, shortened
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent, Verdict

SECONDS = 8
"""How long Slack may be silent; the relay ends the attempt as a whole."""
PATIENCE = 30.0
"""How long to wait when Slack says that it is asked too often, but not for how long."""
LONGEST_TEXT = 3_000
"""What Slack takes in one section of a message, in characters."""
MOST_SECTIONS = 10
LONGEST_LINE = 250
"""Longer words of a line are cut. Escaped they are five times as long at most, and so two of them fit a section."""
MOST_BLOCKS = 50
"""How many blocks Slack takes in one message."""
CUT_OFF = "_More did not fit._"
TOO_OFTEN = {"ratelimited", "rate_limited"}
PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed"}
"""Slack's words for a message that cannot be changed any more; then a new one is posted."""
CODE = re.compile(r"[a-z0-9_]{1,60}")
WORDS = {
    "channel_not_found": "Slack knows no channel {to}, or the app may not see it. Invite the app to the channel.",
    "not_in_channel": "The app is not in {to}. Invite it to the channel.",
    "is_archived": "The channel {to} is archived.",
    "missing_scope": "The Slack app lacks the scope chat:write. Add it and install the app again.",
    "restricted_action": "The workspace does not let the app post to {to}.",
    "msg_too_long": "The message is too long for Slack.",
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        "Slack does not accept SLACK_BOT_TOKEN. Set a valid one.",
    ),
}
# Slack's client would log bodies and addresses at levels of its own; the delivery log says what happened.
_quiet = logging.getLogger("decklog.slack")
_quiet.setLevel(logging.CRITICAL)


class SlackProvider:
    """Posts a parcel to a channel, by its name or id, or changes the message whose place it takes.

    `Sent.ref` is the channel's id and the message's timestamp. Slack drops no duplicates: a message whose answer got
    lost is posted again.
    """

    def deliver(self, parcel: Parcel) -> Verdict:
        """Post or change it; raises NoAnswer or OSError when it should be tried again."""
        # Retries are the relay's: a second owner of them would post twice and outlast the attempt.
        client = WebClient(
            token=settings.SLACK_BOT_TOKEN,
            base_url=settings.SLACK_API_URL,
            timeout=SECONDS,
            retry_handlers=[],
            logger=_quiet,
        )
        try:
            answer = _changed(client, parcel) or client.chat_postMessage(channel=parcel.recipient, **_content(parcel))
        except SlackApiError as refused:
            return _judge(refused.response, parcel)
        except (SlackClientError, http.client.HTTPException, ValueError) as failure:
            raise NoAnswer(f"Slack's answer broke off: {type(failure).__name__}.") from failure
        return Sent(ref=f"{answer['channel']}:{answer['ts']}", answer="200 ok")


def _changed(client: WebClient, parcel: Parcel) -> Any:
    """Slack's answer to changing the message that the parcel replaces; None when there is none to change."""
    channel, _, moment = parcel.replaces.partition(":")
    if not moment:
        return None
    try:
        return client.chat_update(channel=channel, ts=moment, **_content(parcel))
    except SlackApiError as refused:
        if _code(refused.response) in GONE:
            return None
        raise


def _content(parcel: Parcel) -> dict[str, Any]:
    title, text = escape(" ".join(parcel.title.split())), escape(parcel.text)
    pieces = [text[start : start + LONGEST_TEXT] for start in range(0, len(text), LONGEST_TEXT)][:MOST_SECTIONS]
    heading, fallback = f"*{shortened(title, LONGEST_TEXT - 2)}*", shortened(f"{title}\n{text}", LONGEST_TEXT)
    if parcel.parts:
        blocks = blocks_of(heading, parcel.parts)
    else:
        blocks = [_section(words) for words in (heading, *(piece for piece in pieces if piece.strip()))]
    return {
        "text": fallback,
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def blocks_of(heading: str, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The blocks of a message in Slack's own form, within its limits; what did not fit is said.

    They are verbatim, so nothing in them becomes a link or calls anybody unless we wrote it as one.
    """
    words = [heading, *(section for part in parts for section in _sections(part))]
    if len(words) > MOST_BLOCKS:
        words = [*words[: MOST_BLOCKS - 1], CUT_OFF]
    return [_section(section, verbatim=True) for section in words]


def _section(words: str, **more: bool) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": words, **more}}


def _sections(part: Part) -> Iterator[str]:
    """The part in as many sections as it takes; a line is never torn apart."""
    bullet = "• " if part.is_list else ""
    lines = [f"*{escape(' '.join(part.heading.split()))}*"] if part.heading else []
    lines += [f"{bullet}{_marked(line)}" for line in part.lines]
    section = ""
    for line in lines:
        if section and len(section) + 1 + len(line) > LONGEST_TEXT:
            yield section
            section = ""
        section = f"{section}\n{line}" if section else line
    if section:
        yield section


def _marked(line: Line) -> str:
    # Cut before it is escaped: half of an entity or of a link would be shown as it is.
    label, text = (escape(shortened(" ".join(words.split()), LONGEST_LINE)) for words in (line.label, line.text))
    return " ".join(filter(None, (f"<{escape(line.url)}|{label}>" if line.url else label, text)))


def escape(text: str) -> str:
    """The text as Slack wants it, so that nothing in it calls a person, a channel or everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(response: Any) -> str:
    """Slack's word for an error; "" when the answer was not Slack's, for the client then puts all of it there."""
    answer = getattr(response, "data", None)
    code = str(answer.get("error", "")) if isinstance(answer, dict) else ""
    return code if CODE.fullmatch(code) else ""


def _judge(response: Any, parcel: Parcel) -> Verdict:
    status, code = int(getattr(response, "status_code", 0) or 0), _code(response)
    headers = {name.lower(): value for name, value in dict(getattr(response, "headers", {}) or {}).items()}
    if status == 429 or code in TOO_OFTEN:
        asked = seconds_of(headers.get("retry-after"))
        return RetryAfter(PATIENCE if asked is None else asked, f"{status or 429} Slack is asked too often.")
    if status >= 500 or code in PASSING or not code:
        raise NoAnswer(f"{status or 'No'} answer of Slack {code}".strip() + ".")
    return Rejected(WORDS.get(code, "Slack refuses it: {code}.").format(to=parcel.recipient, code=code))

"""E-mail over SMTP, through Django's mail backend."""

import hashlib
import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from notifications.providers import markup
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, Sent, Verdict

_Reply = tuple[int, bytes | str]


class EmailProvider:
    """Sends a parcel to one address.

    A server that answers 4xx or not at all will be asked again; 5xx about this very mail is final. 5xx about us
    (sign-in, greeting) is not: that is mended in the settings while the mail waits.
    """

    def deliver(self, parcel: Parcel) -> Verdict:
        """Send it; raises NoAnswer or OSError when it should be tried again."""
        mail = compose(parcel)
        mail.connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
        try:
            # Django sends nothing, and says so by a zero only, when the address is empty.
            is_sent = bool(mail.send())
        except smtplib.SMTPRecipientsRefused as refused:
            return _judge(next(iter(refused.recipients.values())))
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as refused:
            return _judge((refused.smtp_code, refused.smtp_error))
        except smtplib.SMTPNotSupportedError:
            return Rejected("The mail server cannot take an address with these letters.")
        except smtplib.SMTPResponseException as unable:
            raise NoAnswer(_in_words((unable.smtp_code, unable.smtp_error))) from unable
        except ValueError as unusable:
            return Rejected(f"This cannot be made into a mail: {unusable}")
        if not is_sent:
            return Rejected("There is no address to send it to.")
        return Sent(ref=message_id(parcel.dedup_key), answer="250 accepted")


def compose(parcel: Parcel) -> EmailMultiAlternatives:
    """The mail for a parcel: plain text, and the same as HTML beside it."""
    mail = EmailMultiAlternatives(
        subject=" ".join(parcel.title.split()),
        body=parcel.text,
        to=[parcel.recipient],
        headers={
            "Message-ID": message_id(parcel.dedup_key),
            "Auto-Submitted": "auto-generated",
            **_unsubscribing(parcel.unsubscribe),
        },
    )
    mail.attach_alternative(parcel.html or markup.page(parcel), "text/html")
    return mail


def _unsubscribing(address: str) -> dict[str, str]:
    """The headers with which a mail program offers to turn such mails off, by RFC 2369 and RFC 8058."""
    if not address:
        return {}
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def message_id(dedup_key: str) -> str:
    """The Message-ID of every attempt to send this message, so that a receiver can drop what it has already."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"<{hashlib.sha256(dedup_key.encode()).hexdigest()[:40]}@{host}>"


def _judge(reply: _Reply) -> Verdict:
    # 530 asks us to sign in first: a matter of the settings, not of this mail.
    if reply[0] >= 500 and reply[0] != 530:
        return Rejected(_in_words(reply))
    raise NoAnswer(_in_words(reply))


def _in_words(reply: _Reply) -> str:
    code, text = reply
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:300]

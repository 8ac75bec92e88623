"""Signed webhooks to endpoints of the settings, which reach nothing that an outsider could not reach as well.

An endpoint gets a JSON object whose `text` is in Slack's markup, so a Slack's incoming webhook is one too. When it has
a key, `X-Decklog-Signature` is `v1=` and the hexadecimal HMAC-SHA256 of `X-Decklog-Timestamp`, a full stop and the raw
body. `X-Decklog-Id` is the same at every attempt.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from notifications.providers.answers import one_line, seconds_of
from notifications.providers.protocol import NoAnswer, Parcel, Rejected, RetryAfter, Sent, Verdict

SECONDS = 10.0
"""How long one call may take in all, however slowly the answer drips."""
CONNECT_SECONDS, MOST_ADDRESSES = 3.0, 3
"""How long each of the addresses of a name gets to take the call, and how many are tried."""
LONGEST_ANSWER = 4_096
"""How many bytes of an answer are read."""
PASSING = {408, 425, 429}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Forbidden(Exception):
    """The endpoint is somewhere that webhooks may not call."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to call, the key that signs it ("" for none), and the addresses that are allowed though not public."""

    url: SplitResult
    key: str
    allowed: Sequence[Network]


class WebhookProvider:
    """Posts a parcel to the endpoint of the settings that its recipient names. No sentence repeats an address."""

    def deliver(self, parcel: Parcel) -> Verdict:
        """Post it; raises NoAnswer or OSError when it should be tried again."""
        endpoint = endpoint_named(parcel.recipient)
        if endpoint is None:
            return Rejected(f"The settings name no webhook “{parcel.recipient}”.")
        body = _body(parcel)
        try:
            with _called(endpoint, body, _headers(parcel, endpoint, body)) as response:
                words = one_line(response.read(LONGEST_ANSWER).decode("utf-8", "replace"), secrets=_secrets(endpoint))
        except Forbidden as refused:
            return Rejected(str(refused))
        except (TimeoutError, http.client.HTTPException) as failure:
            raise NoAnswer(f"The endpoint did not answer properly: {type(failure).__name__}.") from failure
        return _judge(response, words)


def endpoint_named(name: str) -> Endpoint | None:
    """The endpoint of this name in the settings; None when there is none.

    An address that stands in an operator's own setting is allowed by that; a name must lead to a public one, or to one
    that WEBHOOK_ALLOWED_ADDRESSES contains.
    """
    found = settings.WEBHOOKS.get(name)
    if found is None:
        return None
    url = urlsplit(found["url"])
    networks = [ipaddress.ip_network(word) for word in (*settings.WEBHOOK_ALLOWED_ADDRESSES, *_own(url.hostname or ""))]
    return Endpoint(url, found["key"], networks)


def _own(host: str) -> list[str]:
    if host == "localhost":
        return ["127.0.0.0/8", "::1"]
    try:
        written = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if written.is_link_local else [str(written)]


def may_call(address: Address, *, allowed: Sequence[Network], is_encrypted: bool) -> bool:
    """Whether a webhook may go to this address: public, or allowed; without encryption only to this machine."""
    plain = getattr(address, "ipv4_mapped", None) or address
    is_allowed = any(plain in network for network in allowed)
    if not is_encrypted:
        return is_allowed and plain.is_loopback
    return is_allowed or (plain.is_global and not plain.is_multicast and not _leads_inside(plain))


def _leads_inside(address: Address) -> bool:
    """Whether an IPv6 address carries an IPv4 one, through which a network might lead to where it must not."""
    if not isinstance(address, ipaddress.IPv6Address):
        return False
    return bool(address.sixtofour or address.teredo) or address in ipaddress.ip_network("64:ff9b::/96")


# --- The call ------------------------------------------------------------------------------------------------------


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was judged, whatever the name means a moment later."""

    def __init__(self, endpoint: Endpoint, addresses: Sequence[str]) -> None:
        port = endpoint.url.port or (443 if endpoint.url.scheme == "https" else 80)
        super().__init__(endpoint.url.hostname or "", port, timeout=SECONDS)
        self._addresses, self._is_encrypted = addresses, endpoint.url.scheme == "https"

    def connect(self) -> None:
        """Connect to the first judged address that takes it; the certificate must still be the name's."""
        self.sock = self._first_that_answers()
        self.sock.settimeout(self.timeout)
        if self._is_encrypted:
            context = ssl.create_default_context()
            # The handshake comes after the assignment, so that whoever ends the call early has the socket in hand.
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock.do_handshake()

    def _first_that_answers(self) -> socket.socket:
        for address in self._addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, self.port), CONNECT_SECONDS)
        return socket.create_connection((self._addresses[-1], self.port), CONNECT_SECONDS)

    def hang_up(self) -> None:
        """End whatever waits for this connection, from another thread."""
        try:
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            self.close()


@contextmanager
def _called(endpoint: Endpoint, body: bytes, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The answer to one POST, all of it within SECONDS. Redirects are answers: they would lead elsewhere."""
    connection = _Pinned(endpoint, _judged_addresses(endpoint)[:MOST_ADDRESSES])
    # A socket's timeout begins anew with each byte, so a slow drip needs somebody with a watch.
    watch = threading.Timer(SECONDS, connection.hang_up)
    watch.daemon = True
    watch.start()
    try:
        path = endpoint.url.path or "/"
        connection.request("POST", f"{path}?{endpoint.url.query}" if endpoint.url.query else path, body, headers)
        yield connection.getresponse()
    finally:
        watch.cancel()
        connection.close()


def _judged_addresses(endpoint: Endpoint) -> list[str]:
    host, is_encrypted = endpoint.url.hostname or "", endpoint.url.scheme == "https"
    found = socket.getaddrinfo(host, endpoint.url.port or 443, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    good = [
        str(address) for address in addresses if may_call(address, allowed=endpoint.allowed, is_encrypted=is_encrypted)
    ]
    if good:
        return good
    if not is_encrypted:
        raise Forbidden("The endpoint is not encrypted. Its address must begin with https://.")
    raise Forbidden(
        "The endpoint is inside a private network. Add its address to WEBHOOK_ALLOWED_ADDRESSES if that is meant."
    )


# --- What is said --------------------------------------------------------------------------------------------------


def _body(parcel: Parcel) -> bytes:
    text = f"*{' '.join(parcel.title.split())}*\n{parcel.text}"
    marked = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"id": _id(parcel), "about": parcel.subject, "title": parcel.title, "text": marked}).encode()


def _id(parcel: Parcel) -> str:
    return hashlib.sha256(parcel.dedup_key.encode()).hexdigest()[:40]


def _headers(parcel: Parcel, endpoint: Endpoint, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Decklog",
        "Connection": "close",
        "X-Decklog-Id": _id(parcel),
        "X-Decklog-Timestamp": str(int(time.time())),
    }
    if endpoint.key:
        headers["X-Decklog-Signature"] = signature(endpoint.key, headers["X-Decklog-Timestamp"], body)
    return headers


def signature(key: str, timestamp: str, body: bytes) -> str:
    """What proves to the holder of the key that this body was sent by us at this time."""
    return "v1=" + hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _secrets(endpoint: Endpoint) -> list[str]:
    return [endpoint.key, endpoint.url.path.strip("/"), endpoint.url.query]


def _judge(response: http.client.HTTPResponse, words: str) -> Verdict:
    status = response.status
    said = f"{status} {words}".strip()
    if 200 <= status < 300:
        return Sent(answer=said)
    wait = seconds_of(response.getheader("Retry-After"))
    if wait is not None and (status in PASSING or status == 503):
        return RetryAfter(wait, said)
    if status in PASSING or status >= 500:
        raise NoAnswer(said)
    if 300 <= status < 400:
        return Rejected(f"{status} The endpoint has moved. Write its present address into the settings.")
    return Rejected(said)

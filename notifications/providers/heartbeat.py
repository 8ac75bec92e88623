"""The ping to a service outside, which raises an alarm when no more pings come."""

import http.client
import ssl
import threading
from urllib.parse import urlsplit

SECONDS = 5.0
"""How long each step of a ping may take."""
ALL_SECONDS = 10.0
"""How long a ping may take in all, however slowly the answer drips."""


def ping(address: str) -> str:
    """Ask for `address`; "" when it was taken, else a sentence why not. It holds no part of the address, a secret.

    Follows no redirect: a service that moved is one that the operator should look at.
    """
    ends: list[str] = []
    # A socket timeout starts anew with each byte; only a thread of its own bounds what a slow drip may take.
    attempt = threading.Thread(target=lambda: ends.append(_ask(address)), name="heartbeat", daemon=True)
    attempt.start()
    attempt.join(ALL_SECONDS)
    return ends[0] if ends else f"No answer within {ALL_SECONDS:.0f} seconds."


def _ask(address: str) -> str:
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=SECONDS)
    try:
        connection.request("GET", (url.path or "/") + (f"?{url.query}" if url.query else ""))
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError:
        return "Its certificate is not valid."
    except Exception as failure:  # noqa: BLE001 - whatever the trouble is, the watch goes on
        return f"It did not answer: {type(failure).__name__}."
    finally:
        connection.close()
    if 200 <= status < 300:
        return ""
    return "It redirects, which is not followed." if 300 <= status < 400 else f"It answered {status}."

"""The rows that both sides are filled with: the same numbers of the same things, spread over the same 90 days.

Row 1 is the oldest. A service has every fiftieth row, 85 of 100 succeeded, and one in a thousand has the rare word, so
that a list of one service's successes over 18 % of the time has 306 matches of 100,000 rows and 3,060 of a million.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SERVICES = [f"service-{number:02}" for number in range(50)]
ENVIRONMENTS = ["production", "uat", "staging"]
RARE_WORD = "zanzibar"
DAYS = 90
END = datetime(2026, 11, 1, tzinfo=UTC)
START = END - timedelta(days=DAYS)
SINCE = START + timedelta(days=DAYS) * 0.5
UNTIL = START + timedelta(days=DAYS) * 0.68
FRESH_END = END + timedelta(days=2)
PROSE = """
cart checkout payment invoice refund ledger search index cache queue retry timeout header token session login export
import report chart filter sorting paging locale currency rounding discount coupon basket shipping address carrier
tracking webhook callback signature rotation schedule reminder digest summary layout button dialog banner contrast
"""
VOCABULARY = PROSE.split()
TEXTS = 997


@dataclass(frozen=True, slots=True)
class Span:
    """Rows `first … last`, spread evenly over [start, end)."""

    first: int
    last: int
    start: datetime
    end: datetime


def history(rows: int) -> Span:
    """The rows that are there from the beginning."""
    return Span(1, rows, START, END)


def fresh(rows: int) -> Span:
    """Rows that arrive in bulk later, newer than all of history and far above every number that was given before."""
    return Span(1_000_000_001, 1_000_000_000 + rows, END, FRESH_END)


def texts() -> list[tuple[int, str]]:
    """Descriptions of about 140 characters, numbered from 0."""
    return [(number, _text(number)) for number in range(TEXTS)]


def _text(number: int) -> str:
    words = [VOCABULARY[(number * 31 + place * place * 7 + place) % len(VOCABULARY)] for place in range(19)]
    return " ".join(words).capitalize()[:139] + "."


DEED = f"""
CREATE TEMPORARY TABLE deed AS
SELECT i,
    (i * 19) %% 50 AS service,
    (i / 7) %% 3 AS environment,
    CASE WHEN ((i / 50) * 37) %% 100 < 85 THEN 'succeeded' WHEN ((i / 50) * 37) %% 100 < 93 THEN 'failed'
         WHEN ((i / 50) * 37) %% 100 < 97 THEN 'rolled_back' ELSE 'cancelled' END AS status,
    '2.' || (i / 1000) %% 100 || '.' || i %% 1000 AS version,
    md5(i::text) || substr(md5((-i)::text), 1, 8) AS sha,
    %(start)s::timestamptz + (%(end)s::timestamptz - %(start)s::timestamptz)
        * ((i - %(first)s) / (%(last)s - %(first)s + 1)::float8) AS at,
    words || CASE WHEN i %% 1000 = 500 THEN ' {RARE_WORD}' ELSE '' END AS text
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i JOIN saying ON saying.number = i %% {TEXTS}
"""
"""Makes the rows as a temporary table `deed`, out of the temporary table `saying`; takes the parts of a Span."""

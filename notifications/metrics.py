"""The outbox in Prometheus' words, from SQL at each scrape, so that every web process answers alike.

What is on its way is counted, since it is little. What is final is never counted: the relay leaves a tally with each
move, in the same transaction, and the scrape adds up the few rows that these are folded into.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifications import queries, relay
from notifications.models import Tally
from notifications.policy import CRASHED, FAILED, REJECTED, RETRY_AFTER, SENT
from notifications.providers import PROVIDERS

VERDICTS = (SENT, RETRY_AFTER, REJECTED, FAILED, CRASHED)


class OutboxCollector(Collector):
    """Reads the database when it is asked; raises django.db errors when that is away."""

    def collect(self) -> Iterator[Metric]:
        """The three families of the outbox; a channel with a provider is there even while it is idle."""
        rows = queries.waiting()
        finals = queries.tallied(Tally.Kind.STATE)
        attempts = queries.tallied(Tally.Kind.VERDICT)
        at = relay.now()
        channels = sorted(
            {*PROVIDERS, *(row.channel for row in rows), *(channel for channel, _ in (*finals, *attempts))}
        )

        messages = GaugeMetricFamily(
            "decklog_outbox_messages",
            "Messages by state; the final states since the beginning.",
            labels=["channel", "state"],
        )
        oldest = GaugeMetricFamily(
            "decklog_outbox_oldest_seconds", "How long the oldest message on its way has waited.", labels=["channel"]
        )
        ended = CounterMetricFamily(
            "decklog_outbox_attempts", "Attempts by how they ended.", labels=["channel", "verdict"]
        )
        for channel in channels:
            own = [row for row in rows if row.channel == channel]
            for state in queries.OPEN:
                messages.add_metric([channel, state], sum(row.count for row in own if row.state == state))
            for state in sorted(relay.FINAL):
                messages.add_metric([channel, state], finals.get((channel, state), 0))
            oldest.add_metric([channel], queries.oldest_seconds(own, at=at))
            for verdict in VERDICTS:
                ended.add_metric([channel, verdict], attempts.get((channel, verdict), 0))
        yield from (messages, oldest, ended)

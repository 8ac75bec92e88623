"""The outbox in Prometheus' words, from SQL at each scrape, so that every web process answers alike.

What is on its way is counted, since it is little. What is final is never counted: the relay leaves a tally with each
move, in the same transaction, and the scrape adds up the few rows that these are folded into.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from notifications import queries, relay, tallies
from notifications.models import Tally
from notifications.policy import CRASHED, FAILED, REJECTED, RETRY_AFTER, SENT
from notifications.providers import PROVIDERS

VERDICTS = (SENT, RETRY_AFTER, REJECTED, FAILED, CRASHED)


class OutboxCollector(Collector):
    """Reads the database when it is asked; raises django.db errors when that is away."""

    def collect(self) -> Iterator[Metric]:
        """The families of the outbox; a channel with a provider is there even while it is idle."""
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
        yield from (messages, oldest, ended, _latencies(channels), *_self_watch())


def _latencies(channels: Sequence[str]) -> Metric:
    """A histogram for each channel, from the few tallies that the latencies are folded into."""
    family = HistogramMetricFamily(
        "decklog_outbox_latency_seconds",
        "From when a message was due to when it was sent, by the database's clock.",
        labels=["channel"],
    )
    found = queries.tallied(Tally.Kind.LATENCY)
    words = [*(str(bound) for bound in tallies.BUCKETS), tallies.BEYOND]
    for channel in channels:
        heights = accumulate(found.get((channel, word), 0) for word in words)
        total = found.get((channel, tallies.MILLISECONDS), 0) / 1000
        family.add_metric([channel], list(zip(words, heights, strict=True)), total)
    return family


def _self_watch() -> Iterator[Metric]:
    """When the last canary arrived and the last ping was taken, as seconds since 1970; 0 for never."""
    found = queries.health().watched
    for name, text, moment in (
        ("canary_arrived", "When the last canary arrived.", found.arrived_at),
        ("heartbeat_taken", "When the service behind HEARTBEAT_URL last took a ping.", found.pinged_at),
    ):
        yield GaugeMetricFamily(f"decklog_{name}_seconds", text, value=moment.timestamp() if moment else 0)

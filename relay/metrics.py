"""Prometheus metrics, read at scrape time from counts that the relay keeps anyway."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relay.edge.counters import Counters
from relay.edge.roster import Roster
from relay.room.hub import Hub

if TYPE_CHECKING:
    from relay.edge.nats.cluster import Cluster


class RelayCollector(Collector):
    """The relay's own metrics; `history_bytes` tells what all logs hold.

    `limits` are those of connections and memory. `cluster` is this relay among others; None:
    there are none.
    """

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        counters: Counters,
        history_bytes: Callable[[], int],
        limits: Mapping[str, int],
        cluster: "Cluster | None" = None,
    ) -> None:
        self._limits = limits
        self._cluster = cluster
        self._hub = hub
        self._roster = roster
        self._counters = counters
        self._history_bytes = history_bytes

    def collect(self) -> Iterator[Metric]:
        account = self._roster.account
        waiting = sum(room.is_waiting for room in list(self._hub.rooms.values()))
        totals, roster, counters = self._hub.totals, self._roster, self._counters
        for name, meaning, value in (
            ("connections", "open WebSockets", len(roster.clients)),
            ("rooms", "rooms that have members or history", len(self._hub.rooms)),
            (
                "unfinished_bytes",
                "received of messages that have not ended",
                account.unfinished,
            ),
            ("batch_bytes", "published, and in a log or a backlog", account.batches),
            ("held_bytes", "all that is held for clients: it decides who is let in", account.held),
            ("history_bytes", "what all rooms' logs hold", self._history_bytes()),
            ("event_loop_delay_seconds", "how late the event loop was", counters.loop_delay),
            (
                "handover_frozen_seconds",
                "for how long nobody was served when this process took over; 0: it did not",
                counters.handover.frozen if counters.handover else 0,
            ),
            ("waiting_rooms", "rooms that wait for slow receivers", waiting),
            *((name, "its limit here", value) for name, value in self._limits.items()),
        ):
            yield GaugeMetricFamily(f"relay_{name}", meaning, value=value)
        for name, meaning, value in (
            ("arrived", "WebSockets accepted", roster.arrived),
            ("messages", "messages accepted from senders", totals.messages),
            ("message_bytes", "bytes of their frames", totals.bytes),
            ("batches", "batches appended to rooms' logs", totals.batches),
            ("deliveries", "messages handed to members", totals.deliveries),
            ("delivered_bytes", "bytes of frames handed to members", totals.delivered_bytes),
            ("skipped", "messages that members with lag=skip missed", totals.skipped),
            ("waits", "times a room made its senders wait", totals.waits),
            ("handovers", "times a process took over from another", counters.handovers),
            ("slowed", "times a client was read later, for its rates", roster.slowed),
            ("slowed_seconds", "for how long, in all", roster.slowed_seconds),
        ):
            yield CounterMetricFamily(f"relay_{name}", meaning, value=value)
        if self._cluster is not None:
            yield from _of_cluster(self._cluster)
        left = CounterMetricFamily("relay_left", "WebSockets ended, by reason", labels=["reason"])
        for reason, count in roster.left.items():
            left.add_metric([reason], count)
        yield left
        refused = CounterMetricFamily("relay_refused", "requests refused", labels=["status"])
        for status, count in counters.refused.items():
            refused.add_metric([str(status)], count)
        yield refused


def _of_cluster(cluster: "Cluster") -> Iterator[Metric]:
    """Yield what there is to know of a log that relays share."""
    rooms = cluster.rooms
    for name, meaning, value in (
        ("nats_up", "1 while NATS is there", 0 if cluster.is_away else 1),
        ("log_unacknowledged", "batches whose place in the log is not known yet", rooms.under_way),
    ):
        yield GaugeMetricFamily(f"relay_{name}", meaning, value=value)
    latency = GaugeMetricFamily(
        "relay_log_latency_seconds", "how long the last 512 appends took", labels=["quantile"]
    )
    for quantile in (0.5, 0.99):
        latency.add_metric([str(quantile)], rooms.latency.quantile(quantile))
    yield latency
    members = GaugeMetricFamily(
        "relay_peer_connections", "open WebSockets of each other relay", labels=["relay"]
    )
    for relay, count in cluster.peers.members.items():
        members.add_metric([relay], count)
    yield members
    for name, meaning, value in (
        (
            "log_appends",
            "batches that the shared log has given a place",
            rooms.latency.count,
        ),
        ("log_foreign", "messages in rooms' subjects that were no entries", rooms.foreign),
        ("log_stale", "entries that NATS gave a place that was taken: appended again", rooms.stale),
        ("log_refused", "batches that NATS did not take at first", rooms.refused),
    ):
        yield CounterMetricFamily(f"relay_{name}", meaning, value=value)


def registry(collector: Collector) -> CollectorRegistry:
    """Return a registry of this collector and what the process itself tells."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry

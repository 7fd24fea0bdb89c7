"""Prometheus metrics, read at scrape time from counts that the relay keeps anyway."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from relay.edge.roster import Roster
from relay.edge.watch import Watch
from relay.room.hub import Hub


class RelayCollector(Collector):
    """The relay's own metrics; `history_bytes` tells what all logs hold.

    `limits` are those of connections and memory.
    """

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        watch: Watch,
        history_bytes: Callable[[], int],
        limits: Mapping[str, int],
    ) -> None:
        self._limits = limits
        self._hub = hub
        self._roster = roster
        self._watch = watch
        self._history_bytes = history_bytes

    def collect(self) -> Iterator[Metric]:
        account = self._roster.account
        waiting = sum(room.is_waiting for room in list(self._hub.rooms.values()))
        totals, roster, watch = self._hub.totals, self._roster, self._watch
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
            ("event_loop_delay_seconds", "how late the event loop was", watch.loop_delay),
            (
                "handover_frozen_seconds",
                "for how long nobody was served when this process took over; 0: it did not",
                watch.handover.frozen if watch.handover else 0,
            ),
            ("waiting_rooms", "rooms that wait for slow receivers", waiting),
            *((name, "what it may have", value) for name, value in self._limits.items()),
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
            ("handovers", "times a process took over from another", watch.handovers),
            ("slowed", "times a client was read later, for its rates", roster.slowed),
            ("slowed_seconds", "for how long, in all", roster.slowed_seconds),
        ):
            yield CounterMetricFamily(f"relay_{name}", meaning, value=value)
        left = CounterMetricFamily("relay_left", "WebSockets ended, by reason", labels=["reason"])
        for reason, count in roster.left.items():
            left.add_metric([reason], count)
        yield left
        refused = CounterMetricFamily("relay_refused", "requests refused", labels=["status"])
        for status, count in watch.refused.items():
            refused.add_metric([str(status)], count)
        yield refused


def registry(collector: Collector) -> CollectorRegistry:
    """Return a registry of this collector and what the process itself tells."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry

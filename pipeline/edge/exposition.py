"""The agent's state as a page for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipeline.edge.status import Status
from schemas.clock import SECOND_US, from_rfc3339

_PREFIX = "silhouette_edge_"
_COUNTERS = {
    "clips": "Clips that were cut.",
    "reencoded": "Clips that had to be encoded again.",
    "sent": "Clips that Pub/Sub acknowledged.",
    "connections": "How often the source was opened.",
}
_GAUGES = {
    "connected": "1 while pictures come.",
    "spool_clips": "Clips in the spool.",
    "spool_bytes": "Bytes in the spool.",
}


class StatusCollector(Collector):
    """Turns a snapshot into metrics each time that it is asked.

    Args:
      snapshot: Returns the state.
    """

    def __init__(self, snapshot: Callable[[], Status]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics: of the agent, then of each camera."""
        status = self._snapshot()
        yield _gauge("clock_offset_seconds", "What the system's clock is ahead.", status.clock_offset_us / SECOND_US)
        yield _gauge("clock_synchronised", "1 while something keeps the clock right.", status.clock_synchronised)
        yield _gauge("clock_healthy", "1 while capture times can be trusted.", status.clock_healthy)
        yield _gauge("spool_limit_bytes", "Bound of the spool.", status.spool_most_bytes)
        yield _gauge("spool_unread_clips", "Clips whose files could not be read.", status.spool_unread)
        failures = CounterMetricFamily(_PREFIX + "publish_failures", "How often sending failed.")
        failures.add_metric([], status.publish_failures)
        yield failures
        for names, family in ((_COUNTERS, CounterMetricFamily), (_GAUGES, GaugeMetricFamily)):
            for name, text in names.items():
                metric = family(_PREFIX + name, text, labels=["camera"])
                for camera, known in status.cameras.items():
                    metric.add_metric([camera], float(getattr(known, name)))
                yield metric
        dropped = CounterMetricFamily(_PREFIX + "dropped", "Clips that were given up.", labels=["camera", "reason"])
        ends = GaugeMetricFamily(
            _PREFIX + "last_clip_end_seconds", "Capture end of the last clip, Unix time.", labels=["camera"]
        )
        for camera, known in status.cameras.items():
            for reason, count in known.dropped.items():
                dropped.add_metric([camera, reason], count)
            if known.last_clip_end:
                ends.add_metric([camera], from_rfc3339(known.last_clip_end) / SECOND_US)
        yield dropped
        yield ends


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, text, value=float(value))


@contextmanager
def exposed(snapshot: Callable[[], Status], host: str, port: int) -> Iterator[int]:
    """Serve the page while the context lasts; yields the port.

    Raises:
      OSError: the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(snapshot))
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

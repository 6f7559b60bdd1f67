"""What Prometheus reads at `/metrics`. Others add to `Metrics.registry`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from gexlake._version import __version__

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)


class Metrics:
    """The metrics of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.in_flight = 0
        """Requests under way: a plain number, because it changes twice in every request."""
        self._requests = Counter(
            "gexlake_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "gexlake_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["route"],
            buckets=BUCKETS_SECONDS,
            registry=self.registry,
        )
        in_flight = Gauge("gexlake_requests_in_flight", "Requests under way.", registry=self.registry)
        in_flight.set_function(lambda: self.in_flight)
        version = Gauge("gexlake_info", "The version, as a label.", ["version"], registry=self.registry)
        version.labels(__version__).set(1)
        ProcessCollector(registry=self.registry)
        # Looking labels up by text takes longer than counting; the number of routes bounds this.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def record_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is a template such as `/imports/{id}`, never a path that was sent."""
        key = (route, method, status)
        children = self._children.get(key)
        if children is None:
            children = self._requests.labels(route, method, str(status)), self._seconds.labels(route)
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

"""What a service knows of live recording: what it records itself, and what stands in segments, whoever writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gexlake.models.feed import Feed
from gexlake.services.importing.jobs import ImportJobs
from gexlake.services.living.order import LiveOrder, Method, feeds_of
from gexlake.services.living.runner import LiveRunner
from gexlake.services.living.tail import LiveTail
from gexlake.settings import Settings
from gexlake.vendor.vendor_key import load_key


def order_of(settings: Settings) -> LiveOrder:
    """What a service is to record. Raises `UsageError` for words that name no feed."""
    return LiveOrder(
        feeds_of(settings.live, settings.live_packages, settings.live_categories),
        Method(settings.live_method),
        settings.vendor_url,
        settings.vendor_clock_from,
    )


def runner_of(settings: Settings, tail: LiveTail, jobs: ImportJobs) -> LiveRunner:
    """What records for a service. Raises `UsageError` where the order or the key is none."""
    return LiveRunner(tail.layout, order_of(settings), load_key(settings.vendor_key_file), jobs)


@dataclass(eq=False)
class LiveWatch(Collector):
    """How old what is live is, for readiness and metrics."""

    tail: LiveTail
    runner: LiveRunner | None = None

    def ages(self) -> dict[Feed, float]:
        """Seconds since the last record of each feed that has one in a segment."""
        now_us = self.runner.clock.now_us() if self.runner else time.time_ns() // 1000
        return {feed: (now_us - last_us) / 1_000_000 for feed, last_us in self.tail.last_us.items()}

    @property
    def problem(self) -> str:
        """What went wrong last in recording."""
        return self.runner.state.problem if self.runner else ""

    @property
    def doing(self) -> str:
        """What recording is at, in words; nothing where this process does not record."""
        return self.runner.state.doing if self.runner else ""

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        age = GaugeMetricFamily(
            "gexlake_live_last_record_age_seconds", "Seconds since the last record of a feed.", labels=["feed"]
        )
        for feed, seconds in self.ages().items():
            age.add_metric([str(feed)], seconds)
        records = CounterMetricFamily("gexlake_live_records", "Records that became readable.", labels=["feed"])
        for feed, count in self.tail.records.items():
            records.add_metric([str(feed)], count)
        yield age
        yield records
        recorder = self.runner.state.recorder if self.runner else None
        if recorder is not None:
            yield CounterMetricFamily(
                "gexlake_live_reconnects", "Connections that were lost.", value=recorder.reconnects
            )
            unknown = sum(recorder.unknown.values())
            yield CounterMetricFamily("gexlake_live_unknown_messages", "Messages that were left out.", value=unknown)
            yield CounterMetricFamily(
                "gexlake_live_saturated_sums", "Sums that did not fit into a message.", value=recorder.saturated
            )

"""What a service knows of fetching: what it fetches itself, and how the last `gexlake get` went, whoever ran it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from gexlake.db.last_get import read_last_get
from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.runner import GetRunner
from gexlake.settings import Settings
from gexlake.vendor.http import check_url
from gexlake.vendor.vendor_key import load_key


class Fetching(BaseModel):
    """What is fetched from the vendor, as far as everybody may know; `/status` has more of the last run. UTC."""

    doing: str = ""
    """What the service is at; nothing where it does not fetch itself."""
    problem: str = ""
    """Why the last run of the service broke off."""
    next_at: datetime | None = None
    last_at: datetime | None = None
    """When the last `gexlake get` into this lake ended, whoever ran it."""
    missing: int = 0
    """Days of feeds that were missing then and may still come."""
    expires_in_days: int | None = None


def order_of(settings: Settings) -> GetOrder:
    """What a service is to fetch. Raises `UsageError` for words that name no feed, and where nothing says where to."""
    if settings.get_to is None:
        raise UsageError("Nothing says where fetched files go.", hint="Name a directory with --get-to.")
    order = GetOrder(
        tickers=settings.get,
        directory=settings.get_to.absolute(),
        lake=settings.lake.absolute(),
        packages=settings.get_packages,
        categories=settings.get_categories,
        since=settings.get_since,
        base_url=settings.vendor_url,
        eod=settings.get_eod,
        parallel=settings.get_parallel,
        interval_seconds=settings.get_interval_seconds,
        patience_seconds=settings.get_patience_seconds,
        timeout_seconds=settings.get_timeout_seconds,
        workers=settings.workers,
    )
    order.feeds()
    check_url(order.base_url, what="base URL")
    return order


def fetcher_of(settings: Settings) -> GetRunner:
    """What fetches for a service. Raises `UsageError` where the order or the key is none."""
    load_key(settings.vendor_key_file)
    return GetRunner(order_of(settings), settings.vendor_key_file, settings.vendor_clock_from)


@dataclass(eq=False)
class GetWatch(Collector):
    """How fetching goes, for readiness and metrics."""

    layout: LakeLayout
    runner: GetRunner | None = None

    def state(self) -> Fetching | None:
        """None where nobody fetches into this lake."""
        last, runner = read_last_get(self.layout), self.runner
        if runner is None and last is None:
            return None
        found = Fetching()
        if runner is not None:
            found.doing, found.problem, found.next_at = runner.doing, runner.problem, runner.next_at
        if last is not None:
            found.last_at, found.missing, found.expires_in_days = last.ended_at, last.missing, last.expires_in_days
        return found

    def collect(self) -> Iterator[Metric]:
        """For Prometheus."""
        if (last := read_last_get(self.layout)) is not None:
            yield GaugeMetricFamily(
                "gexlake_get_last_run_timestamp_seconds", "When the last run ended.", value=last.ended_at.timestamp()
            )
            yield GaugeMetricFamily(
                "gexlake_get_missing_days", "Days of feeds that are missing and may still come.", value=last.missing
            )
            if last.expires_in_days is not None:
                yield GaugeMetricFamily(
                    "gexlake_get_expires_in_days",
                    "How long they are still kept.",
                    value=last.expires_in_days,
                )
        if self.runner is not None:
            failing = float(bool(self.runner.problem))
            yield GaugeMetricFamily("gexlake_get_failing", "Whether the last run broke off.", value=failing)

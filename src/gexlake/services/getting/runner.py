"""Fetching day after day, for a service: at its start, behind each close, and again while something is missing."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gexlake.services.getting.order import TASK, GetOrder, GetTask
from gexlake.services.getting.plan import next_run
from gexlake.services.getting.report import GetReport, GetStatus
from gexlake.services.living.clock import SECOND_US, Clock, clock_of, followed
from gexlake.services.processes.orders import OrderProcess

log = logging.getLogger(__name__)

GET_MODULE = "gexlake.services.getting.get_process"
JITTER_SECONDS = 300.0
"""So much later at most: not all who wait for the same moment ask in the same second."""
MOST_SAID = 10
"""Findings of a kind that are said one by one."""


@dataclass
class GetRunner:
    """Fetches what an order asks for until it is cancelled; what came by then stays. The key is read by each run."""

    order: GetOrder
    key_file: Path | None = None
    clock_from: str | None = None
    doing: str = field(default="starting", init=False)
    """In words: fetching, waiting."""
    problem: str = field(default="", init=False)
    """Why the last run did not come to its end."""
    next_at: datetime | None = field(default=None, init=False)
    """When it fetches next, UTC."""
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = clock_of(self.clock_from)

    async def run(self) -> None:
        """Fetch what is missing now, then whenever there may be more."""
        async with followed(self.clock):
            while True:
                self.doing, self.next_at = "fetching", None
                report = await self._fetch()
                due = next_run(self._now(), report, eod=self.order.eod)
                self.next_at = due + timedelta(seconds=random.uniform(0, JITTER_SECONDS))
                self.doing = "waiting"
                log.info("get: the next run is at %s.", f"{self.next_at:%Y-%m-%d %H:%M} UTC")
                await self.clock.sleep_until(round(self.next_at.timestamp() * SECOND_US))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_us() / SECOND_US, UTC)

    async def _fetch(self) -> GetReport | None:
        """One run; None where it did not come to its end."""
        task = GetTask(self.order, self._now(), self.key_file)
        problem = "The process that fetches was killed."
        try:
            process = await OrderProcess.start(GET_MODULE)
            async with aclosing(process.answers(TASK.dump_json(task))) as answers:
                async for document in answers:
                    if "report" in document:
                        self.problem = ""
                        report = GetReport.model_validate(document["report"])
                        _say(report)
                        return report
                    problem = f"{document['message']} {document['hint']}".strip()
        except OSError as error:
            problem = f"The process that fetches cannot be started: {error.strerror}."
        self.problem = problem
        log.error("get: %s", problem)
        return None


def _say(report: GetReport) -> None:
    """What came of a run, in the log."""
    counts = ", ".join(f"{number:,} {status.replace('_', ' ')}" for status, number in report.counts.items())
    log.info(
        "get: %d files fetched in %.0f s; days of feeds: %s.", report.files_fetched, report.duration_seconds, counts
    )
    for words in _iter_findings(report):
        log.warning("get: %s", words)


def _iter_findings(report: GetReport) -> Iterator[str]:
    yield from report.notes
    yield from _first(f"{day.session} {_why(day.status, day.reason)}" for day in report.days if day.is_open)
    if report.imported is not None:
        damaged = [file for file in report.imported.files if file.status in ("failed", "partial")]
        yield from _first(f"{file.source_file}: {file.status}, {file.errors}" for file in damaged)
    yield from _first(f"{one.session} came, but {one.words}" for one in report.incomplete)


def _why(status: GetStatus, reason: str | None) -> str:
    return f"is {status.value.replace('_', ' ')}{f': {reason}' if reason else '.'}"


def _first(findings: Iterator[str]) -> Iterator[str]:
    """The first of them, and how many there are more."""
    more = 0
    for number, words in enumerate(findings):
        if number < MOST_SAID:
            yield words
        else:
            more += 1
    if more:
        yield f"and {more:,} more like it."

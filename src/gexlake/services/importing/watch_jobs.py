"""Watched directories of a service: what settles in them becomes import jobs."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from gexlake.errors import GexlakeError
from gexlake.models.import_order import ImportOptions
from gexlake.services.importing.jobs import ImportJobs, TooManyImportsError
from gexlake.services.importing.watch import iter_settled

log = logging.getLogger(__name__)
RETRY_SECONDS = 1.0


async def import_as_they_appear(
    jobs: ImportJobs, directories: Sequence[Path], *, lake: Path, options: ImportOptions | None = None
) -> None:
    """Submit a job for what is there, and one whenever files have settled; until this is cancelled."""
    loop = asyncio.get_running_loop()
    batches: asyncio.Queue[tuple[Path, ...] | GexlakeError] = asyncio.Queue()
    stop = threading.Event()

    def watch() -> None:
        try:
            for sources in iter_settled(directories, exclude=lake, stop=stop):
                loop.call_soon_threadsafe(batches.put_nowait, sources)
        except GexlakeError as error:
            loop.call_soon_threadsafe(batches.put_nowait, error)

    thread = asyncio.create_task(asyncio.to_thread(watch))
    try:
        while True:
            batch = await batches.get()
            if isinstance(batch, GexlakeError):
                log.error("watching ended: %s", batch)
                return
            await _import(jobs, batch, options or ImportOptions())
    finally:
        stop.set()
        await asyncio.wait([thread])


async def _import(jobs: ImportJobs, sources: tuple[Path, ...], options: ImportOptions) -> None:
    """Import one batch to its end; what settles meanwhile waits for it."""
    while True:
        try:
            job = jobs.submit(sources, options)
            break
        except TooManyImportsError:
            await asyncio.sleep(RETRY_SECONDS)
    await job.wait()
    for result in (job.report or {}).get("files", []):
        if result["status"] in ("failed", "partial"):
            log.warning("%s: %s %s", result["source_file"], result["status"], result["errors"])

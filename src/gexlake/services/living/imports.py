"""Closed segments into the lake, by the same import as any other source."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import note_imported
from gexlake.models.import_order import ImportOptions
from gexlake.services.importing.jobs import ImportJobs, JobStatus, TooManyImportsError

log = logging.getLogger(__name__)


class SegmentImports:
    """Imports segments, all that have closed together. What fails is tried again with the next ones."""

    def __init__(self, layout: LakeLayout, jobs: ImportJobs, *, warn: Callable[[str], None]) -> None:
        self._layout, self._jobs, self._warn = layout, jobs, warn

    async def take(self, waiting: dict[date, dict[Path, int]]) -> bool:
        """Import segments of these dates, and note that it is done; whether all went well."""
        sources = [path for of_day in waiting.values() for path in of_day]
        if not sources:
            return True
        try:
            job = self._jobs.submit(sources, ImportOptions())
        except TooManyImportsError:
            return False
        await job.wait()
        if job.status not in (JobStatus.SUCCESS, JobStatus.PARTIAL):
            self._warn(f"Segments are not imported yet: {job.status.value}{f', {job.error}' if job.error else ''}")
            return False
        unread = {
            result["source_file"] for result in (job.report or {}).get("files", []) if result["status"] == "pending"
        }
        for day, of_day in waiting.items():
            read = {path: size for path, size in of_day.items() if str(path) not in unread}
            note_imported(self._layout, day, read)
        return not unread

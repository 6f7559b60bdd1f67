"""A replica: a service over a lake that is pulled from where its owner publishes it, and followed as it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from gexlake.bucket.store import open_place
from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError
from gexlake.models.location import Location
from gexlake.models.mirror import ReplicaStatus
from gexlake.models.verify_report import SessionProgress
from gexlake.services.publishing.pull import Puller
from gexlake.services.publishing.transfers import StoppedError

POLL_SECONDS = 0.5
"""How often the next publication is asked for."""
RETRY_SECONDS = 2.0
"""Until a place that cannot be read is tried again."""


class Replica:
    """Follows one published lake in a thread; what was pulled is answered from whatever becomes of the place.

    Making one raises what `Puller` raises for a directory that is a lake of its own.
    """

    def __init__(self, lake: Path, place: Location) -> None:
        self._stop = threading.Event()
        self._progress: SessionProgress | None = None
        self._problem = ""
        self._seen = time.monotonic()
        """When it was known last that nothing newer is published; before that, when it began."""
        self._puller = Puller(
            LakeLayout(lake.absolute()), open_place(place), on_progress=self._note_progress, stop=self._stop
        )

    @property
    def status(self) -> ReplicaStatus:
        """How far it is."""
        position = self._puller.position
        return ReplicaStatus(
            source=position.source,
            publication=position.number,
            commit=position.commit,
            committed_at=position.committed_at,
            behind_seconds=round(self.behind_seconds, 3),
            problem=self._problem,
        )

    @property
    def behind_seconds(self) -> float:
        """For how long it has not been known that nothing newer is published; 0 for less than a few polls."""
        seconds = time.monotonic() - self._seen
        return seconds if seconds > 4 * POLL_SECONDS else 0.0

    @property
    def problem(self) -> str | None:
        """Why it cannot answer yet; None from the first time on that all that was published has come."""
        if self._puller.position.number:
            return None
        progress = self._progress
        done = f"{progress.sessions_done} of {progress.sessions_total} sessions are here" if progress else "it begins"
        return f"The published lake has not come yet: {self._problem or done}."

    def follow(self, on_applied: Callable[[], None], on_problem: Callable[[str], None]) -> None:
        """Apply what is published, now and as it comes, until `stop` is called.

        `on_problem` is told of each problem once, and "" when it is over.
        """
        is_swept = False
        while not self._stop.is_set():
            try:
                applied = self._puller.step()
                if not is_swept:
                    self._puller.retire_unused()
                    is_swept = True
            except StoppedError:
                return
            except GexlakeError as error:
                self._note_problem(f"{error.message} {error.hint}".strip(), on_problem)
                on_applied()  # of a list, some of it may have come
                self._stop.wait(RETRY_SECONDS)
                continue
            self._note_problem("", on_problem)
            if applied:
                on_applied()
            else:
                self._seen = time.monotonic()
                self._stop.wait(POLL_SECONDS)

    def stop(self) -> None:
        """Have it end soon."""
        self._stop.set()

    def _note_progress(self, progress: SessionProgress) -> None:
        self._progress = progress

    def _note_problem(self, problem: str, on_problem: Callable[[str], None]) -> None:
        if problem != self._problem:
            self._problem = problem
            on_problem(problem)

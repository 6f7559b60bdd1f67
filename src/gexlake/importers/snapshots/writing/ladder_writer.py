"""Ladders on their way into Parquet while the next ones are being decoded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from queue import Full, Queue
from typing import NamedTuple

from gexlake.importers.snapshots.writing.frames import Checksum
from gexlake.importers.snapshots.writing.ladder_file import LadderFile
from gexlake.models.block import Doubles, Ints
from gexlake.models.record_type import RecordType

MOST_WAITING = 2
"""Blocks that wait to be written: bounds memory."""
POLL_SECONDS = 0.05


class _Ladders(NamedTuple):
    timestamps: Ints
    rows: Ints
    cells: Doubles


class LadderWriter:
    """Writes one file of ladders in a thread of its own; end it with `finish` or `abandon`.

    What goes wrong in writing is raised by `finish`; until then `add` does nothing any more.
    """

    def __init__(self, path: Path, kind: RecordType) -> None:
        self.path = path
        self._kind = kind
        self._checksum = Checksum(kind)
        self._waiting: Queue[_Ladders | None] = Queue(MOST_WAITING)
        self._document: Mapping[str, object] = {}
        self._blocks: Iterable[bytes] = ()
        self._abandoned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, name="ladder-writer", daemon=True)

    def add(self, timestamps: Ints, rows: Ints, cells: Doubles) -> None:
        """Write on: `rows[i]` columns of the (k, n) `cells` belong to `timestamps[i]`, in Unix microseconds."""
        self._put(_Ladders(timestamps, rows, cells))

    def finish(self, document: Mapping[str, object], blocks: Iterable[bytes] = ()) -> Checksum:
        """Complete the file, with `document` in its footer and the session's scalar blocks, and sync it; the checksum
        of what was written.

        Raises `OSError` where the disk refuses.
        """
        self._document, self._blocks = document, blocks
        self._end()
        if self._error is not None:
            raise self._error
        return self._checksum

    def abandon(self) -> None:
        """Write no more, and remove the file."""
        self._abandoned = True
        if self._thread.ident is not None:
            self._end()
            self.path.unlink(missing_ok=True)

    def _end(self) -> None:
        self._put(None)
        self._thread.join()

    def _put(self, ladders: _Ladders | None) -> None:
        if self._thread.ident is None:
            self._thread.start()
        while self._thread.is_alive():
            try:
                self._waiting.put(ladders, timeout=POLL_SECONDS)
            except Full:
                continue  # the thread may have died meanwhile
            return

    def _write(self) -> None:
        try:
            with closing(LadderFile(self.path, self._kind)) as file:
                while (ladders := self._waiting.get()) is not None and not self._abandoned:
                    self._checksum.add_ladder(ladders.rows, ladders.cells)
                    file.add(*ladders)
                if not self._abandoned:
                    file.complete(self._document, self._blocks)
        except BaseException as error:
            self._error = error

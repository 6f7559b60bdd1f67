"""The sink of refused records: every one kept whole, in Parquet files beside the staged session."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

import xxhash

from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.validation.rules import Rule

FLUSH_BYTES = 16 << 20
_RAW_NAME = re.compile(r"\.([0-9a-f]{32})\.raw$")
QUARANTINE_GLOB = "quarantine-*.parquet"


class Quarantine:
    """Keeps refused records of one session in `directory`; with None it only counts, for a dry run.

    `begin` names the source whose records follow. A record too large to be held goes into a file of its own, which
    the commit moves to `quarantine/<name>` below the lake.
    """

    def __init__(self, directory: Path | None, *, import_id: str, name: str) -> None:
        self.raw_files: list[str] = []
        self.counts: Counter[Rule] = Counter()
        self.records = 0
        self._directory = directory
        self._import_id = import_id
        self._name = name
        self._source_file = ""
        self._rows: list[dict[str, Any]] = []
        self._row_bytes = 0
        self._parts = 0
        self._raw: BinaryIO | None = None
        self._raw_digest = xxhash.xxh3_128()

    def begin(self, source_file: str) -> None:
        """The records that follow are of this source; counting starts at zero."""
        self._close_raw()
        self._source_file = source_file
        self.counts = Counter()

    def take(self, event: Refusal | OversizedChunk) -> None:
        """Keep one refused record, or more of the last one."""
        if isinstance(event, OversizedChunk):
            if self._raw is not None:
                self._raw.write(event.raw)
                self._raw_digest.update(event.raw)
            return
        self._close_raw()
        self.counts[event.rule] += 1
        self.records += 1
        if self._directory is not None:
            self._keep(event, self._directory)

    def close(self) -> None:
        """Write what is still held."""
        self._close_raw()
        self._flush()

    def discard(self) -> None:
        """Remove what was written, because reading begins again."""
        self._close_raw()
        if self._directory is not None:
            for name in (*self.raw_files, *map(_part_name, range(self._parts))):
                (self._directory / name).unlink(missing_ok=True)

    def _keep(self, refusal: Refusal, directory: Path) -> None:
        text: str | None
        raw: bytes | None = None
        raw_file: str | None = None
        if refusal.rule is Rule.RECORD_TOO_LARGE:
            raw_file = self._open_raw(directory, refusal.raw)
            text = None
        else:
            try:
                text = refusal.raw.decode()
            except UnicodeDecodeError:
                text, raw = refusal.raw.decode(errors="backslashreplace"), refusal.raw
        self._rows.append(
            {
                "import_id": self._import_id,
                "source_file": self._source_file,
                "record_index": refusal.record_index,
                "byte_offset": refusal.byte_offset,
                "reason": refusal.rule.value,
                "message": refusal.message,
                "raw": text,
                "raw_bytes": raw,
                "raw_file": raw_file,
            }
        )
        self._row_bytes += len(refusal.raw)
        if self._row_bytes > FLUSH_BYTES and self._raw is None:
            self._flush()

    def _open_raw(self, directory: Path, beginning: bytes) -> str:
        name = f"{self._name}-{len(self.raw_files)}.raw"
        self._raw = (directory / name).open("wb")
        self._raw.write(beginning)
        self._raw_digest = xxhash.xxh3_128(beginning)
        self.raw_files.append(name)
        return f"quarantine/{name}"

    def _close_raw(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None
            self._name_raw()

    def _name_raw(self) -> None:
        """Put the checksum of the file that was closed last into its name."""
        assert self._directory is not None
        written = self._directory / self.raw_files[-1]
        named = written.with_name(f"{written.stem}.{self._raw_digest.hexdigest()}{written.suffix}")
        written.rename(named)
        self.raw_files[-1] = named.name
        self._rows[-1]["raw_file"] = f"quarantine/{named.name}"

    def _flush(self) -> None:
        if not self._rows or self._directory is None:
            return
        from gexlake.lineage.records import table_frame, write_rows
        from gexlake.models.lineage import QUARANTINE_COLUMNS

        frame = table_frame(self._rows, QUARANTINE_COLUMNS)
        write_rows(frame, self._directory / _part_name(self._parts))
        self._parts += 1
        self._rows, self._row_bytes = [], 0


def is_raw_file_sound(path: Path) -> bool:
    """Whether the file of an oversized record is what was written; those of older lakes have no checksum."""
    digest = _RAW_NAME.search(path.name)
    if digest is None:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxhash.xxh3_128).hexdigest() == digest[1]


def _part_name(number: int) -> str:
    return f"quarantine-{number}.parquet"

"""Snapshots of every record type of the vendor: what differs between the types is in `models/record_types.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gexlake.importers.base import Dataset, FeedReader, SessionBuilder
from gexlake.models.checks import Check
from gexlake.models.feed import SessionKey
from gexlake.models.record_type import RecordType


class SnapshotImporter:
    """The importer of one record type."""

    def __init__(self, kind: RecordType) -> None:
        self._kind = kind
        self.record_type = kind.name
        self.datasets: tuple[Dataset, ...] = (Dataset("snapshots", kind.snapshot_columns, in_database=True),)
        if kind.ladder:
            self.datasets += (Dataset(kind.ladder.dataset, kind.ladder_columns, in_database=False),)

    def open_reader(
        self,
        session: SessionKey,
        *,
        workspace: Path | None,
        moment_us: int,
        writes: bool = False,
        naive_zone: str | None = None,
    ) -> FeedReader:
        """A reader of sources of a feed."""
        from gexlake.importers.snapshots.reader import SnapshotReader

        return SnapshotReader(
            self._kind, session, workspace=workspace, moment_us=moment_us, writes=writes, naive_zone=naive_zone
        )

    def open_session(self, session: SessionKey, *, workspace: Path | None) -> SessionBuilder:
        """A builder for one session of a feed."""
        from gexlake.importers.snapshots.session import SnapshotSession

        return SnapshotSession(self._kind, session, workspace=workspace)

    def is_indexed(self, files: Mapping[str, Path]) -> bool:
        """Whether the session has a lookup index; where there is no snapshot, there is none."""
        from gexlake.importers.snapshots.check import has_lookup

        return has_lookup(self._kind, files)

    def check_files(self, files: Mapping[str, Path], footer: Mapping[str, Any]) -> Iterator[tuple[Check, str]]:
        """Rows, keys, attribution and checksum of a session's files."""
        from gexlake.importers.snapshots.check import check_files

        return check_files(self._kind, files, footer)

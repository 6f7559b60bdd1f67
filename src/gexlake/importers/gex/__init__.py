"""GEX snapshots of the packages classic and state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gexlake.importers.base import Dataset, FeedReader, SessionBuilder
from gexlake.models.checks import Check
from gexlake.models.feed import SessionKey
from gexlake.models.gex_columns import RECORD_TYPE, SNAPSHOT_COLUMNS, STRIKE_COLUMNS


class GexImporter:
    """The importer of record type `gex`."""

    record_type = RECORD_TYPE
    datasets: tuple[Dataset, ...] = (
        Dataset("snapshots", SNAPSHOT_COLUMNS, in_database=True),
        Dataset("strikes", STRIKE_COLUMNS, in_database=False),
    )

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
        from gexlake.importers.gex.reader import GexReader

        return GexReader(session, workspace=workspace, moment_us=moment_us, writes=writes, naive_zone=naive_zone)

    def open_session(self, session: SessionKey, *, workspace: Path | None) -> SessionBuilder:
        """A builder for one session of a feed."""
        from gexlake.importers.gex.session import GexSession

        return GexSession(session, workspace=workspace)

    def is_indexed(self, files: Mapping[str, Path]) -> bool:
        """Whether `strikes.parquet` has a lookup index; where there is no snapshot, there is none."""
        from gexlake.importers.gex.check import has_lookup

        return has_lookup(files)

    def check_files(self, files: Mapping[str, Path], footer: Mapping[str, Any]) -> Iterator[tuple[Check, str]]:
        """Rows, keys, attribution and checksum of a session's files."""
        from gexlake.importers.gex.check import check_files

        return check_files(files, footer)

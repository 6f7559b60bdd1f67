"""GEX snapshots of the packages classic and state."""

from __future__ import annotations

from pathlib import Path

from gexlake.importers.base import Dataset, SessionBuilder
from gexlake.models.feed import SessionKey
from gexlake.models.gex_columns import RECORD_TYPE, SNAPSHOT_COLUMNS, STRIKE_COLUMNS


class GexImporter:
    """The importer of record type `gex`."""

    record_type = RECORD_TYPE
    datasets: tuple[Dataset, ...] = (
        Dataset("snapshots", SNAPSHOT_COLUMNS, in_database=True),
        Dataset("strikes", STRIKE_COLUMNS, in_database=False),
    )

    def open_session(self, session: SessionKey, *, workspace: Path | None, moment_us: int) -> SessionBuilder:
        """A builder for one session of a feed."""
        from gexlake.importers.gex.session import GexSession

        return GexSession(session, workspace=workspace, moment_us=moment_us)

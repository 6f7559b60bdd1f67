"""Sessions of an older gexlake, given what quick answers come from: the same content in files that are written anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.commit import commit_session
from gexlake.db.commits import LiveVersion, live_versions
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import read_footer, version_paths
from gexlake.db.recovery import staging_area
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Claim, SourceName
from gexlake.models.import_order import new_import_id
from gexlake.models.staged import StagedSession
from gexlake.models.verify_report import SessionProgress
from gexlake.services.importing.stage import write_manifest, write_session

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

OnProgress = Callable[[SessionProgress], None]


def add_indexes(connection: Connection, layout: LakeLayout, on_progress: OnProgress | None = None) -> int:
    """Write the files of all sessions that lack a lookup index anew; how many there were.

    `connection` owns the database. A session whose files are damaged is left as it is, for `verify --repair`. What is
    kept for `gexlake restore` stays. After a crash the rest is done the next time.
    """
    lacking = [one for one in live_versions(connection) if not _is_indexed(layout, one)]
    if not lacking:
        return 0
    progress = SessionProgress(sessions_total=len(lacking))
    done = 0
    with staging_area(layout, new_import_id()) as area:
        for number, one in enumerate(lacking):
            done += _write_anew(connection, layout, area / f"{number:06d}", one)
            progress.sessions_done += 1
            progress.current = str(one.session)
            if on_progress is not None:
                on_progress(progress)
    return done


def _is_indexed(layout: LakeLayout, one: LiveVersion) -> bool:
    """Whether there is nothing to do, or nothing that can be done."""
    files = version_paths(layout, one.record_type, one.session, one.version)
    try:
        for file in files.values():
            read_footer(file)
    except LakeError:
        return True
    return IMPORTERS[one.record_type].is_indexed(files)


def _write_anew(connection: Connection, layout: LakeLayout, directory: Path, one: LiveVersion) -> bool:
    """The same session in new files, by the same import and with the same lineage; False where its own are damaged."""
    files = version_paths(layout, one.record_type, one.session, one.version)
    footer = read_footer(files["snapshots"])
    documents: dict[SourceName, dict[str, Any]] = {
        (source["import_id"], source["source_file"]): source for source in footer["sources"]
    }
    directory.mkdir()
    staged = StagedSession(
        import_id=footer["import_id"],
        record_type=one.record_type,
        session=one.session,
        version=f"{directory.parent.name}/{directory.name}",
        base_version=one.version,
        directory=directory,
        lineage=[],
        keep_versions=None,
        revised_by=footer.get("revised_by"),
    )
    with (
        tempfile.TemporaryDirectory(prefix="scratch-", dir=directory) as scratch,
        closing(IMPORTERS[one.record_type].open_session(one.session, workspace=Path(scratch))) as builder,
    ):
        try:
            builder.keep(files, lambda _: Claim.STANDING)
        except LakeError:
            return False
        builder.resolve({})
        staged.summary = builder.summarize()
        write_session(staged, builder, documents)
    if staged.checksum != footer["checksum"]:  # of nothing but what was read: a fault of ours, or of the machine
        raise LakeError(f"{one.session} reads otherwise than it was written.", hint="Run `gexlake verify --repair`.")
    write_manifest(staged)
    commit_session(connection, layout, staged)
    return True

"""The lake's files in an Iceberg table: which it has, how one is described, and a snapshot of other ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby

from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo, In, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

from gexlake.errors import CatalogError
from gexlake.models.feed import SessionKey
from gexlake.services.publishing.iceberg_tables import OpenTable
from gexlake.services.publishing.outgoing import OutgoingSession

MOST_FILES = 2_000
"""Of one manifest. More files than that come in several, each of neighbouring sessions: where one of them is replaced,
its manifest is written anew, which takes as long as that is."""
EPOCH = date(1970, 1, 1)


def files_of(table: Table, sessions: Sequence[SessionKey] | None) -> Iterator[DataFile]:
    """The files that a table has of these sessions; of all of them where none are named."""
    if table.current_snapshot() is None:
        return
    for rows in [AlwaysTrue()] if sessions is None else _filters(sessions):
        for task in table.scan(row_filter=rows).plan_files():
            yield task.file


def _filters(sessions: Sequence[SessionKey]) -> Iterator[BooleanExpression]:
    """One for each feed: planning passes over all manifests that have none of its days."""
    for feed, of_feed in groupby(sorted(sessions), key=lambda session: session.feed):
        days = {literal(session.session_date.isoformat()) for session in of_feed}
        parts = [EqualTo(term=Reference(name), value=literal(part)) for name, part in feed._asdict().items()]
        yield And(*parts, In(term=Reference("session_date"), values=days))


def data_file(table: OpenTable, there: Table, path: str, session: OutgoingSession) -> DataFile:
    """A file as the table is to know it: where it is, of which session, its rows, its first and last instant.

    By hand, because the library's own way, which looks into the file, finds no partition there and writes down none.
    Raises `CatalogError` where readers would not find the file.
    """
    try:
        size = len(there.io.new_input(path))
    except FileNotFoundError as error:
        raise CatalogError(
            f"The file {path} of a session that is live is not there.",
            hint="Run `gexlake verify`; or have the files copied there first, where --files names another place.",
        ) from error
    number = there.schema().find_field("timestamp").field_id
    rows = table.rows_of(session)
    lower, upper = {}, {}
    if session.first_us is not None and session.last_us is not None:
        lower, upper = ({number: struct.pack("<q", at)} for at in (session.first_us, session.last_us))
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=Record(*session.session.feed, (session.session.session_date - EPOCH).days),
        record_count=rows,
        file_size_in_bytes=size,
        value_counts={number: rows},
        null_value_counts={number: 0},
        lower_bounds=lower,
        upper_bounds=upper,
    )
    file.spec_id = there.spec().spec_id
    return file


def write_snapshot(
    table: Table, added: Sequence[DataFile], removed: Sequence[DataFile], properties: Mapping[str, str]
) -> None:
    """Add files to a table and take others out, at once; the newest snapshot has these properties in its summary.

    Raises `CommitFailedException` where somebody else was quicker; nothing has changed then.
    """
    *others, last = [added[at : at + MOST_FILES] for at in range(0, len(added), MOST_FILES)] or [added]
    with table.transaction() as transaction:
        for part in others:
            with transaction.update_snapshot().merge_append() as append:
                for file in part:
                    append.append_data_file(file)
        update = transaction.update_snapshot(snapshot_properties=dict(properties))
        with update.overwrite() if removed else update.merge_append() as change:
            for file in removed:
                change.delete_data_file(file)
            for file in last:
                change.append_data_file(file)

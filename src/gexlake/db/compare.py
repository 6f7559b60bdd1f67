"""The database held to the Parquet files and to itself, in SQL; differences come out in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.db.journal import JOURNAL_TABLES
from gexlake.db.layout import LakeLayout
from gexlake.db.schema import IMPORT_ID_COLUMN, TABLES, parquet_file
from gexlake.db.sessions import IDENTITY, keeps_snapshots, session_id
from gexlake.importers import IMPORTERS
from gexlake.importers.base import Dataset
from gexlake.importers.seal import BrokenSealError, check_file
from gexlake.models.checks import Check
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.verify_report import Finding

if TYPE_CHECKING:
    import duckdb

    Connection = duckdb.DuckDBPyConnection

Problem = tuple[Check, str]
EXAMPLES = 3
"""Values named where many differ."""
FEED = "ticker, package, category"
"""What, with the timestamp, a snapshot is known by."""


def compare_session(
    connection: Connection, record_type: str, session: SessionKey, files: dict[str, Path]
) -> Iterator[Problem]:
    """Key sets and values of a session in the database's tables against its Parquet files, where it has copies."""
    if not keeps_snapshots(connection):
        return
    for dataset in IMPORTERS[record_type].datasets:
        if dataset.in_database:
            table = f"{record_type}_{dataset.name}"
            identity = session_id(record_type, session)[1:]
            yield from _compare_keys(connection, table, files[dataset.name], identity)
            yield from _compare_values(connection, table, dataset, files[dataset.name], identity)


def _compare_keys(connection: Connection, table: str, file: Path, identity: list[str]) -> Iterator[Problem]:
    rows, keys, lacking, unknown = _only_row(
        connection,
        f"WITH d AS (SELECT timestamp FROM {table} WHERE {IDENTITY}), "
        f"p AS (SELECT timestamp FROM {parquet_file(file)}) "
        "SELECT (SELECT count(*) FROM d), (SELECT count(DISTINCT timestamp) FROM d), "
        "(SELECT count(*) FROM p ANTI JOIN d USING (timestamp)), "
        "(SELECT count(*) FROM d ANTI JOIN p USING (timestamp))",
        identity,
    )
    if rows != keys:
        yield Check.DATABASE_ROWS, f"{rows - keys:,} rows of {table} repeat a timestamp"
    if lacking:
        yield Check.DATABASE_ROWS, f"{table} lacks {lacking:,} snapshots of {file}"
    if unknown:
        yield Check.DATABASE_ROWS, f"{table} has {unknown:,} snapshots that are not in {file}"


def _compare_values(
    connection: Connection, table: str, dataset: Dataset, file: Path, identity: list[str]
) -> Iterator[Problem]:
    columns = [column for column in (*dataset.columns, IMPORT_ID_COLUMN) if column.name != "timestamp"]
    differs = {
        column.name: f"d.{column.name} IS DISTINCT FROM p.{column.name}"
        + (f" OR signbit(d.{column.name}) <> signbit(p.{column.name})" if column.sql_type == "DOUBLE" else "")
        for column in columns
    }
    rows = f"FROM (SELECT * FROM {table} WHERE {IDENTITY}) AS d JOIN {parquet_file(file)} AS p USING (timestamp)"
    (different,) = _only_row(connection, f"SELECT count(*) {rows} WHERE {' OR '.join(differs.values())}", identity)
    if not different:  # to count them by columns takes longer than all else
        return
    counts = ", ".join(f"count(*) FILTER ({test}), min(epoch(timestamp)) FILTER ({test})" for test in differs.values())
    found = _only_row(connection, f"SELECT {counts} {rows}", identity)
    for index, name in enumerate(differs):
        count, first = found[2 * index : 2 * index + 2]
        if count:
            yield Check.DATABASE_VALUES, f"`{name}` of {table} differs in {count:,} snapshots, the first at {first:.0f}"


def check_database(connection: Connection, layout: LakeLayout) -> Iterator[Finding]:
    """What is wrong in the database itself: orphans, repeated keys, lineage, quarantine, sums of imports."""
    if keeps_snapshots(connection):
        yield from _find_orphans(connection)
    yield from _find_repeated_keys(connection, layout)
    yield from _find(
        connection,
        Check.LINEAGE_UNBALANCED,
        "SELECT format('{} in import {}: {} seen, {} imported, {} duplicate, {} quarantined', source_file, import_id, "
        "records_seen, records_imported, records_duplicate, records_quarantined) FROM lineage "
        "WHERE records_seen <> records_imported + records_duplicate + records_quarantined",
    )
    yield from _find(
        connection,
        Check.LINEAGE_IMPORTED,
        "SELECT format('{} in import {}: {} imported, to its sessions {}', source_file, import_id, records_imported, "
        "given) FROM (SELECT *, coalesce(list_sum(json_extract(sessions, '$.*')::BIGINT[]), 0)::BIGINT AS given "
        "FROM lineage) WHERE records_imported <> given",
    )
    yield from _find(
        connection,
        Check.QUARANTINE_COUNT,
        "SELECT format('{} in import {}: {} quarantined by lineage, {} in quarantine', source_file, import_id, "
        "coalesce(l.n, 0), coalesce(q.n, 0)) FROM "
        "(SELECT import_id, source_file, sum(records_quarantined) AS n FROM lineage GROUP BY ALL) AS l FULL JOIN "
        "(SELECT import_id, source_file, count(*) AS n FROM quarantine GROUP BY ALL) AS q "
        "USING (import_id, source_file) WHERE coalesce(l.n, 0) <> coalesce(q.n, 0)",
    )
    yield from _find(
        connection,
        Check.LINEAGE_IMPORT,
        "SELECT format('import {} has lineage, and no row in imports', import_id) FROM "
        "(SELECT DISTINCT import_id FROM lineage) ANTI JOIN imports USING (import_id)",
    )
    yield from _find(
        connection,
        Check.LINEAGE_IMPORT,
        "SELECT format('the sums of import {} are not those of its lineage', import_id) FROM imports LEFT JOIN "
        "(SELECT import_id, sum(records_seen) AS a, sum(records_imported) AS b, sum(records_duplicate) AS c, "
        "sum(records_quarantined) AS d FROM lineage GROUP BY ALL) USING (import_id) WHERE status <> 'running' AND "
        "(records_seen, records_imported, records_duplicate, records_quarantined) IS DISTINCT FROM "
        "(coalesce(a, 0), coalesce(b, 0), coalesce(c, 0), coalesce(d, 0))",
    )


def _find_orphans(connection: Connection) -> Iterator[Finding]:
    names = ", ".join(column.name for column in PARTITION_COLUMNS)
    for importer in IMPORTERS.values():
        for dataset in importer.datasets:
            if dataset.in_database:
                yield from _find(
                    connection,
                    Check.DATABASE_ORPHANS,
                    "SELECT format('{} snapshots of {}/{}/{}/{} have no row in sessions', "
                    f"count(*), {names}) FROM {importer.record_type}_{dataset.name} ANTI JOIN "
                    f"(FROM sessions WHERE record_type = '{importer.record_type}') USING ({names}) GROUP BY {names}",
                )


def _find_repeated_keys(connection: Connection, layout: LakeLayout) -> Iterator[Finding]:
    """Only sessions whose time spans overlap can hold one key twice: few do, and only those are looked at."""
    pairs = connection.execute(
        f"SELECT record_type, {FEED}, a.session_date, b.session_date, a.version, b.version FROM sessions AS a "
        f"JOIN sessions AS b USING (record_type, {FEED}) WHERE a.session_date < b.session_date "
        "AND a.first_timestamp <= b.last_timestamp AND b.first_timestamp <= a.last_timestamp"
    ).fetchall()
    for record_type, ticker, package, category, earlier, later, *versions in pairs:
        sessions = [SessionKey(Feed(ticker, package, category), day) for day in (earlier, later)]
        for dataset in IMPORTERS[record_type].datasets:
            if dataset.in_database:
                files = [
                    layout.version_file(record_type, dataset.name, session, version)
                    for session, version in zip(sessions, versions, strict=True)
                ]
                count = _keys_in_both(connection, f"{record_type}_{dataset.name}", sessions, files)
                if count:
                    message = f"{count:,} timestamps are also in the session of {earlier}"
                    yield Finding(code=Check.KEY_TWICE, session=str(sessions[1]), message=message)


def _keys_in_both(connection: Connection, table: str, sessions: list[SessionKey], files: list[Path]) -> int:
    """By the table, or by the files where there is none; a file that cannot be read is for those who read all of it."""
    if keeps_snapshots(connection):
        first, second = (f"SELECT timestamp FROM {table} WHERE {IDENTITY}" for _ in sessions)
        parameters = [value for session in sessions for value in session_id("", session)[1:]]
    else:
        first, second = (f"SELECT timestamp FROM {parquet_file(file)}" for file in files)
        parameters = []
    try:
        (count,) = _only_row(
            connection, f"SELECT count(*) FROM ({first}) SEMI JOIN ({second}) USING (timestamp)", parameters
        )
    except Exception:  # whatever DuckDB makes of a damaged file
        if parameters:
            raise
        return 0
    return int(count)


def check_journal(connection: Connection, layout: LakeLayout) -> Iterator[Finding]:
    """The journal of every import that has ended, against the database."""
    ended = connection.execute("SELECT import_id FROM imports WHERE status <> 'running' ORDER BY ALL").fetchall()
    whole = []
    for (import_id,) in ended:
        problem = journal_problem(layout.imports / import_id)
        if problem is not None:
            yield _journal(import_id, problem)
        else:
            whole.append(import_id)
    try:
        differences = _journal_differences(connection, layout, "*") if len(whole) == len(ended) > 0 else None
    except Exception as error:  # whatever DuckDB makes of a damaged file that has no seal
        _raise_fault_of_database(error)
        differences = None
    if differences is None:
        differences = {}
        for import_id in whole:
            try:
                differences |= _journal_differences(connection, layout, import_id)
            except Exception as error:
                _raise_fault_of_database(error)
                yield _journal(import_id, f"cannot be read: {str(error).splitlines()[0]}")
    for import_id in whole:
        for table in differences.get(import_id, ()):
            yield _journal(import_id, f"differs from the database in `{table}`")


def find_unreadable_journals(connection: Connection, layout: LakeLayout) -> Iterator[str]:
    """Imports that have ended and whose journal is lost, damaged or cannot be read."""
    ended = connection.execute("SELECT import_id FROM imports WHERE status <> 'running' ORDER BY ALL").fetchall()
    for (import_id,) in ended:
        if journal_problem(layout.imports / import_id) is not None:
            yield import_id
            continue
        try:
            _journal_differences(connection, layout, import_id)
        except Exception as error:
            _raise_fault_of_database(error)
            yield import_id


def journal_problem(directory: Path) -> str | None:
    """What is wrong with the journal of an import by itself; None where it can be read."""
    files = {table: directory / f"{table}.parquet" for table in JOURNAL_TABLES}
    lacking = [table for table, file in files.items() if not file.exists()]
    if lacking:
        return f"lacks {', '.join(lacking)}"
    for file in files.values():
        try:
            check_file(file)
        except (BrokenSealError, OSError) as error:
            return f"is damaged: {file}: {error}"
    return None


def _raise_fault_of_database(error: Exception) -> None:
    if "Corrupt database" in str(error):
        raise error


def _journal_differences(connection: Connection, layout: LakeLayout, import_id: str) -> dict[str, list[str]]:
    """Tables that differ, by import; `*` for all imports."""
    found: dict[str, list[str]] = defaultdict(list)
    for table in JOURNAL_TABLES:
        names = ", ".join(column.name for column in TABLES[table])
        journal = f"SELECT {names}, 1 AS side FROM {parquet_file(layout.imports, f'{import_id}/{table}.parquet')}"
        database = f"SELECT {names}, -1 FROM {table} WHERE {'true' if import_id == '*' else 'import_id = ?'}"
        rows = connection.execute(
            f"SELECT DISTINCT import_id FROM (SELECT import_id FROM ({journal} UNION ALL {database}) "
            f"GROUP BY {names} HAVING sum(side) <> 0)",
            [] if import_id == "*" else [import_id],
        ).fetchall()
        for (different,) in rows:
            found[different].append(table)
    return found


def _journal(import_id: str, words: str) -> Finding:
    return Finding(code=Check.JOURNAL, message=f"The journal of import {import_id} {words}.")


def _find(connection: Connection, check: Check, sql: str) -> Iterator[Finding]:
    for (message,) in connection.execute(sql).fetchall():
        yield Finding(code=check, message=message)


def _only_row(connection: Connection, sql: str, parameters: list[Any]) -> tuple[Any, ...]:
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None, "an aggregate has one row"
    return row

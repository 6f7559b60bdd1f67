from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl
import pytest

from gexlake.db.database import held_database
from gexlake.db.layout import LakeLayout
from gexlake.errors import QueryError
from gexlake.services.statements import query
from gexlake.services.statements.check import check_statement
from gexlake.services.statements.pool import StatementPool
from gexlake.services.statements.query import run_query


@pytest.fixture(scope="module")
def parser() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


class Asked(NamedTuple):
    """A lake, and what runs one statement after the other on it, in one process as `run_query` starts it for each."""

    lake: Path
    run: Callable[[str], pl.DataFrame]


@pytest.fixture(scope="module")
def asked(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    own = shutil.copytree(lake, tmp_path_factory.mktemp("asked") / "data")
    with held_database(LakeLayout(own)):
        pool = StatementPool(LakeLayout(own), query._limits(own), seconds=60, at_once=1)
        yield Asked(own, pool.run)
        pool.close()


def files_below(lake: Path) -> set[Path]:
    return set(lake.rglob("*"))


def test_frames_have_utc_instants(lake: Path) -> None:
    frame = run_query(lake, "SELECT timestamp, max_priors FROM gex_snapshots ORDER BY timestamp LIMIT 1")
    assert frame.schema["timestamp"] == pl.Datetime("us", "UTC")
    assert frame.schema["max_priors"] == pl.List(pl.Struct({"strike": pl.Float64, "change": pl.Float64}))


def test_the_view_reads_parquet(lake: Path) -> None:
    assert run_query(lake, "SELECT count(*) AS n FROM gex_strikes").item() == 238 * 9


@pytest.mark.parametrize(
    "statement",
    [
        "FROM sessions",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a;",
        "VALUES (1), (2)",
        "DESCRIBE gex_strikes",
        "SHOW TABLES",
        "SUMMARIZE sessions",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "PIVOT sessions ON ticker USING sum(snapshots)",
        "-- a comment\nSELECT 1",
        "SELECT 1 WHERE false",
    ],
)
def test_statements_that_only_read(asked: Asked, statement: str) -> None:
    assert asked.run(statement).width


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM lineage", "DELETE"),
        ("CREATE TABLE a (b INT)", "CREATE"),
        ("CREATE TEMP TABLE a AS SELECT 1", "CREATE"),
        ("SET threads = 1", "SET"),
        ("ATTACH ':memory:' AS other", "ATTACH"),
        ("COPY (SELECT 1) TO 'file.csv'", "COPY"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'file.csv'", "COPY"),
        ("explain (analyze) COPY (SELECT 1) TO 'file.csv'", "COPY"),
        ("COPY (PIVOT sessions ON ticker USING sum(snapshots)) TO 'file.csv'", "MULTI"),
        ("EXPORT DATABASE 'export'", "EXPORT"),
        ("BEGIN", "TRANSACTION"),
        ("CALL force_checkpoint()", "CALL"),
    ],
)
def test_statements_that_do_more_are_refused(parser: duckdb.DuckDBPyConnection, statement: str, kind: str) -> None:
    with pytest.raises(QueryError) as caught:
        check_statement(parser, statement)
    assert caught.value.message == f"{kind} statements are not allowed: the lake is read-only here."
    assert caught.value.hint.startswith("Use SELECT, FROM, WITH,")


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{lake}/file.csv'",
        "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO '{lake}/file.csv'",
        "WITH gone AS (DELETE FROM lineage RETURNING *) SELECT * FROM gone",
        "FROM query('COPY (SELECT 1) TO ''{lake}/file.csv''')",
        "FROM enable_logging(storage_path = '{lake}/logs')",
    ],
)
def test_detours_lead_nowhere(lake: Path, statement: str) -> None:
    run_query(lake, "SELECT 1")  # the first statement of all makes room for what it needs
    before = files_below(lake)
    with pytest.raises(QueryError):
        run_query(lake, statement.format(lake=lake))
    assert files_below(lake) == before


@pytest.mark.parametrize(
    "call",
    [
        "read_text('{outside}')",
        "read_text('{lake}/../outside.txt')",
        "read_text('{link}')",
        "glob('/*')",
        "'https://example.org/a.parquet'",
    ],
)
def test_only_the_tables_of_the_lake_can_be_read(asked: Asked, call: str) -> None:
    lake = asked.lake
    outside = lake.parent / "outside.txt"
    outside.write_text("secret")
    link = lake / "link.txt"
    link.symlink_to(outside)
    try:
        with pytest.raises(QueryError) as caught:
            asked.run(f"FROM {call.format(lake=lake, outside=outside, link=link)}")
    finally:
        link.unlink()
    assert caught.value.message.startswith("Permission Error: Cannot access file")
    assert caught.value.hint == "Only the tables of the lake can be read."


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("", "There is no statement. Write one, such as `SELECT * FROM sessions`."),
        ("SELECT 1; SELECT 2", "There are 2 statements, where one is to be. Join them with WITH or UNION ALL."),
        (
            "SELECT * FROM nowhere",
            "Catalog Error: Table with name nowhere does not exist! The tables are changes, commits, gex_snapshots, "
            "gex_strikes, greeks_contracts, greeks_snapshots, imports, lake_info, lineage, orderflow_snapshots, "
            "quarantine, sessions.",
        ),
        (
            "SELECT strike FROM gex_snapshots",
            'Binder Error: Referenced column "strike" not found in FROM clause! `DESCRIBE gex_snapshots` lists the '
            "columns of a table, `SHOW TABLES` the tables.",
        ),
        ("SELECT 1 AS a, 2 AS a", "Two columns of the result are called 'a'. Give one of them another name with AS."),
    ],
)
def test_what_is_wrong_is_said(asked: Asked, statement: str, text: str) -> None:
    with pytest.raises(QueryError) as caught:
        asked.run(statement)
    assert str(caught.value) == text


def test_an_error_among_the_rows_is_said(lake: Path) -> None:
    with pytest.raises(QueryError, match=r"^Invalid Input Error: boom\. "):
        run_query(lake, "SELECT CASE WHEN i > 900000 THEN error('boom') ELSE i END AS x FROM range(1000000) t(i)")


def test_limit(lake: Path) -> None:
    assert run_query(lake, "FROM range(1000)", limit=7).height == 7
    assert run_query(lake, "SHOW TABLES", limit=1).height == 1


def test_types_that_polars_lacks_come_as_text(lake: Path) -> None:
    frame = run_query(
        lake, 'SELECT INTERVAL 1 DAY AS a, union_value(k := 2) AS "b""c", [INTERVAL 1 HOUR] AS d, 1.5 AS e'
    )
    assert frame.columns == ["a", 'b"c', "d", "e"]
    assert frame.row(0)[:3] == ("1 day", "2", "['01:00:00']")


def test_neither_pyarrow_nor_noise_at_exit(lake: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = sys.modules['pandas'] = sys.modules['pytz'] = None\n"
        "from pathlib import Path\n"
        "from gexlake.services.statements.query import run_query\n"
        "from gexlake.services.asking.lineage import list_lineage\n"
        f"print(run_query(Path({str(lake)!r}), 'SELECT timestamp FROM gex_snapshots').height)\n"
        f"print(list_lineage(Path({str(lake)!r})).height)\n"
        "import gexlake\n"
        f"lake = gexlake.open({str(lake)!r})\n"
        "print(lake.snapshots('SPX', 'state', 'gex_full').height, lake.strikes('NQ_NDX', strike=1.0).height)\n"
        "try: run_query(Path('/'), 'SELECT')\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ), timeout=60
    )
    assert (done.stdout, done.stderr) == ("238\n4\n60 0\nLakeError\n", "")

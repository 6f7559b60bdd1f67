"""What strangers try with `POST /sql`: nothing is written, nothing outside is read or told, and all bounds hold."""

from __future__ import annotations

import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.settings import Settings
from helpers.lakes import tree
from helpers.processes import POLL_SECONDS
from helpers.service import LOCAL, assert_error

SECONDS = 1.0
OWN_BYTES = 200 << 20
"""What the owner's memory may grow by, whatever statements take: they run elsewhere."""


@pytest.fixture(scope="module")
def private_lake(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("confined") / "data")


@pytest.fixture(scope="module")
def client(private_lake: Path) -> Iterator[TestClient]:
    settings = Settings(
        lake=private_lake,
        query_seconds=SECONDS,
        query_spill_bytes=4 << 20,
        memory_limit="64MB",
        rate_limit="",
        access_log=False,
    )
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        assert ask(client, "FROM sessions").status_code == 200
        yield client


def ask(client: TestClient, statement: str, form: str = "json") -> Any:
    return client.post(f"/sql?format={form}", json={"statement": statement})


def data_of(lake: Path) -> dict[str, tuple[int, int, str]]:
    """All of the lake but the database, which the service holds, and what belongs to nobody for long."""
    return {
        name: content
        for name, content in tree(lake).items()
        if "/cache" not in name.removeprefix(str(lake)) and "gexlake.duckdb" not in name
    }


# ---- writing and reading outside -----------------------------------------------------------------------------------

PLACES = [
    "{lake}/gex/snapshots/new.parquet",
    "{published}",
    "{lake}/staging/new.parquet",
    "{lake}/imports/new.parquet",
    "{lake}/gexlake.duckdb",
    "{lake}/keys.json",
    "{lake}/cache/new.parquet",
    "{outside}",
    "files/new.parquet",
    "files/gex_snapshots/new.parquet",
    "tables/new.parquet",
    "spill/new.parquet",
    "/spill/1/new.parquet",
    "spill/1/new.parquet",
    "new.parquet",
    "/tmp/new.parquet",
    "/dev/shm/new.parquet",
    "/proc/self/cwd/new.parquet",
    "../new.parquet",
]
CARRIERS = [
    "WITH t AS (COPY (SELECT 1 AS a) TO '{place}' (FORMAT parquet)) SELECT * FROM t",
    "WITH t AS MATERIALIZED (COPY (SELECT 1 AS a) TO '{place}' (FORMAT csv, USE_TMP_FILE false)) FROM t",
    "EXPLAIN ANALYZE WITH t AS (COPY (SELECT 1 AS a) TO '{place}') SELECT * FROM t",
    "SELECT * FROM (WITH t AS (COPY (SELECT 1 AS a) TO '{place}') SELECT * FROM t)",
    "FROM query('WITH t AS (COPY (SELECT 1 AS a) TO ''{place}'') SELECT * FROM t')",
    "COPY (SELECT 1 AS a) TO '{place}'",
]
CARRIED_ONCE = [
    "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO '{outside}'",
    "EXPLAIN (ANALYZE) WITH t AS (COPY (SELECT 1) TO '{outside}') FROM t",
    "-- c\nEXPLAIN ANALYZE COPY (SELECT 1) TO '{outside}'",
    "WITH t AS (COPY (SELECT 1 AS a, 2 AS b) TO '{outside}') PIVOT (SELECT 1 AS a) ON a USING count(*)",
    "WITH RECURSIVE t AS (COPY (SELECT 1 AS a) TO '{outside}') SELECT 1 WHERE EXISTS (FROM t)",
    "SELECT 1 UNION ALL (WITH t AS (COPY (SELECT 1) TO '{outside}') FROM t)",
    "COPY (SELECT 1 AS a) TO '{outside}' (FORMAT parquet, PARTITION_BY (a))",
    "COPY sessions FROM '/etc/passwd'",
    "EXPORT DATABASE '{outside}'",
    "IMPORT DATABASE '{outside}'",
    "ATTACH '{outside}' AS other",
    "ATTACH '{lake}/gexlake.duckdb' AS other (READ_ONLY)",
    "ATTACH ':memory:' AS other",
    "DETACH memory",
    "USE temp",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM community",
    "LOAD httpfs",
    "LOAD '{outside}'",
    "UPDATE EXTENSIONS",
    "SET memory_limit = '100GB'",
    "SET GLOBAL threads = 64",
    "SET VARIABLE a = 1",
    "SET temp_directory = '{outside}'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "RESET allowed_directories",
    "PRAGMA memory_limit = '100GB'",
    "PRAGMA enable_profiling",
    "PRAGMA profiling_output = '{outside}'",
    "PRAGMA database_list",
    "PRAGMA version",
    "CALL enable_logging(storage_path = '{outside}')",
    "FROM enable_logging(storage_path = '{outside}')",
    "FROM enable_profiling(save_location = '{outside}')",
    "CALL force_checkpoint()",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "CREATE TABLE t (a INT)",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW gex_strikes AS SELECT 1",
    "CREATE OR REPLACE MACRO f() AS 1",
    "CREATE SECRET s (TYPE s3)",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "CREATE SEQUENCE s",
    "CREATE SCHEMA s",
    "CREATE TYPE t AS ENUM ('a')",
    "DROP VIEW gex_strikes",
    "DROP VIEW sessions",
    "ALTER VIEW sessions RENAME TO s",
    "COMMENT ON VIEW sessions IS 'x'",
    "INSERT INTO sessions SELECT * FROM sessions",
    "DELETE FROM sessions",
    "UPDATE sessions SET snapshots = 0",
    "TRUNCATE sessions",
    "MERGE INTO sessions USING (SELECT 1 AS a) AS t ON false WHEN NOT MATCHED THEN INSERT DEFAULT VALUES",
    "WITH t AS (INSERT INTO sessions SELECT * FROM sessions RETURNING *) FROM t",
    "WITH t AS (DELETE FROM sessions RETURNING *) FROM t",
    "WITH t AS (UPDATE sessions SET snapshots = 0 RETURNING *) FROM t",
    "FROM query('DELETE FROM sessions')",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE p",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{outside}'",
]
READS = [
    "FROM read_text('{lake}/server.json')",
    "FROM read_text('{lake}/keys.json')",
    "FROM read_text('/etc/passwd')",
    "FROM read_text('../../../server.json')",
    "FROM read_text('files/../../../server.json')",
    "FROM read_text('file:///etc/passwd')",
    "FROM read_text('/files/../etc/passwd')",
    "FROM read_text('//etc//passwd')",
    "FROM read_blob('/proc/self/environ')",
    "FROM read_blob('/proc/self/cmdline')",
    "FROM read_blob('/proc/self/maps')",
    "FROM read_blob('/proc/1/environ')",
    "FROM read_text(['/etc/passwd', '/etc/hostname'])",
    "FROM read_text(['/etc/pass' || 'wd'])",
    "FROM '/etc/passwd'",
    'FROM "/etc/passwd"',
    "FROM read_csv('/etc/passwd')",
    "FROM read_csv_auto('/etc/passwd', sep = ':')",
    "FROM sniff_csv('/etc/passwd')",
    "FROM read_json('{lake}/keys.json')",
    "FROM read_json_auto('{lake}/keys.json')",
    "FROM read_parquet('{published}')",
    "FROM parquet_scan('{published}')",
    "FROM parquet_metadata('{published}')",
    "FROM parquet_schema('{published}')",
    "FROM parquet_kv_metadata('{published}')",
    "FROM read_duckdb('{lake}/gexlake.duckdb')",
    "FROM read_parquet('{lake}/gex/**/*.parquet')",
    "FROM glob('/*')",
    "FROM glob('{lake}/**')",
    "FROM glob('*')",
    "FROM glob('../*')",
    "FROM 'https://example.invalid/x.parquet'",
    "FROM 's3://bucket/x.parquet'",
    "FROM 'http://127.0.0.1:1/x.csv'",
    "FROM query('FROM read_text(''/etc/passwd'')')",
    "FROM query_table('/etc/passwd')",
    "SELECT getenv('HOME')",
    "FROM postgres_scan('', '', '')",
    "FROM sqlite_scan('{lake}/gexlake.duckdb', 'sessions')",
    "FROM client",
    "FROM duckdb_extensions()",
]
TRIES = [carrier.replace("{place}", place) for carrier in CARRIERS for place in PLACES] + CARRIED_ONCE + READS


def test_there_are_many_tries() -> None:
    assert len(set(TRIES)) == len(TRIES) >= 200


def test_what_writes_or_reads_outside_is_refused_in_words(
    client: TestClient, private_lake: Path, tmp_path: Path
) -> None:
    published = next((private_lake / "gex" / "snapshots").rglob("*.parquet"))
    outside = tmp_path / "outside"
    before = data_of(private_lake)
    for one in TRIES:
        statement = one.format(lake=private_lake, published=published, outside=outside)
        document = assert_error(ask(client, statement), 400, "query_invalid")
        assert "root:" not in document["message"], statement
        if "(COPY" in one and "query(" not in one:
            assert document["message"].startswith(
                ("COPY statements are not", "Binder Error: WITH clause", "Parser Error: Recursive")
            )
    assert data_of(private_lake) == before
    assert not outside.exists()
    assert not list(tmp_path.iterdir())
    new = [path for path in (private_lake / "cache" / "statements").rglob("*") if path.name.startswith("new")]
    assert not new
    assert ask(client, "SELECT count(*) AS n FROM gex_snapshots").json()["rows"] == [{"n": 238}]


def test_the_kernel_has_the_last_word(client: TestClient) -> None:
    """Not the check of the statement: the worker has said that Landlock holds, on a kernel that has it."""
    pool = client.app.state.service.running.statements  # type: ignore[attr-defined]
    assert pool.pids
    for process in pool._idle:
        process.wait_until_ready()
        assert process.confined["landlock"] > 0 or not Path("/sys/kernel/security/landlock").exists()


TELLS = [
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM system.main.duckdb_settings()",
    "SELECT * FROM duckdb_databases()",
    "SELECT current_setting('temp_directory') AS a, current_setting('allowed_directories') AS b",
    "SELECT current_setting('secret_directory') AS a",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM duckdb_tables()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM duckdb_log_contexts()",
    "SELECT root FROM lake_info",
    "EXPLAIN ANALYZE SELECT count(*) FROM gex_strikes",
    "SELECT * FROM glob('files/*/*/*/*/*/*')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM duckdb_extensions()",
]


@pytest.mark.parametrize("statement", TELLS)
def test_nothing_tells_where_on_the_machine_the_lake_lies(
    client: TestClient, private_lake: Path, statement: str
) -> None:
    text = ask(client, statement).text
    assert str(private_lake) not in text
    assert str(Path.home()) not in text or Path.home() == Path("/")


# ---- bounds --------------------------------------------------------------------------------------------------------

TOO_LONG = "took longer than 1 seconds"
NO_MEMORY = "Out of Memory Error"
GREEDY = {
    "vectors that DuckDB does not count": ("SELECT list_sum(range(300000000))", (NO_MEMORY, TOO_LONG)),
    "one long text": ("SELECT lpad('x', 400000000, 'y')", (NO_MEMORY, TOO_LONG)),
    "long texts": ("SELECT repeat('x', 20000000) FROM range(50)", (NO_MEMORY, TOO_LONG)),
    "a list of all": ("SELECT list(range) FROM range(20000000)", (NO_MEMORY, TOO_LONG)),
    "brackets that never close": ("SELECT " + "(" * 20_000, (TOO_LONG, NO_MEMORY)),
    "brackets that close": ("SELECT " + "(" * 20_000 + "1" + ")" * 20_000, (TOO_LONG, NO_MEMORY, "expression depth")),
    "a function that hears no interrupt": (
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
        (TOO_LONG,),
    ),
    "rows without end": (
        "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range * b.range % 7 = c.range",
        (TOO_LONG,),
    ),
    "a recursion without end": (
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t",
        (TOO_LONG,),
    ),
}


@pytest.mark.parametrize("name", GREEDY)
def test_a_statement_ends_within_its_bounds_and_nobody_waits(client: TestClient, name: str) -> None:
    statement, texts = GREEDY[name]
    owner = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    answers: list[Any] = []
    began = time.monotonic()
    thread = threading.Thread(target=lambda: answers.append(ask(client, statement)))
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        asked = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - asked < 5 * SECONDS
    message = assert_error(answers[0], 400, "query_invalid")["message"]
    assert any(text in message for text in texts), message
    assert time.monotonic() - began < 30 * SECONDS  # a worker may have had to be started first, on a busy machine
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - owner < OWN_BYTES
    assert ask(client, "SELECT 1 AS one").json()["rows"] == [{"one": 1}]


def test_a_worker_cannot_take_more_memory_than_it_may(client: TestClient) -> None:
    pool = client.app.state.service.running.statements  # type: ignore[attr-defined]
    for process in list(pool._idle):
        process.wait_until_ready()
        assert resource.prlimit(process.pid, resource.RLIMIT_AS)[0] < 2 << 30
        assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[0] == 4 << 20


def test_sorts_that_spill_are_bounded_and_leave_nothing(client: TestClient, private_lake: Path) -> None:
    sort = "SELECT range AS a, hash(range) AS b FROM range(30000000) ORDER BY b, a LIMIT 10 OFFSET 20000000"
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(client, sort))) for _ in range(2)]
    for thread in threads:
        thread.start()
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, spilled(private_lake))
    for thread in threads:
        thread.join()
    assert most <= len(threads) * (4 << 20)
    for answer in answers:
        message = assert_error(answer, 400, "query_invalid")["message"]
        assert any(text in message for text in (NO_MEMORY, TOO_LONG)), message
    assert ask(client, "SELECT 1 AS one").status_code == 200


def spilled(lake: Path) -> int:
    size = 0
    for folder, _, names in os.walk(lake / "cache" / "statements"):
        for path in (Path(folder, name) for name in names if "/spill/" in folder):
            with suppress(OSError):
                size += path.stat().st_blocks * 512
    return size


# ---- values and forms ----------------------------------------------------------------------------------------------

STRANGE = [
    "-- c\nEXPLAIN SELECT 1",
    "/*c*/EXPLAIN ANALYZE SELECT 1",
    "/*ü*/ EXPLAIN /*ö*/ (FORMAT json) SELECT 'ä'",
    "EXPLAIN (SELECT 1)",
    "EXPLAIN ANALYZE (SELECT 1)",
    "SELECT map {1: 2} AS a",
    "SELECT [map {1: 2}] AS a",
    "SELECT timestamp_ns '2025-01-01 00:00:00.123456789' AS a",
    "SELECT 170141183460469231731687303715884105727::HUGEINT AS a",
    "SELECT 1::UHUGEINT AS a, 2::BIGNUM AS b",
    "SELECT {} AS a",
    "SELECT [] AS a",
    "SELECT NULL AS a",
    "SELECT chr(0) AS a",
    "SELECT 'nan'::DOUBLE AS a",
]
UNSHOWABLE = [
    "SELECT date '99999-01-01' AS a",
    "SELECT date '-infinity' AS a",
    "SELECT timestamp 'infinity' AS a",
    "SELECT timestamptz '290000-01-01' AS a",
    "SELECT timestamp_ns 'infinity' AS a",
    "SELECT [date '99999-01-01'] AS a",
    "SELECT {'b': [timestamp 'infinity']} AS a",
    "SELECT time '24:00:00' AS a",
]


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow", "parquet"])
def test_no_value_makes_the_service_fail(client: TestClient, form: str) -> None:
    rows = ask(client, "SELECT column_name FROM (DESCRIBE FROM test_all_types())").json()["rows"]
    all_types = [f'SELECT "{row["column_name"]}" AS a FROM test_all_types()' for row in rows]
    assert len(all_types) > 50
    for statement in STRANGE + UNSHOWABLE + all_types:
        response = ask(client, statement, form)
        if response.status_code != 200:
            message = assert_error(response, 400, "query_invalid")["message"]
            assert "as text, with ::VARCHAR" in message
            assert statement not in STRANGE or form == "parquet", message
        else:
            assert statement not in UNSHOWABLE


def test_times_of_a_place_are_csv_without_an_offset(client: TestClient) -> None:
    statement = (
        "SELECT timestamp AT TIME ZONE 'America/New_York' AS t, timestamp AS u FROM gex_snapshots ORDER BY 1, 2 LIMIT 1"
    )
    response = ask(client, statement, "csv")
    assert response.text == "t,u\n2025-11-24T09:30:01.000000,2025-11-24T14:30:01.000000+00:00\n"

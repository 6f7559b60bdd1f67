"""`POST /sql`: statements that read, nothing that writes or reaches beyond the lake, and bounds on what they take."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.owner.keys import Scope, create_key
from gexlake.settings import Settings
from helpers.processes import PATIENCE_SECONDS, POLL_SECONDS
from helpers.service import LOCAL, Connect, assert_error

ROWS = 200
ENDLESS = "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range * b.range % 7 = c.range"


@pytest.fixture(scope="module")
def copied_lake(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("sql") / "data")


@pytest.fixture(scope="module")
def client(copied_lake: Path) -> Iterator[TestClient]:
    settings = Settings(
        lake=copied_lake, query_rows=ROWS, rate_limit="", access_log=False, query_seconds=PATIENCE_SECONDS
    )
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


@pytest.fixture
def hasty(lake: Path, tmp_path: Path) -> Iterator[TestClient]:
    """One that gives a statement a second, which on a busy machine may be too few for any."""
    settings = Settings(lake=shutil.copytree(lake, tmp_path / "data"), query_seconds=1, rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


def ask(client: TestClient, statement: str, **order: Any) -> Any:
    return client.post("/sql", json={"statement": statement, **order})


READS = {
    "SELECT ticker, count(*) AS n FROM gex_snapshots GROUP BY ALL ORDER BY ALL": [
        {"ticker": "NQ_NDX", "n": 178},
        {"ticker": "SPX", "n": 60},
    ],
    "FROM sessions SELECT count(*) AS n": [{"n": 4}],
    "WITH few AS (SELECT * FROM gex_strikes LIMIT 5) SELECT count(*) AS n FROM few": [{"n": 5}],
    "SELECT sum(snapshots) AS n, 1.25::DECIMAL(9, 2) AS d FROM sessions": [{"n": 238, "d": 1.25}],
    "VALUES (1, 'a')": [{"col0": 1, "col1": "a"}],
    "SELECT timestamptz '2025-11-24 14:30:01+00' AS t, NULL AS nothing": [
        {"t": "2025-11-24T14:30:01Z", "nothing": None}
    ],
    "PIVOT sessions ON package USING count(*) GROUP BY record_type": [{"record_type": "gex", "classic": 3, "state": 1}],
}


@pytest.mark.parametrize(("statement", "rows"), READS.items())
def test_a_statement_that_reads_is_answered(client: TestClient, statement: str, rows: list[Any]) -> None:
    document = ask(client, statement).json()
    assert document == {"count": len(rows), "columns": list(rows[0]), "rows": rows}


@pytest.mark.parametrize("statement", ["DESCRIBE sessions", "SHOW TABLES", "SUMMARIZE sessions", "EXPLAIN SELECT 1"])
def test_statements_about_the_lake_are_answered(client: TestClient, statement: str) -> None:
    assert ask(client, statement).json()["count"] > 0


def test_a_limit_cuts_and_too_many_rows_are_refused(client: TestClient) -> None:
    assert ask(client, "FROM range(1000000)", limit=3).json()["rows"] == [{"range": number} for number in range(3)]
    assert ask(client, f"FROM range({ROWS})").json()["count"] == ROWS
    document = assert_error(ask(client, f"FROM range({ROWS + 1})"), 400, "query_invalid")
    assert f"more than {ROWS} rows" in document["message"]


def test_too_many_bytes_are_refused(client: TestClient) -> None:
    document = assert_error(ask(client, "SELECT repeat('x', 1000000) FROM range(100)"), 400, "query_invalid")
    assert "more than 64 MiB" in document["message"]


def test_too_much_memory_is_refused(client: TestClient) -> None:
    document = assert_error(ask(client, "SELECT list(range) FROM range(20000000)"), 400, "query_invalid")
    assert document["message"].startswith("Out of Memory Error")


def test_a_statement_that_takes_too_long_is_ended_and_others_are_answered_meanwhile(hasty: TestClient) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(hasty, ENDLESS))) for _ in range(6)]
    for thread in threads:
        thread.start()
    while alive := [thread for thread in threads if thread.is_alive()]:
        alive[0].join(POLL_SECONDS)
        assert hasty.get("/health").status_code == 200
        assert hasty.get("/sessions?limit=1").status_code == 200
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {400, 429}
    assert statuses[0] == 400
    for answer in answers:
        if answer.status_code == 429:
            assert_error(answer, 429, "too_many_statements")
            assert int(answer.headers["retry-after"]) >= 1
        else:
            assert "took longer than 1 seconds" in assert_error(answer, 400, "query_invalid")["message"]
    while (answer := ask(hasty, "SELECT 1 AS one")).status_code == 400:  # a busy machine takes longer for this, too
        assert "took longer" in answer.json()["message"]
    assert answer.json()["rows"] == [{"one": 1}]


WRITES = [
    "DELETE FROM sessions",
    "INSERT INTO sessions SELECT * FROM sessions",
    "UPDATE sessions SET snapshots = 0",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW gex_strikes AS SELECT 1",
    "DROP TABLE sessions",
    "TRUNCATE sessions",
    "ALTER TABLE sessions ADD COLUMN x INT",
    "WITH gone AS (DELETE FROM sessions RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO quarantine SELECT * FROM quarantine RETURNING *) FROM new",
    "WITH changed AS (UPDATE sessions SET snapshots = 0 RETURNING *) SELECT count(*) FROM changed",
    "EXPLAIN ANALYZE DELETE FROM sessions",
    "EXPLAIN ANALYZE WITH gone AS (DELETE FROM sessions RETURNING *) SELECT * FROM gone",
    "FROM query('DELETE FROM sessions')",
    "BEGIN TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "CHECKPOINT",
    "VACUUM",
    "SELECT 1; DELETE FROM sessions",
    "PREPARE p AS DELETE FROM sessions",
    "COPY sessions TO '{lake}/gex/out.csv'",
    "COPY sessions FROM '/etc/passwd'",
    "EXPORT DATABASE '{lake}/staging/out'",
    "EXPLAIN ANALYZE COPY sessions TO '{lake}/gex/out.csv'",
]
REACHES = [
    "FROM read_text('{lake}/server.json')",
    "FROM read_text('{lake}/keys.json')",
    "FROM read_text('{lake}/gex/../server.json')",
    "FROM read_text('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM read_csv('/etc/passwd')",
    "FROM sniff_csv('/etc/passwd')",
    "FROM parquet_metadata('/etc/passwd')",
    "FROM read_blob('/proc/self/environ')",
    "FROM glob('{lake}/*')",
    "FROM glob('/*')",
    "FROM '{other}/gex/snapshots/*/*/*/*/snapshots.parquet'",
    "FROM 'https://example.invalid/x.parquet'",
    "FROM 's3://bucket/x.parquet'",
    "ATTACH '{other}/gexlake.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET threads = 1",
    "SET enable_external_access = true",
    "RESET memory_limit",
    "CALL pragma_version()",
    "FROM duckdb_secrets()",
    "SELECT getenv('HOME')",
    "USE memory",
]


@pytest.mark.parametrize("statement", WRITES + REACHES)
def test_what_writes_or_reaches_beyond_the_lake_is_refused(
    client: TestClient, copied_lake: Path, lake: Path, statement: str
) -> None:
    document = assert_error(ask(client, statement.format(lake=copied_lake, other=lake)), 400, "query_invalid")
    assert "root:" not in document["message"]
    assert not (copied_lake / "gex" / "out.csv").exists()


def test_after_all_that_the_lake_is_as_it_was(client: TestClient) -> None:
    statement = "SELECT (SELECT count(*) FROM sessions) AS s, count(*) AS n, (SELECT count(*) FROM quarantine) AS q "
    assert ask(client, statement + "FROM gex_snapshots").json()["rows"] == [{"s": 4, "n": 238, "q": 2}]


BODIES: list[tuple[dict[str, Any], str]] = [
    ({}, "statement"),
    ({"statement": ""}, "statement"),
    ({"statement": "x" * 100_001}, "statement"),
    ({"statement": 5}, "statement"),
    ({"statement": "SELECT 1", "limit": 0}, "limit"),
    ({"statement": "SELECT 1", "rows": 1}, "rows"),
]


@pytest.mark.parametrize(("body", "parameter"), BODIES)
def test_an_order_that_is_not_valid_is_refused(client: TestClient, body: dict[str, Any], parameter: str) -> None:
    document = assert_error(client.post("/sql", json=body), 422, "parameters_invalid")
    assert [detail["parameter"] for detail in document["details"]] == [parameter]


def test_a_parameter_that_there_is_not_is_refused(client: TestClient) -> None:
    response = client.post("/sql?fromat=csv", json={"statement": "SELECT 1"})
    assert assert_error(response, 422, "parameters_invalid")["details"][0]["parameter"] == "fromat"


@pytest.mark.parametrize("statement", ["", "   ", "-- nothing", "SELEC 1", "FROM nowhere"])
def test_a_statement_that_is_none_is_explained(client: TestClient, statement: str) -> None:
    response = ask(client, statement)
    assert_error(response, 400 if statement else 422, "query_invalid" if statement else "parameters_invalid")


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("import", 403), ("sql", 200)])
def test_a_key_needs_the_scope_for_statements(connect: Connect, lake_dir: Path, scope: str, status: int) -> None:
    _, key = create_key(lake_dir, name="one", scopes=[Scope(scope)])
    with connect() as client:
        assert_error(ask(client, "SELECT 1"), 401, "key_missing")
        response = client.post("/sql", json={"statement": "SELECT 1"}, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == status
    if status == 403:
        assert_error(response, 403, "scope_missing")

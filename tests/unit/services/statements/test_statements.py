"""Where users' statements run: what a worker sees and may do, and what becomes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from gexlake.db.database import held_database, open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.live import READABLE, live_files
from gexlake.errors import DamagedSessionError, LakeError, QueryError
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.services.statements import place as places
from gexlake.services.statements.hand_over import hand_over, named_in
from gexlake.services.statements.place import Limits, confined_to, private_place
from gexlake.services.statements.pool import StatementPool
from gexlake.services.statements.process import MissingError, Process
from gexlake.services.statements.query import run_query
from helpers.processes import wait_for_end

LIMITS = Limits(rows=1000, bytes=1 << 20, memory="64MB", more_bytes=400 << 20, spill_bytes=4 << 20, threads=2)
ENDLESS = "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE a.range * b.range % 7 = c.range"
COUNT = "SELECT count(*) AS n FROM gex_snapshots"
PATIENCE_SECONDS = 60


class Crash(BaseException):
    """Nobody foresees it."""


@pytest.fixture
def own_lake(lake: Path, tmp_path: Path) -> Path:
    return shutil.copytree(lake, tmp_path / "data")


@pytest.fixture
def pool(own_lake: Path) -> Iterator[StatementPool]:
    layout = LakeLayout(own_lake)
    with held_database(layout):
        pool = StatementPool(layout, LIMITS, seconds=10, at_once=2)
        yield pool
        pool.close()


def worker_in(place: Path, lake: Path, limits: Limits = LIMITS) -> Process:
    return Process(place, confined_to(place, LakeLayout(lake), limits))


def ask(process: Process, lake: Path, statement: str) -> pl.DataFrame:
    files = hand_over(lake, place=str(process.place), names=named_in(statement))
    views = process.renew_views(files, dict.fromkeys(files, 1))
    return pl.read_ipc_stream(process.ask(statement, limit=None, views=views, seconds=30))


# ---- the state that a statement sees -------------------------------------------------------------------------------


def test_what_is_replaced_during_a_statement_stays_as_it_was_for_it(own_lake: Path) -> None:
    with private_place(LakeLayout(own_lake)) as place:
        files = hand_over(own_lake, place=str(place), names=["gex_snapshots", "sessions"])
        for file in list((own_lake / "versions").rglob("*.parquet")):
            file.with_suffix(".new").write_bytes(b"not Parquet")
            file.with_suffix(".new").replace(file)
        process = worker_in(place, own_lake)
        views = process.renew_views(files, dict.fromkeys(files, 1))
        assert pl.read_ipc_stream(process.ask(COUNT, limit=None, views=views, seconds=30)).item() == 238
        process.kill()


def test_a_session_that_globs_do_not_find_yet_is_read_as_it_was_committed(own_lake: Path, history: Path) -> None:
    """As a crash behind the transaction leaves it."""
    from gexlake.db import commit

    with pytest.MonkeyPatch.context() as patch:

        def crash(*_: object) -> None:
            raise Crash

        patch.setattr(commit, "publish", crash)
        fresh = own_lake.with_name("fresh")
        with pytest.raises(Crash):
            import_history(history, fresh)
    layout = LakeLayout(fresh)
    with open_database(layout, write=False) as connection:
        found = list(live_files(connection, layout, "gex_snapshots"))
        (held,) = connection.execute("SELECT count(*) FROM sessions").fetchall()[0]
    assert len(found) == held > 0
    assert not list((fresh / "gex").rglob("*.parquet"))


def test_a_statement_sees_what_was_committed_before_it(pool: StatementPool, own_lake: Path) -> None:
    assert pool.run("SELECT count(*) AS n FROM imports").item() == 1
    with open_database(LakeLayout(own_lake), write=True) as connection:
        connection.execute("INSERT INTO imports (import_id, status) VALUES ('new', 'running')")
    assert pool.run("SELECT count(*) AS n FROM imports").item() == 2
    assert pool.run("SELECT status AS s FROM query_table('im' || 'ports') WHERE import_id = 'new'").item() == "running"


def test_a_table_whose_name_is_hidden_is_read_all_the_same(pool: StatementPool) -> None:
    assert pool.run("SELECT count(*) AS n FROM query_table('sess' || 'ions')").item() == 4
    assert pool.run("SELECT count(*) AS n FROM query('FROM gex' || '_strikes')").item() == 238 * 9


def test_a_worker_says_what_was_not_handed_over(own_lake: Path) -> None:
    with private_place(LakeLayout(own_lake)) as place:
        process = worker_in(place, own_lake)
        for statement in [
            "FROM query_table('line' || 'age')",
            "SELECT EXISTS (FROM query_table('line' || 'age')) AS a",
        ]:
            with pytest.raises(MissingError):
                ask(process, own_lake, statement)
        assert ask(process, own_lake, "SELECT count(*) AS n FROM (SHOW TABLES)").item() == len(READABLE)
        process.kill()


def test_columns_and_types_are_those_of_the_lakes_own_tables(own_lake: Path) -> None:
    layout = LakeLayout(own_lake)
    with private_place(layout) as place, open_database(layout, write=False) as connection:
        process = worker_in(place, own_lake)
        for name in ("gex_snapshots", "gex_strikes", "sessions", "lineage", "imports", "quarantine", "lake_info"):
            expected = [row[:2] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
            statement = f"SELECT column_name, column_type FROM (DESCRIBE {name})"
            assert ask(process, own_lake, statement).rows() == expected
        process.kill()


def test_what_no_state_needs_any_more_is_removed(pool: StatementPool, own_lake: Path) -> None:
    def kept() -> list[str]:
        return sorted(path.name for path in (own_lake / "cache").rglob("*.parquet"))

    pool.run("SELECT count(*) AS n FROM gex_snapshots, sessions LIMIT 1")
    before = kept()
    for _ in range(3):
        with open_database(LakeLayout(own_lake), write=True) as connection:
            connection.execute("UPDATE sessions SET gaps = gaps + 1 WHERE ticker = 'SPX'")
        pool.run("SELECT count(*) AS n FROM gex_snapshots, sessions LIMIT 1")
    assert kept() == before
    pool.close()
    assert [path.name for path in (own_lake / "cache" / "statements").iterdir()] == ["lock"]


# ---- what a worker may do ------------------------------------------------------------------------------------------


def test_without_landlock_the_statement_is_looked_through_all_the_same(own_lake: Path) -> None:
    """And DuckDB itself lets nobody out of the private place, in which links lead to the lake's own files."""
    with private_place(LakeLayout(own_lake)) as place:
        process = worker_in(place, own_lake, replace(LIMITS, landlock=False, hide=False))
        (file,) = hand_over(own_lake, place=str(place), names=["gex_snapshots"])["gex_snapshots"][:1]
        for target in (file, "files/new", str(own_lake / "new"), f"spill/{process._spill.name}/new"):
            with pytest.raises(QueryError, match=r"COPY statements are not allowed"):
                ask(process, own_lake, f"WITH t AS (COPY (SELECT 1 AS a) TO '{target}') SELECT * FROM t")
        assert process.confined == {"landlock": 0, "hidden": False}
        process.kill()
    assert run_query(own_lake, COUNT).item() == 238


def test_landlock_refuses_what_duckdb_lets_pass(own_lake: Path) -> None:
    """The same statement, given to DuckDB as it is: the place is one that it may use, the kernel says no."""
    code = (
        "import json, os, sys\n"
        "import gexlake.services.statements.worker as worker\n"
        "worker.check_statement = lambda *_: None\n"
        "worker.main()\n"
    )
    with private_place(LakeLayout(own_lake)) as place, pytest.MonkeyPatch.context() as patch:
        (file,) = hand_over(own_lake, place=str(place), names=["gex_snapshots"])["gex_snapshots"][:1]
        start = subprocess.Popen
        patch.setattr(subprocess, "Popen", lambda _, **options: start([sys.executable, "-P", "-c", code], **options))
        process = worker_in(place, own_lake)
        process.wait_until_ready()
        if not process.confined["landlock"]:
            pytest.skip("this kernel has no Landlock")
        before = (place / file).read_bytes()
        for target in (file, "files/gex_snapshots/new", "tables/new"):
            copy = f"WITH t AS (COPY (SELECT 1 AS a) TO '{target}' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM t"
            with pytest.raises(QueryError, match=r"denied"):
                ask(process, own_lake, copy)
        process.kill()
        assert (place / file).read_bytes() == before


def test_a_sort_that_spills_more_than_it_may_is_refused_and_leaves_nothing(own_lake: Path) -> None:
    sort = "SELECT range AS a, hash(range) AS b FROM range(3000000) ORDER BY b, a LIMIT 10 OFFSET 2000000"
    with private_place(LakeLayout(own_lake)) as place:
        process = worker_in(place, own_lake, replace(LIMITS, memory="32MB"))
        with pytest.raises(QueryError, match=r"^Out of Memory Error: "):
            ask(process, own_lake, sort)
        assert ask(process, own_lake, COUNT).item() == 238
        process.kill()
        assert not list((place / "spill").iterdir())
        roomy = worker_in(place, own_lake, replace(LIMITS, memory="32MB", spill_bytes=100 << 20))
        assert ask(roomy, own_lake, sort).height == 10
        roomy.kill()


def test_links_by_name_do_where_a_file_system_has_no_others(own_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert run_query(own_lake, COUNT).item() == 238
    assert run_query(own_lake, "SELECT count(*) AS n FROM gex_strikes").item() == 238 * 9
    with pytest.raises(QueryError):
        run_query(own_lake, f"FROM read_text('{own_lake}/gexlake.duckdb')")


def test_a_path_may_have_any_name(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = shutil.copytree(lake, tmp_path / 'it\'s [odd] * "lake"')
    assert run_query(odd, COUNT).item() == 238

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert run_query(odd, COUNT).item() == 238


def test_a_lake_that_cannot_be_written_is_queried_from_the_temporary_directory(
    own_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(own_lake / "cache", ignore_errors=True)
    (own_lake / "cache").write_text("in the way")
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert run_query(own_lake, COUNT).item() == 238
    assert [path.name for path in (tmp_path / "temporary").glob("*/*")] == ["lock"]


# ---- the end of a worker -------------------------------------------------------------------------------------------


def running_statement(pool: StatementPool) -> tuple[threading.Thread, list[object]]:
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(pool.run(ENDLESS))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def busy_worker(pool: StatementPool) -> int:
    """The worker that is at the statement."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for process in pool._all.difference(pool._idle):
            if process.busy:
                return process.pid
    raise AssertionError("no worker took the statement")


def test_a_worker_that_is_killed_is_said_in_words_and_replaced(pool: StatementPool) -> None:
    thread, outcome = running_statement(pool)
    os.kill(busy_worker(pool), signal.SIGKILL)
    thread.join()
    (error,) = outcome
    assert isinstance(error, QueryError)
    assert error.message == "Out of Memory Error: the statement took more memory than it may, and its process ended."
    assert pool.run("SELECT 1 AS one").item() == 1


def test_a_worker_that_died_while_it_waited_costs_nobody_anything(pool: StatementPool) -> None:
    pool.run("SELECT 1 AS one")
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    assert pool.run("SELECT 1 AS one").item() == 1


def test_closing_ends_statements_that_run(pool: StatementPool) -> None:
    thread, outcome = running_statement(pool)
    busy_worker(pool)
    pids = pool.pids
    pool.close()
    thread.join()
    wait_for_end(pids)
    assert isinstance(outcome[0], LakeError)
    with pytest.raises(LakeError, match=r"not running"):
        pool.run("SELECT 1 AS one")


def test_workers_end_with_the_process_that_started_them(own_lake: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from gexlake.db.layout import LakeLayout\n"
        "from gexlake.services.statements.place import Limits, private_place\n"
        "from gexlake.services.statements.process import Process\n"
        f"with private_place(LakeLayout(Path({str(own_lake)!r}))) as place:\n"
        "    process = Process(place, Limits())\n"
        "    process.wait_until_ready()\n"
        "    print(process.pid, flush=True)\n"
        "    process.ask('SELECT ' + '(' * 100_000, limit=None, views=[], seconds=None)\n"
    )
    asker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert asker.stdout is not None
    pid = int(asker.stdout.readline())
    asker.kill()
    asker.wait()
    asker.stdout.close()
    wait_for_end([pid])
    with private_place(LakeLayout(own_lake)) as place:  # which sweeps up what was left
        assert sorted(path.name for path in place.parent.iterdir()) == sorted(["lock", place.name])


def test_a_worker_is_used_again(pool: StatementPool) -> None:
    assert pool.pids == []
    pool.run("SELECT 1 AS one")
    pids = pool.pids
    assert len(pids) == 2
    for _ in range(5):
        pool.run("SELECT 1 AS one")
        with pytest.raises(QueryError):
            pool.run("SELECT nothing")
    assert pool.pids == pids


def test_a_worker_is_used_again_when_a_session_was_replaced(
    pool: StatementPool, own_lake: Path, tmp_path: Path
) -> None:
    """The files of the state before are swept while it waits: that is no change of them."""
    count = ask_both(pool, COUNT)
    pids = set(pool.pids)
    write_sample(tmp_path / "more", sessions=1, start=date(2025, 11, 24), snapshots=80, strikes=9)
    import_history(tmp_path / "more", own_lake)
    assert ask_both(pool, COUNT) == count + 20
    assert set(pool.pids) == pids


def ask_both(pool: StatementPool, statement: str) -> int:
    """What both workers say, the one after the other."""
    first = pool.run(statement).item()
    worker = pool._take()  # the one that has just answered
    try:
        assert pool.run(statement).item() == first
    finally:
        pool._give_back(worker)
    return int(first)


def test_a_footer_that_was_broken_for_a_while_is_not_remembered(pool: StatementPool, own_lake: Path) -> None:
    """DuckDB keeps the footers that it reads, and takes a file that was written in that moment for the one it knows."""
    statement = "SELECT sum(prior_5) AS total, count(*) AS n FROM gex_strikes"
    files = list((own_lake / "versions").rglob("strikes-*.parquet"))
    whole = {file: file.read_bytes() for file in files}
    right = pool.run(statement)
    for _ in range(2):
        before = set(pool.pids)
        for file in files:
            file.write_bytes(whole[file].replace(b"prior_5", b"prior_6"))
        with pytest.raises(DamagedSessionError):
            pool.run(statement)
        assert not before <= set(pool.pids), "who had read of it is gone"
        for file in files:
            file.write_bytes(whole[file])
        assert pool.run(statement).equals(right)


def test_what_the_service_takes_is_not_counted_as_a_workers(pool: StatementPool) -> None:
    held = bytearray(600 << 20)
    pool.run("SELECT 1 AS one")
    pids = pool.pids
    pool.run("SELECT 1 AS one")
    assert pool.pids == pids
    del held

"""Databases are attached to DuckDB instances that are kept."""

from __future__ import annotations

import os
import threading
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import pytest

from gexlake.db.database import open_database
from gexlake.db.instances import BusyError, attached, close_idle
from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeLockedError
from helpers.lakes import select


@pytest.fixture
def database(tmp_path: Path) -> Path:
    close_idle()
    path = tmp_path / "some.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT 1 AS number")
    return path


def test_the_next_database_gets_the_instance_of_the_one_before(database: Path, tmp_path: Path) -> None:
    with attached(database, write=True, aside=tmp_path) as connection:
        connection.execute("SET GLOBAL default_order = 'DESC'")
    with attached(tmp_path / "other.duckdb", write=True, aside=tmp_path / "elsewhere") as connection:
        assert connection.execute("SELECT current_setting('default_order')").fetchall() == [("DESC",)]
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [
            (str(tmp_path / "elsewhere"),)
        ]
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == []


def test_what_was_written_is_there_for_who_opens_the_file_alone(database: Path, tmp_path: Path) -> None:
    with attached(database, write=True, aside=tmp_path) as connection:
        connection.execute("INSERT INTO numbers VALUES (2)")
        connection.execute("CREATE VIEW doubled AS SELECT 2 * number AS number FROM numbers")
    with closing(duckdb.connect(str(database))) as connection:
        assert connection.execute("FROM doubled ORDER BY ALL").fetchall() == [(2,), (4,)]


def test_an_instance_with_which_something_went_wrong_is_not_used_again(database: Path, tmp_path: Path) -> None:
    with suppress(ValueError), attached(database, write=True, aside=tmp_path) as connection:
        connection.execute("SET GLOBAL default_order = 'DESC'")
        raise ValueError
    with attached(database, write=True, aside=tmp_path) as connection:
        assert connection.execute("SELECT current_setting('default_order')").fetchall() == [("ASCENDING",)]


def test_an_instance_that_has_written_aside_leaves_nothing_there(database: Path, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    with attached(database, write=False, aside=aside) as connection:
        connection.execute("SET memory_limit = '20MB'")
        connection.execute("SELECT range, range::VARCHAR AS text FROM range(1_000_000) ORDER BY text LIMIT 900_000")
        assert list(aside.iterdir())
    assert not list(aside.iterdir())
    with attached(database, write=False, aside=tmp_path) as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("183.1 MiB",)]


def test_two_in_one_process_have_one_database_and_a_transaction_each(database: Path, tmp_path: Path) -> None:
    with (
        attached(database, write=True, aside=tmp_path) as writer,
        attached(database, write=False, aside=tmp_path) as reader,
    ):
        writer.begin()
        writer.execute("INSERT INTO numbers VALUES (2)")
        assert reader.execute("SELECT count(*) FROM numbers").fetchall() == [(1,)]
        writer.commit()
        assert reader.execute("SELECT count(*) FROM numbers").fetchall() == [(2,)]


def test_who_writes_waits_for_who_reads(database: Path, tmp_path: Path) -> None:
    reading = attached(database, write=False, aside=tmp_path)
    with reading, pytest.raises(BusyError), attached(database, write=True, aside=tmp_path):
        pass
    with attached(database, write=True, aside=tmp_path) as connection:
        assert connection.execute("FROM numbers").fetchall() == [(1,)]


def test_an_import_waits_until_a_thread_beside_it_has_read(tmp_path: Path) -> None:
    layout = LakeLayout(tmp_path / "lake")
    with open_database(layout, write=True):
        pass
    done = threading.Event()

    def write() -> None:
        with open_database(layout, write=True, wait_seconds=threading.TIMEOUT_MAX) as connection:
            connection.execute("INSERT INTO imports (import_id) VALUES ('later')")
        done.set()

    with open_database(layout, write=False) as connection:
        thread = threading.Thread(target=write)
        thread.start()
        assert connection.execute("SELECT count(*) FROM imports").fetchall() == [(0,)]
        with pytest.raises(LakeLockedError, match="held by process"), open_database(layout, write=True, wait_seconds=0):
            pass
        assert not done.is_set()
    thread.join()
    assert select(layout.root, "SELECT import_id FROM imports") == [("later",)]


def test_a_connection_of_ones_own_is_named(tmp_path: Path) -> None:
    layout = LakeLayout(tmp_path / "lake")
    with open_database(layout, write=True):
        pass
    with (
        closing(duckdb.connect(str(layout.database))),
        pytest.raises(LakeLockedError, match="open in this process"),
        open_database(layout, write=False),
    ):
        pass
    with open_database(layout, write=False):
        pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_process_that_forks_has_its_own(database: Path, tmp_path: Path) -> None:
    with attached(database, write=True, aside=tmp_path):
        pass
    child = os.fork()
    if not child:
        with attached(database, write=True, aside=tmp_path) as connection:
            connection.execute("INSERT INTO numbers VALUES (2)")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with attached(database, write=True, aside=tmp_path) as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchall() == [(2,)]

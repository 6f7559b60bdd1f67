"""Open tables hold what the lake holds, at every commit that was published, whatever happens on the way."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitStateUnknownException

from gexlake.db.commits import take_note
from gexlake.db.database import open_database
from gexlake.db.followers import oldest_retained
from gexlake.db.layout import LakeLayout
from gexlake.errors import CatalogError
from gexlake.models.publishing import Expiry, PublishOrder
from gexlake.services.publishing import iceberg
from gexlake.services.publishing.iceberg_tables import OPEN_TABLES
from gexlake.services.publishing.outgoing import read_last_commit, read_outgoing
from gexlake.services.publishing.publish import publish
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import forget_source, restore_import
from helpers.histories import TUESDAY, vendor_name
from helpers.publishing import (
    assert_published,
    by_polars,
    by_pyiceberg,
    in_lake,
    put_back,
    state_of,
    states_on_the_way,
    tables_of,
)

KEEP_ONE = PublishOrder(expiry=Expiry(1))


def test_tables_hold_what_the_lake_holds_bit_for_bit(all_types: Path, work: Path) -> None:
    shutil.copytree(all_types, work / "a lake%41")
    publish(work / "a lake%41")
    lake = work / "a lake%41"
    tables = tables_of(lake)
    assert set(tables) == {table.name for table in OPEN_TABLES}
    for name, table in tables.items():
        expected = in_lake(lake, name)
        assert by_pyiceberg(table).equals(expected), name
        assert by_polars(table).equals(expected), name
    one_day = (pl.col("ticker") == "^SPX") & (pl.col("session_date") == date(2025, 11, 11))
    found = pl.scan_iceberg(tables["gex_strikes"]).filter(one_day).select(pl.len()).collect().item()
    assert found == in_lake(lake, "gex_strikes").filter(one_day).height > 0
    text = "ticker = '^SPX' and session_date = '2025-11-11'"
    assert len(list(tables["gex_strikes"].scan(row_filter=text).plan_files())) == 1


@pytest.mark.usefixtures("change")
def test_what_was_replaced_removed_and_added_is_carried_over_and_the_day_before_can_be_asked_for(
    lake: Path, changing: tuple[Path, Path]
) -> None:
    tag = next(name for name in tables_of(lake)["gex_strikes"].refs() if name != "main")
    report = publish(lake)
    assert [(table.files_added, table.files_removed) for table in report.tables] == [(2, 2), (2, 2)]
    assert_published(lake)
    for name, table in tables_of(lake).items():
        assert by_polars(table).equals(in_lake(changing[1], name))
        snapshot = table.snapshot_by_name(tag)
        assert snapshot is not None
        before = in_lake(changing[0], name)
        assert by_pyiceberg(table, snapshot_id=snapshot.snapshot_id).equals(before)
        assert by_polars(table, snapshot_id=snapshot.snapshot_id).equals(before)


def test_what_is_restored_comes_back(lake: Path, changing: tuple[Path, Path]) -> None:
    forgotten = forget_source(lake, changing[0].parent / "history" / vendor_name(TUESDAY))
    assert [table.files_removed for table in publish(lake).tables] == [1, 1]
    restore_import(lake, forgotten.import_id)
    assert [table.files_added for table in publish(lake).tables] == [1, 1]
    assert_published(lake)
    for name, table in tables_of(lake).items():
        columns = [column for column in in_lake(lake, name).columns if column != "import_id"]
        assert by_polars(table).equals(in_lake(lake, name))
        assert by_polars(table).select(columns).equals(in_lake(changing[0], name).select(columns))


def test_nothing_new_changes_nothing(lake: Path) -> None:
    before = state_of(lake)
    assert not publish(lake).changed
    assert state_of(lake) == before


@pytest.mark.usefixtures("change")
def test_killed_anywhere_and_run_again_nothing_is_lost_or_there_twice(
    lake: Path, changing: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = states_on_the_way(lake, lambda: publish(lake, KEEP_ONE), monkeypatch)
    assert len(states) > 12
    for state in states[::2]:
        put_back(lake, state)
        publish(lake, KEEP_ONE)
        assert_published(lake)
        for table in tables_of(lake).values():
            assert len(table.snapshots()) == 1
        assert oldest_retained(LakeLayout(lake)) == read_last_commit(lake)
    for name, table in tables_of(lake).items():
        assert by_polars(table).equals(in_lake(changing[1], name))


def test_killed_anywhere_in_its_first_run_and_run_again_it_is_whole(
    work: Path, changing: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = work / "lake"
    shutil.copytree(changing[0], lake)
    states = states_on_the_way(lake, lambda: publish(lake), monkeypatch)
    assert len(states) > 8
    for state in states[::2]:
        put_back(lake, state)
        publish(lake)
        assert_published(lake)


@pytest.mark.usefixtures("change")
def test_who_was_overtaken_begins_again_from_what_stands_there(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken = []

    def read_and_be_overtaken(*arguments: object) -> object:
        found = read_outgoing(*arguments)  # type: ignore[arg-type]
        if not overtaken:
            overtaken.append(True)
            publish(lake)
        return found

    monkeypatch.setattr(iceberg, "read_outgoing", read_and_be_overtaken)
    publish(lake)
    assert_published(lake)


@pytest.mark.usefixtures("change")
def test_an_answer_that_got_lost_is_no_second_commit(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, lost = SqlCatalog.commit_table, []

    def commit_and_lose_the_answer(*arguments: object) -> object:
        answer = commit(*arguments)  # type: ignore[arg-type]
        if len(lost) < 2:
            lost.append(answer)
            raise CommitStateUnknownException("502 Bad Gateway")
        return answer

    monkeypatch.setattr(SqlCatalog, "commit_table", commit_and_lose_the_answer)
    publish(lake)
    assert len(lost) == 2
    assert_published(lake)


@pytest.mark.usefixtures("change")
def test_what_a_kept_snapshot_names_is_retained_until_it_is_let_go_of(lake: Path) -> None:
    layout = LakeLayout(lake)
    first = max(int(name.removeprefix("gexlake-")) for name in tables_of(lake)["gex_strikes"].refs() if name != "main")
    publish(lake)
    assert oldest_retained(layout) == first
    publish(lake, PublishOrder(expiry=Expiry(before=datetime(2020, 1, 1, tzinfo=UTC))))
    assert oldest_retained(layout) == first
    report = publish(lake, KEEP_ONE)
    assert report.expired == 2
    assert oldest_retained(layout) == report.commit == read_last_commit(lake)
    named = {
        Path(path).name
        for table in tables_of(lake).values()
        for snapshot in table.snapshots()
        for path in (snapshot.manifest_list, *(one.manifest_path for one in snapshot.manifests(table.io)))
    }
    assert {path.name for path in layout.catalog.rglob("*.avro")} == named
    assert_published(lake)


@pytest.mark.usefixtures("change")
def test_what_somebody_has_tagged_stays_readable_and_retained(lake: Path, changing: tuple[Path, Path]) -> None:
    first = read_last_commit(changing[0])
    for table in tables_of(lake).values():
        snapshot = table.current_snapshot()
        assert snapshot is not None
        table.manage_snapshots().create_tag(snapshot.snapshot_id, "mine").commit()
    publish(lake)
    assert publish(lake, KEEP_ONE).expired == 0
    assert oldest_retained(LakeLayout(lake)) == first
    for name, table in tables_of(lake).items():
        mine = table.snapshot_by_name("mine")
        assert mine is not None
        assert by_pyiceberg(table, snapshot_id=mine.snapshot_id).equals(in_lake(changing[0], name))


def test_what_was_published_lately_is_spared(lake: Path) -> None:
    tag = max(tables_of(lake)["gex_strikes"].refs())
    with open_database(LakeLayout(lake), write=True) as connection:
        take_note(connection)
    report = publish(lake, PublishOrder(expiry=Expiry(1, grace_seconds=3600)))
    assert tag != report.tag
    assert {tag, report.tag} < set(tables_of(lake)["gex_strikes"].refs())


def test_what_somebody_else_wrote_into_a_table_is_put_right(lake: Path) -> None:
    tables_of(lake)["gex_strikes"].delete("session_date = '2025-11-10'")
    assert [table.files_added for table in publish(lake).tables] == [1, 0]
    assert_published(lake)


@pytest.mark.usefixtures("change")
def test_a_database_that_was_made_anew_goes_on_from_what_the_tables_have(lake: Path) -> None:
    rebuild_database(lake)
    report = publish(lake)
    assert [(table.files_added, table.files_removed) for table in report.tables] == [(2, 2), (2, 2)]
    assert_published(lake)
    assert publish(lake).tag == report.tag
    assert not publish(lake).changed


def test_files_of_an_older_gexlake_without_field_ids_are_read_by_their_names(
    work: Path, changing: tuple[Path, Path]
) -> None:
    lake = work / "lake"
    shutil.copytree(changing[0], lake)
    for file in (lake / "versions").rglob("*.parquet"):
        pl.read_parquet(file, hive_partitioning=False).write_parquet(file)
    publish(lake)
    for name, table in tables_of(lake).items():
        expected = in_lake(changing[0], name)
        assert by_pyiceberg(table).equals(expected)
        assert by_polars(table).equals(expected)


def test_a_lake_that_was_moved_does_not_write_into_the_tables_of_the_other(lake: Path, work: Path) -> None:
    shutil.copytree(lake, work / "copy")
    with pytest.raises(CatalogError, match="names files below") as raised:
        publish(work / "copy")
    assert "drop the table" in raised.value.hint
    assert_published(lake)


def test_a_file_that_readers_would_not_find_is_not_named(work: Path, changing: tuple[Path, Path]) -> None:
    lake = work / "lake"
    shutil.copytree(changing[0], lake)
    next((lake / "versions/gex/strikes").rglob("*.parquet")).unlink()
    with pytest.raises(CatalogError, match="is not there"):
        publish(lake)
    assert tables_of(lake)["gex_strikes"].current_snapshot() is None


def test_a_lake_without_a_commit_has_no_tables(empty_lake: Path, work: Path) -> None:
    shutil.copytree(empty_lake, work / "lake")
    report = publish(work / "lake")
    assert (report.commit, report.tag, report.tables) == (0, None, [])

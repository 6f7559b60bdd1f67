"""The database made anew from the Parquet tree: equal in every table, and never half there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gexlake.errors import LakeError, LakeLockedError
from gexlake.models.import_order import ImportOptions
from gexlake.models.verify_report import RebuildReport, SessionProgress
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import states
from helpers.histories import (
    MONDAY,
    TUESDAY,
    edit,
    oversized_record,
    records_of,
    vendor_name,
    write_array,
    write_history,
)
from helpers.lakes import different_tables, lake_content, live_file, select, tree
from helpers.runner import Runner

KILLED = -9


@pytest.fixture(scope="module")
def template(fast_disk: Path) -> Path:
    """A history and a lake with a past: three imports, replaced and skipped files, duplicates, refused records."""
    root = fast_disk / "rebuild"
    history, lake = root / "history", root / "lake"
    first, *_ = write_history(history, sessions=3)
    write_array(history / "b" / vendor_name(MONDAY), [*records_of(count=5), records_of(count=6)[5] | {"spot": 1.5}])
    import_history([history], lake)
    edit(first, lambda records: records.pop(0))
    (history / "giant").mkdir()
    (history / "giant" / vendor_name(TUESDAY)).write_bytes(oversized_record(TUESDAY))
    import_history([history], lake)
    write_array(history / vendor_name(TUESDAY), [record | {"spot": 0} for record in records_of(TUESDAY)])
    import_history([history], lake, ImportOptions(force=True))
    return root


@pytest.fixture
def lake(template: Path, work: Path) -> Path:
    return shutil.copytree(template / "lake", work / "lake")


def original(template: Path) -> Path:
    return template / "lake" / "gexlake.duckdb"


def assert_equal(template: Path, lake: Path) -> None:
    assert different_tables(original(template), lake / "gexlake.duckdb") == []
    assert verify_lake(lake).findings == []


def test_every_table_is_equal_to_the_original(template: Path, lake: Path) -> None:
    report = rebuild_database(lake)
    assert report.clean
    assert (report.sessions, report.snapshots, report.imports, report.imports_without_journal) == (3, 120, 3, 0)
    assert report.lineage_records == select(lake, "SELECT count(*) FROM lineage")[0][0]
    assert report.quarantined_records == select(lake, "SELECT count(*) FROM quarantine")[0][0] > 0
    assert_equal(template, lake)
    assert select(lake, "SELECT count(*) FROM gex_strikes") == [(report.strike_rows,)]


def test_nothing_but_the_database_changes(lake: Path) -> None:
    before = tree(lake)
    rebuild_database(lake)
    changed = {path for path, now in tree(lake).items() if before.get(path) != now}
    assert changed <= {str(lake / "gexlake.duckdb"), str(lake / "staging")}
    assert tree(lake).keys() == before.keys()


def _truncate(path: Path) -> None:
    """To a quarter: what a database is asked first may lie in its first half, and be there still."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 4])


def _scramble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    chance = random.Random(1)
    for _ in range(2000):
        data[chance.randrange(len(data))] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        _truncate,
        _scramble,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a database" * 1000),
        lambda path: path.with_name("gexlake.duckdb.wal").write_bytes(b"a log of another database" * 100),
    ],
    ids=["missing", "cut short", "scrambled", "empty", "not a database", "with a log that is not its own"],
)
def test_damaged_database(template: Path, lake: Path, harm: Callable[[Path], object]) -> None:
    harm(lake / "gexlake.duckdb")
    assert rebuild_database(lake).clean
    assert_equal(template, lake)
    assert not (lake / "gexlake.duckdb.wal").exists()


@pytest.mark.parametrize("harm", [_truncate, _scramble, lambda path: path.write_bytes(b"")])
def test_damaged_database_is_named_with_what_to_do(template: Path, lake: Path, harm: Callable[[Path], object]) -> None:
    harm(lake / "gexlake.duckdb")
    before = tree(lake)
    with pytest.raises(
        LakeError, match=r"gexlake\.duckdb is damaged or not a DuckDB database: .*Run `gexlake rebuild`"
    ):
        import_history([template / "history"], lake)
    with pytest.raises(LakeError, match="Run `gexlake rebuild`"):
        verify_lake(lake)
    assert tree(lake).keys() == before.keys()


def test_tree_that_was_copied_elsewhere_without_the_rest(template: Path, work: Path) -> None:
    for folder in ("gex", "imports", "quarantine"):
        shutil.copytree(template / "lake" / folder, work / "elsewhere" / folder)
    assert rebuild_database(work / "elsewhere").clean
    assert_equal(template, work / "elsewhere")


def test_import_goes_on_where_it_was(template: Path, lake: Path) -> None:
    (lake / "gexlake.duckdb").unlink()
    rebuild_database(lake)
    report = import_history([template / "history"], lake)
    assert report.totals.records_seen == 0
    assert set(report.totals.files) == {"skipped", "partial", "failed"}, "verdicts stand"
    assert verify_lake(lake).findings == []


def test_lost_journal_is_made_up_for_from_the_footers(lake: Path) -> None:
    before = lake_content(lake)
    given = "SELECT source_file, import_id, records_imported FROM lineage WHERE records_imported > 0 ORDER BY ALL"
    lineage = select(lake, given)
    shutil.rmtree(lake / "imports")
    report = rebuild_database(lake)
    assert report.imports_without_journal == report.imports == 2
    after = lake_content(lake)
    for name in ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet"):
        assert after[name] == before[name]
    assert set(select(lake, given)) < set(lineage), "what a later reading has replaced is in no footer"
    assert not {finding.code for finding in verify_lake(lake).findings} & {"lineage_missing", "lineage_imported"}


def test_damaged_journal_is_named(lake: Path) -> None:
    file = min((lake / "imports").glob("*/quarantine.parquet"))
    file.write_bytes(b"nothing")
    report = rebuild_database(lake)
    (finding,) = report.findings
    assert finding.code == "journal"
    assert finding.message.startswith(f"{file} is damaged: ")


@pytest.mark.parametrize("dataset", ["snapshots", "strikes"])
@pytest.mark.parametrize("harm", [Path.unlink, _truncate, lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_session_with_a_damaged_file_is_named_and_comes_back_with_the_next_import(
    template: Path, lake: Path, dataset: str, harm: Callable[[Path], object]
) -> None:
    path = live_file(lake, dataset, MONDAY)
    data = path.read_bytes()
    for name in (path, next((lake / "gex" / dataset).rglob(f"session_date={MONDAY}/*.parquet"))):
        harm(name)
        assert not name.exists() or name.read_bytes() != data
    report = rebuild_database(lake)
    assert [(finding.code.value, finding.session) for finding in report.findings] == [
        ("parquet_damaged", f"NQ_NDX/classic/gex_zero/{MONDAY}")
    ]
    assert report.sessions == 2
    import_history([template / "history"], lake)
    assert verify_lake(lake).findings == []
    assert lake_content(lake)["gex_snapshots"] == lake_content(template / "lake")["gex_snapshots"]


def test_crash_leaves_the_old_database_or_the_new(template: Path, lake: Path, runner: Runner) -> None:
    counted = runner.start("rebuild", shutil.copytree(lake, lake.with_name("all")), faults={"count": True}).wait()
    assert counted.points > 10
    for point in range(1, counted.points + 1, 6):
        assert runner.start("rebuild", lake, faults={"die_at": point}).wait().status == KILLED
        assert different_tables(original(template), lake / "gexlake.duckdb") == []
    assert runner.start("rebuild", lake).wait().status == 0
    assert import_history([template / "history"], lake).totals.records_seen == 0
    assert not list((lake / "staging").iterdir())
    assert verify_lake(lake).findings == []


def _replaced(folder: Path, lake: Path) -> None:
    """Two sessions are corrected, one of them by another file too, which has a conflict."""
    first, second = write_history(folder, sessions=2, snapshots=20)
    import_history([folder], lake)
    edit(first, lambda records: records[3].update(spot=1.5))
    edit(second, lambda records: records.pop(0))
    write_array(folder / "other" / vendor_name(MONDAY), records_of(MONDAY, 30))


def _of_two_days(folder: Path, lake: Path) -> None:
    """Of the sessions that one file feeds, the first that is committed has no lineage of its own."""
    source = folder / vendor_name(MONDAY)
    write_array(source, [record for day in (MONDAY, TUESDAY) for record in records_of(day, 20)])
    import_history([folder], lake)
    edit(source, lambda records: [record.update(spot=0) for record in records[3::20]])


@pytest.mark.parametrize("prepare", [_replaced, _of_two_days])
def test_kill_of_an_import_that_takes_the_database_along(
    work: Path, runner: Runner, prepare: Callable[[Path, Path], None]
) -> None:
    """Whatever had been committed, and also before there was a journal: the same import then gives the same lake."""
    folder, lake, kept = work / "history", work / "lake", work / "kept"
    prepare(folder, lake)
    runner.run_import(folder, lake, {"copy_to": str(kept)})
    expected = lake_content(lake)
    renamed = set()
    for number, (_, broken) in enumerate(states(kept)):
        halves = [path.parent for path in (broken / "staging").glob("*/*/strikes.parquet") if _is_half(path.parent)]
        renamed |= {path.name for path in halves}
        if number % 20 and not halves:
            continue
        (broken / "gexlake.duckdb").unlink()
        (broken / "gexlake.duckdb.wal").unlink(missing_ok=True)
        assert rebuild_database(broken).clean
        import_history([folder], broken)
        assert lake_content(broken) == expected
        assert verify_lake(broken).findings == []
    assert len(renamed) == 2


def _is_half(directory: Path) -> bool:
    """Whether a kill came between the two renames of a session."""
    return (directory / "manifest.json").exists() and not (directory / "snapshots.parquet").exists()


def test_progress_and_report(lake: Path) -> None:
    seen: list[tuple[int, int]] = []

    def note(progress: SessionProgress) -> None:
        seen.append((progress.sessions_done, progress.sessions_total))

    report = rebuild_database(lake, on_progress=note)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert RebuildReport.model_validate_json(report.model_dump_json()) == report


def test_place_without_a_tree_is_refused(work: Path) -> None:
    with pytest.raises(LakeError, match="There is nothing to rebuild at"):
        rebuild_database(work / "nowhere")
    assert not (work / "nowhere").exists()


def test_lake_of_a_newer_gexlake_is_not_rebuilt_by_this_one(newer_lake: Path) -> None:
    (newer_lake / "imports").mkdir(exist_ok=True)
    with pytest.raises(LakeError, match="was written by a newer gexlake") as refused:
        rebuild_database(newer_lake)
    assert not isinstance(refused.value, LakeLockedError)

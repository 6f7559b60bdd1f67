"""Files of versions go once nobody can ask for them any more, and none before."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gexlake.db.collect import collect
from gexlake.db.commits import kept_versions, last_commit, live_versions
from gexlake.db.database import open_database
from gexlake.db.followers import forget_follower, retain
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import version_paths
from gexlake.db.readers import GRACE, reading
from gexlake.errors import StorageError
from gexlake.models.gc_report import Garbage, GcReport, Stay
from gexlake.models.import_order import ImportOptions
from gexlake.services.importing import commits
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import forget_source, restore_import
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, lake_content

LATER = timedelta(days=2)


@pytest.fixture(scope="module")
def made(fast_disk: Path) -> Path:
    """A lake with four versions of Monday, of which one is kept, and of Tuesday, which was taken out, the last."""
    folder, lake = fast_disk / "gc-history", fast_disk / "gc-lake"
    for day in (MONDAY, TUESDAY):
        write_array(folder / vendor_name(day), records_of(day, 5))
    import_history([folder], lake)
    for spot in (1.25, 2.5, 3.75):
        edit(folder / vendor_name(MONDAY), lambda records, spot=spot: records[3].update(spot=spot))
        import_history([folder], lake, ImportOptions(keep_versions=1))
    forget_source(lake, folder / vendor_name(TUESDAY))
    return lake


@pytest.fixture
def lake(made: Path, work: Path) -> Path:
    return copy_lake(made, work / "lake")


def gc(lake: Path, *, after: timedelta = LATER, strays: bool = False, dry_run: bool = False) -> GcReport:
    layout, now = LakeLayout(lake), datetime.now(UTC) + after
    with open_database(layout, write=not dry_run) as connection:
        return collect(connection, layout, strays=strays, dry_run=dry_run, now=now)


def version_files(lake: Path) -> set[Path]:
    return {path.relative_to(lake) for path in (lake / "versions").rglob("*.parquet*")}


def needed_files(lake: Path) -> set[Path]:
    """Of what is live and what is kept."""
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        wanted = [*live_versions(connection), *kept_versions(connection)]
    found = [version_paths(layout, one.record_type, one.session, one.version).values() for one in wanted]
    return {file.relative_to(lake) for files in found for file in files}


def test_versions_that_are_not_kept_go_when_the_grace_is_over(lake: Path) -> None:
    before = version_files(lake)
    assert gc(lake, after=GRACE - timedelta(minutes=5)).collected == []
    foreseen = gc(lake, dry_run=True)
    assert version_files(lake) == before
    report = gc(lake)
    assert report.collected == foreseen.collected
    assert {one.why for one in report.collected} == {Garbage.REPLACED}
    assert (len(report.collected), report.files, report.staying) == (2, 4, {Stay.RESTORE: 2})
    assert version_files(lake) == needed_files(lake)
    assert len(before) - len(version_files(lake)) == 4
    assert gc(lake, strays=True).collected == []
    assert verify_lake(lake).clean


def test_what_is_kept_can_be_restored_after_a_collection(lake: Path) -> None:
    gc(lake)
    with open_database(LakeLayout(lake), write=False) as connection:
        kept = kept_versions(connection)
    for one in kept:
        assert restore_import(lake, one.import_id).sessions


def test_a_removed_session_goes_too_where_nothing_is_kept_of_it(lake: Path) -> None:
    with open_database(LakeLayout(lake), write=True) as connection:
        connection.execute("UPDATE changes SET keep_versions = 0 WHERE keep_versions IS NOT NULL")
    report = gc(lake)
    assert sorted(one.why for one in report.collected) == [Garbage.REMOVED, *[Garbage.REPLACED] * 3]
    assert version_files(lake) == needed_files(lake)


def test_an_import_collects_at_its_end(lake: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_array(work / "more" / vendor_name(TUESDAY), records_of(TUESDAY, 6))
    monkeypatch.setattr(commits, "grace_of", lambda _: timedelta(0))
    import_history([work / "more"], lake)
    assert version_files(lake) == needed_files(lake)
    assert lake_content(lake)


def test_who_began_to_read_before_a_version_was_replaced_keeps_it(made: Path, work: Path) -> None:
    folder, lake = work / "history", work / "lake"
    write_array(folder / vendor_name(), records_of(count=5))
    options = ImportOptions(keep_versions=0)
    import_history([folder], lake)
    with reading():
        edit(folder / vendor_name(), lambda records: records[3].update(spot=1.25))
        import_history([folder], lake, options)
        assert gc(lake).staying == {Stay.READ: 1}
    with reading():
        assert len(gc(lake).collected) == 1


def test_what_an_import_that_runs_may_build_on_stays(lake: Path) -> None:
    with open_database(LakeLayout(lake), write=True) as connection:
        connection.execute(
            "UPDATE imports SET status = 'running' WHERE started_at = (SELECT min(started_at) FROM imports)"
        )
    assert gc(lake).staying == {Stay.RESTORE: 2, Stay.READ: 2}


def test_what_a_follower_retains_stays(lake: Path) -> None:
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        numbers = [number for (number,) in connection.execute("SELECT commit FROM commits ORDER BY commit").fetchall()]
    second, third = numbers[1], numbers[2]  # Monday's second and third version came with these
    retain(layout, "reader", second)
    assert gc(lake, dry_run=True).staying == {Stay.RESTORE: 2, Stay.FOLLOWED: 1}
    retain(layout, "other", 0)
    assert gc(lake, dry_run=True).staying == {Stay.RESTORE: 2, Stay.FOLLOWED: 2}
    forget_follower(layout, "other")
    retain(layout, "reader", third)
    assert len(gc(lake).collected) == 2


def test_strays_go_after_the_grace_and_what_is_not_ours_stays(lake: Path) -> None:
    live = next(iter(sorted(needed_files(lake))))
    stray = lake / live.with_name(f"{live.parts[2]}-20200101T000000-00000000.000000.parquet")
    half = lake / live.with_name(f".{live.name}.new")
    own = lake / live.with_name("notes.parquet")
    for file in (stray, half, own):
        shutil.copyfile(lake / live, file)
    assert gc(lake).files == 4
    assert gc(lake, after=timedelta(0), strays=True).staying[Stay.GRACE] == 2
    retain(LakeLayout(lake), "reader", 5)
    assert gc(lake, strays=True).staying[Stay.FOLLOWED] == 2
    forget_follower(LakeLayout(lake), "reader")
    report = gc(lake, strays=True)
    assert [one.why for one in report.collected] == [Garbage.STRAY] * 2
    assert version_files(lake) == needed_files(lake) | {own.relative_to(lake)}


def test_files_of_staged_work_that_waits_for_its_commit_are_no_strays(
    lake: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the transaction is to be written: the files have their names, and the work is kept."""
    write_array(work / "more" / vendor_name(TUESDAY), records_of(TUESDAY, 6))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    gc(lake)
    monkeypatch.setattr("gexlake.db.commit.insert_sessions", fail)
    with pytest.raises(StorageError):
        import_history([work / "more"], lake)
    monkeypatch.undo()
    waiting = version_files(lake) - needed_files(lake)
    assert len(waiting) == 2
    assert gc(lake, strays=True).collected == []
    import_history([work / "more"], lake)
    assert waiting < needed_files(lake)


def test_a_rebuilt_database_collects_what_the_lost_one_would_have(lake: Path) -> None:
    layout = LakeLayout(lake)
    with open_database(layout, write=False) as connection:
        number = last_commit(connection)
    retain(layout, "reader", number)
    needed = needed_files(lake)
    rebuild_database(lake)
    assert gc(lake, after=timedelta(0), strays=True).collected == []
    assert gc(lake, strays=True).files == 4
    assert version_files(lake) == needed_files(lake) == needed


def test_killed_at_any_file_the_next_collection_does_what_is_left(
    made: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink, content = os.unlink, lake_content(made)
    for point in range(4):
        lake = copy_lake(made, work / str(point))
        left = point

        def die(path: Path, *, missing_ok: bool = False) -> None:
            nonlocal left
            if left == 0 and "versions" in path.parts:
                raise KeyboardInterrupt
            left -= "versions" in path.parts
            unlink(path)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", die)
            with pytest.raises(KeyboardInterrupt):
                gc(lake)
        assert lake_content(lake) == content
        assert gc(lake).files == 4 - point
        assert version_files(lake) == needed_files(lake)

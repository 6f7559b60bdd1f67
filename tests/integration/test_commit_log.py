"""Every commit is numbered and listed, and every version has files under a name that never means another."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexlake.db.commits import (
    NOTHING,
    Change,
    LiveVersion,
    UnknownCommitError,
    changes_since,
    last_commit,
    live_versions,
)
from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.parquet import dataset_paths, version_paths
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import forget_source
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array


@pytest.fixture
def folder(work: Path) -> Path:
    for day in (MONDAY, TUESDAY):
        write_array(work / "history" / vendor_name(day), records_of(day, 10))
    return work / "history"


@pytest.fixture
def lake(work: Path, folder: Path) -> Path:
    import_history([folder], work / "lake")
    return work / "lake"


def log_of(lake: Path, since: int = NOTHING) -> tuple[int, list[Change], list[LiveVersion]]:
    with open_database(LakeLayout(lake), write=False) as connection:
        return last_commit(connection), changes_since(connection, since), live_versions(connection)


def test_what_came_since_a_commit_is_listed_by_the_last_change_of_each_session(folder: Path, lake: Path) -> None:
    first, changes, live = log_of(lake)
    assert [(one.record_type, one.session, one.version) for one in changes] == [
        (one.record_type, one.session, one.version) for one in live
    ]
    for spot in (1.25, 2.5):
        edit(folder / vendor_name(MONDAY), lambda records, spot=spot: records[3].update(spot=spot))
        import_history([folder], lake)
    last, changes, live = log_of(lake, first)
    assert last == first + 2
    assert [(one.commit, one.session, one.version) for one in changes] == [(last, live[0].session, live[0].version)]
    assert log_of(lake, last)[1] == []
    forget_source(lake, folder / vendor_name(TUESDAY))
    last, (removed,), (left,) = log_of(lake, last)
    assert (removed.commit, removed.session.session_date, removed.version) == (last, TUESDAY, None)
    assert left.session.session_date == MONDAY


def test_each_version_has_files_of_its_own_and_globs_find_the_live_one(folder: Path, lake: Path) -> None:
    layout, (_, _, before) = LakeLayout(lake), log_of(lake)
    old = {file: file.read_bytes() for file in files_of(layout, before[0]).values()}
    edit(folder / vendor_name(MONDAY), lambda records: records[3].update(spot=1.25))
    import_history([folder], lake)
    _, _, after = log_of(lake)
    assert after[0].version != before[0].version
    assert {file: file.read_bytes() for file in old} == old
    for one in after:
        shown = dataset_paths(layout, one.record_type, one.session)
        assert all(shown[name].samefile(file) for name, file in files_of(layout, one).items())


def files_of(layout: LakeLayout, one: LiveVersion) -> dict[str, Path]:
    return version_paths(layout, one.record_type, one.session, one.version)


def test_a_rebuilt_database_knows_no_commit_of_the_one_that_was_lost(lake: Path) -> None:
    before, _, live = log_of(lake)
    rebuild_database(lake)
    after, changes, still_live = log_of(lake)
    assert after > before
    assert {one.commit for one in changes} == {after}
    assert still_live == live
    with pytest.raises(UnknownCommitError, match=f"knows no commit {before}"):
        log_of(lake, before)

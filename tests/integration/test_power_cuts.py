"""The power fails at any moment of an import: nothing that was committed is lost, and nothing is left half."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.recovery import recover
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.crashes import apart
from helpers.histories import TUESDAY, edit, oversized_record, vendor_name, write_history
from helpers.lakes import lake_content
from helpers.power import CrashState, Watch
from helpers.preload import needs_compiler
from helpers.runner import Runner

VERIFIED_EVERY, RUN_AGAIN_EVERY = 7, 15
"""States come in pairs, before a sync and after it; all of them are opened."""
pytestmark = needs_compiler


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> Path:
    """Two sessions, with refused records, one of them an oversized one."""
    folder = fast_disk / "power-history"
    _, second = write_history(folder, sessions=2, snapshots=8)
    edit(second, lambda records: records[3].pop("strikes"))
    (folder / "more").mkdir()
    (folder / "more" / vendor_name(TUESDAY)).write_bytes(oversized_record(TUESDAY))
    return folder


@pytest.fixture
def watch(work: Path) -> Iterator[Watch]:
    root = work / "disk"
    root.mkdir()
    watch = Watch(root, work)
    yield watch
    watch.close()


def test_power_cut_after_every_sync_and_change_of_a_directory(history: Path, work: Path, watch: Watch) -> None:
    runner = Runner(watch.prefix)
    try:
        outcome = runner.run_import(history, watch.disk.root / "lake", {"say": True})
    finally:
        runner.close()
    assert outcome.status in {0, 1}, outcome
    watch.disk.end()
    assert [words.split()[0] for words in watch.disk.said] == ["session", "session", "import"]
    expected = lake_content(watch.disk.root / "lake")
    states = apart(
        watch.disk.states, lambda state: {name: data for name, data in state.tree.items() if data is not None}
    )
    assert len(states) > 60, (watch.disk.events, watch.disk.syncs)
    for number, state in enumerate(states):
        place = work / "after"
        state.lay_out(place)
        assert_nothing_lost(state, place / "lake")
        if number % VERIFIED_EVERY == 0 and (place / "lake/gexlake.duckdb").exists():
            assert verify_lake(place / "lake", read_sources=False).findings == [], state.moment
        if number % RUN_AGAIN_EVERY == 0:
            import_history([history], place / "lake")
            assert lake_content(place / "lake") == expected, state.moment
            assert verify_lake(place / "lake", read_sources=False).findings == [], state.moment
        shutil.rmtree(place)


def assert_nothing_lost(state: CrashState, lake: Path) -> None:
    """What had been acknowledged is there once the lake is opened."""
    if not (lake / "gexlake.duckdb").exists():
        assert not state.said, state.moment
        return
    layout = LakeLayout(lake)
    with open_database(layout, write=True) as connection:
        recover(connection, layout)
        sessions = connection.execute("SELECT format('session {} {}', session_date, checksum) FROM sessions").fetchall()
        imports = connection.execute("SELECT format('import {} {}', import_id, status) FROM imports").fetchall()
    lost = set(state.said) - {words for (words,) in (*sessions, *imports)}
    assert not lost, (state.moment, lost)

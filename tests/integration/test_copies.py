"""A copy of a lake, made while it is in use, and opened elsewhere: it answers rightly, for itself."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

import gexlake
from e2e.test_serve_process import Service
from gexlake.services.asking.status import lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.owner.served import find_server
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, records_of, vendor_name, write_array, write_history
from helpers.lakes import select
from helpers.pauses import paused_import
from helpers.runner import Runner

COUNT = 20


def write_version(folder: Path, number: int) -> None:
    for day in (MONDAY, TUESDAY):
        write_array(folder / vendor_name(day), [r | {"spot": 1000 + number} for r in records_of(day, COUNT)])


def assert_whole_versions(lake: Path) -> None:
    """Every answer is of one version of each session."""
    opened = gexlake.open(lake)
    rows = opened.sql("SELECT count(*), count(DISTINCT spot) FROM gex_snapshots GROUP BY session_date").rows()
    assert rows == [(COUNT, 1)] * 2
    assert opened.snapshots("NQ_NDX").group_by("session_date").n_unique()["spot"].to_list() == [1, 1]


@pytest.mark.parametrize("where", ["plan", "commit"])
def test_a_copy_that_was_made_while_an_import_ran(work: Path, runner: Runner, where: str) -> None:
    folder, lake, copy = work / "history", work / "lake", work / "elsewhere" / "copy"
    write_version(folder, 0)
    import_history(folder, lake)
    write_version(folder, 1)
    with paused_import(runner, folder, lake, pause_in=where) as paused:
        shutil.copytree(lake, copy)
    assert paused.outcome.status == 0
    assert_whole_versions(copy)
    assert select(copy, "SELECT DISTINCT spot FROM gex_snapshots") == [(1000,)]
    import_history(folder, copy)
    assert_whole_versions(copy)
    assert select(copy, "SELECT DISTINCT spot FROM gex_snapshots") == [(1001,)]
    assert verify_lake(copy).findings == []


def test_a_copy_leads_nobody_to_the_service_of_the_original(work: Path) -> None:
    folder, lake = work / "history", work / "lake"
    first, second, *_ = write_history(folder)
    import_history(first, lake)
    service = Service("--lake", lake, "--port", "0", access_log="false")
    try:
        service.url()
        copy, links, link = work / "copy", work / "links", work / "link"
        shutil.copytree(lake, copy)
        shutil.copytree(lake, links, copy_function=os.link)  # as `cp -al` does, with the very file that is locked
        link.symlink_to(lake)
        assert (copy / "server.json").exists()
        assert [find_server(path) is not None for path in (lake, link, copy, links)] == [True, True, False, False]
        import_history(second, copy)
        assert [lake_status(path).sessions for path in (lake, copy)] == [1, 2]
        assert verify_lake(copy).findings == []
    finally:
        status, _, err = service.end(signal.SIGTERM)
    assert (status, "Traceback" in err) == (0, False)

"""A write into the database is torn, by a kill or a full disk: the lake is what it was, and the next run completes."""

from __future__ import annotations

import errno
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.lakes import lake_content, select
from helpers.preload import compiled, needs_compiler
from helpers.runner import Runner
from helpers.storage import History

KILLED = -9
pytestmark = needs_compiler


@pytest.fixture(scope="module")
def torn_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Runs imports whose writes can be torn."""
    runner = Runner(["env", f"LD_PRELOAD={compiled('torn', tmp_path_factory.mktemp('torn'))}"])
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> History:
    return History.changed(fast_disk / "torn-history")


TORN = {
    "killed": {"GEXLAKE_TORN_BYTES": 131_072},
    "full": {"GEXLAKE_TORN_BYTES": 4096, "GEXLAKE_TORN_ERRNO": errno.ENOSPC},
}


@pytest.mark.parametrize("how", TORN)
def test_a_torn_write_into_the_database(history: History, torn_runner: Runner, work: Path, how: str) -> None:
    """Of the catalog, which the last checkpoint still needs, or of data that nothing refers to yet."""
    folder, undisturbed = history.folder, history.lake_before(work / "undisturbed")
    import_history([folder], undisturbed)
    expected = lake_content(undisturbed)
    for number in itertools.count(1, 2):
        lake = history.lake_before(work / f"lake-{number}")
        faults = {"torn": {name: str(value) for name, value in {**TORN[how], "GEXLAKE_TORN_AT": number}.items()}}
        outcome = torn_runner.run_import(folder, lake, faults)
        if outcome.out:
            break  # there is no write of this number any more
        assert outcome.status == {"killed": KILLED, "full": 1}[how], outcome
        assert "Traceback" not in outcome.err
        with open_database(LakeLayout(lake), write=False) as connection:  # a reader has to find it whole
            assert connection.execute("SELECT count(*) FROM sessions").fetchall() == [(2,)]
        import_history([folder], lake)
        found = lake_content(lake)
        assert {name: found[name] for name in expected} == expected, number
        if number % 4 == 1:
            assert verify_lake(lake).findings == [], number
        shutil.rmtree(lake)
    assert number > 5
    assert select(undisturbed, "SELECT count(*) FROM quarantine") == [(1,)]


IMAGES = {
    "nothing": b"",
    "a byte": b"\x01",
    "no text": b"\xff" * 100,
    "another document": (10).to_bytes(8, "little") + b'{"a": [1]}',
    "another content": (58).to_bytes(8, "little")
    + b'{"headers": 8192, "blocks": [[12288, 4]], "xxh3_128": "0"}'
    + bytes(8196),
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_an_image_that_is_not_whole_is_none(history: History, work: Path, image: bytes) -> None:
    lake = LakeLayout(history.lake_before(work / "lake"))
    before = lake.database.read_bytes()
    lake.before_image.write_bytes(image)
    with open_database(lake, write=False) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchall() == [(2,)]
    assert not lake.before_image.exists()
    assert lake.database.read_bytes() == before

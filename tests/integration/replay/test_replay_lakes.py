"""What becomes of the lake while it is replayed, or is not as it should be."""

from __future__ import annotations

import shutil
from pathlib import Path

from gexlake.models.feed import Feed
from gexlake.services.importing.import_history import import_history
from helpers.histories import MONDAY, TUESDAY, edit
from helpers.lakes import live_files
from helpers.replay import assert_same, records_of_source, source_file
from integration.replay.conftest import Start

ZERO = Feed("NQ_NDX", "classic", "gex_zero")
PATH = "/v2/NQ_NDX/classic/gex_zero"


def copy_of(lake: Path, folder: Path) -> Path:
    shutil.copytree(lake.parent, folder / "copy")
    return folder / "copy" / "data"


def test_a_day_that_comes_meanwhile_has_its_files(starting: Start, replay_lake: Path, work: Path) -> None:
    lake = work / "data"
    for day in (TUESDAY, MONDAY):
        import_history(source_file(replay_lake, day, "classic", "gex_zero"), lake)
        if day == TUESDAY:
            replay = starting(lake, "--start-at", "end")
    address = f"/v2/hist/NQ_NDX/classic/gex_zero/{MONDAY}?noredirect"
    while (answer := replay.get(address)).status_code == 404:  # it lists the lake anew once in a second
        pass
    assert answer.status_code == 200


def test_a_session_that_is_replaced_stays_what_it_was(starting: Start, replay_lake: Path, work: Path) -> None:
    lake = copy_of(replay_lake, work)
    replay = starting(lake, "--date", str(TUESDAY), "--start-at", "end")
    before = records_of_source(lake, TUESDAY, ZERO)
    assert_same([replay.get(PATH).json()], before[-1:])
    edit(source_file(lake, TUESDAY, "classic", "gex_zero"), lambda records: records[-1].update(spot=1.0))
    import_history(lake.parent / "source", lake)
    assert_same([replay.get(PATH).json()], before[-1:])


def test_a_damaged_session_is_named_and_the_others_are_served(starting: Start, replay_lake: Path, work: Path) -> None:
    lake = copy_of(replay_lake, work)
    (file,) = live_files(
        lake, dataset="strikes", folders=f"ticker=NQ_NDX/package=classic/category=gex_zero/session_date={TUESDAY}"
    )
    data = bytearray(file.read_bytes())
    data[100:2000] = bytes(1900)
    file.write_bytes(data)
    replay = starting(lake, "--date", str(TUESDAY), "--paused")
    socket = replay.open(replay.get("/negotiate").json()["websocket_urls"]["classic"])
    for category in ("gex_zero", "gex_one"):
        socket.join(f"blue_NQ_NDX_classic_{category}")
    replay.control("step", seconds=5)
    answer = replay.get(PATH)
    assert (answer.status_code, list(answer.json())) == (503, ["error"])
    assert "is damaged" in answer.json()["error"]
    assert replay.get("/v2/NQ_NDX/classic/gex_one").status_code == 200
    assert {message.group for message in socket.so_far()} == {"blue_NQ_NDX_classic_gex_one"}
    socket.close()

"""What is recorded live: written down as it came, answered from at once, kept through kills, taken over."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
import redis

from gexlake.api.announce import CHANNEL
from gexlake.models.source import SYNTHETIC_NOTE
from gexlake.services.asking.gaps import find_gaps
from gexlake.services.importing.import_history import import_history
from helpers.lakes import lake_content, select
from helpers.living import DAY, Service, records_of, start_live
from helpers.processes import until
from helpers.redis_server import RedisServer
from helpers.replay import KEY, ReplayProcess, make_lake, source_file
from integration.live.conftest import StartLive

READY = r"Polling|Listening"
ASKED = {"symbol": "NQ_NDX", "package": "classic", "category": "gex_zero"}
CLASSIC = ("--package", "classic", "--category", "gex_zero")


def documents(vendor_lake: Path, package: str = "classic", category: str = "gex_zero") -> list[dict[str, Any]]:
    """What the vendor's history file holds."""
    found: list[dict[str, Any]] = json.loads(source_file(vendor_lake, DAY, package, category).read_bytes())
    return found


def step_to(replay: ReplayProcess, lake: Path, count: int, **feed: str) -> None:
    """Let so many records happen, one after the other, each once the one before is written down."""
    for number in range(len(records_of(lake, **feed)), count):
        replay.control("step", seconds=1)
        until(lambda number=number: len(records_of(lake, **feed)) > number)


@pytest.mark.parametrize("way", ["poll", "socket"])
def test_record_is_answered_as_the_vendor_gave_it(
    work: Path, replay: ReplayProcess, vendor_lake: Path, recording: StartLive, way: str
) -> None:
    live = recording(work, replay, *CLASSIC, "--by", way)
    live.wait_for(READY)
    service = Service(work)
    expected = documents(vendor_lake)
    try:
        for record in expected[:3]:
            replay.control("seek", to=record["timestamp"])
            assert until(lambda record=record: (found := service.latest()) == record and found)
        assert set(service.instants()) <= {record["timestamp"] for record in expected}
        head = service.picture_head()
        assert (head["snapshots"], head["last"]) == (len(service.instants()), expected[2]["timestamp"])
        assert head["synthetic"] is False
        (work / "live" / SYNTHETIC_NOTE).touch()
        assert service.picture_head()["synthetic"] is True
        assert service.client.get("/gex/bars", params=ASKED).status_code == 404
        ready = service.client.get("/ready").json()["live"]
        assert ready["feeds"] == 1
        assert (
            'gexlake_live_last_record_age_seconds{feed="NQ_NDX/classic/gex_zero"}'
            in service.client.get("/metrics").text
        )
    finally:
        assert service.end(signal.SIGTERM)[0] == 0


def test_key_is_in_no_file_and_no_output(work: Path, replay: ReplayProcess, recording: StartLive) -> None:
    live = recording(work, replay, *CLASSIC, "--by", "socket")
    live.wait_for(READY)
    step_to(replay, work, 2)
    status, out, err = live.end()
    assert (status, out) == (0, "")
    assert "1 segments are not imported" in err
    assert KEY not in err
    assert "access_token" not in err
    assert not [path for path in work.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_day_recorded_at_two_hundred_times_speed_is_the_day_that_was_replayed(
    work: Path, fast_disk: Path, recording: StartLive
) -> None:
    """Bit for bit, and nothing lost: four minutes of a feed of each hub."""
    categories = ("gex_zero", "gamma_zero", "delta_one", "orderflow")
    feeds = [("classic", "gex_zero"), ("state", "gex_zero"), ("state", "gamma_zero"), ("state", "delta_one"),
             ("orderflow", "orderflow")]  # fmt: skip
    day = make_lake(fast_disk / "day-at-speed", sessions=1, snapshots=240, categories=categories)
    replay = ReplayProcess(day, "--paused", "--speed", "200", "--backlog", "1000000")
    try:
        options = [option for category in categories for option in ("--category", category)]
        live = recording(work, replay, *options, "--by", "socket")
        live.wait_for(READY)
        replay.control("resume")
        for feed in feeds:
            until(lambda feed=feed: len(records_of(work, *feed)) == 240)
        assert live.end()[0] == 0
        assert replay.end()[0] == 0
    finally:
        replay.process.kill()
    import_history(sorted((work / "live" / DAY).glob("*.jsonl")), work)
    mine, theirs = lake_content(work), lake_content(day)
    for name in theirs.keys() - {"sessions", "lineage", "quarantine", "imports"}:
        assert mine[name] == theirs[name], name
    assert mine["quarantine"] == []


def test_nothing_acknowledged_is_lost_to_a_kill(work: Path, replay: ReplayProcess, recording: StartLive) -> None:
    first = recording(work, replay, *CLASSIC, "--by", "poll")
    first.wait_for(READY)
    step_to(replay, work, 5)
    before = records_of(work)
    first.kill()
    (segment,) = (work / "live" / DAY).glob("*.jsonl")
    with segment.open("ab") as file:  # what a power cut leaves of a line
        file.write(b'{"timestamp": 17627')
    replay.control("step", seconds=8)
    second = recording(work, replay, *CLASSIC, "--by", "poll")
    second.wait_for("19 bytes of torn lines were cut off")
    second.wait_for(READY)
    step_to(replay, work, len(before) + 3)
    status, _, err = second.end()
    assert status == 0, err
    after = records_of(work)
    assert after[: len(before)] == before
    assert len({record["timestamp"] for record in after}) == len(after)
    (missed,) = [json.loads(line) for line in (work / "live" / DAY / ".interruptions.jsonl").read_text().splitlines()]
    assert missed["reason"] == "gexlake live was not running"
    assert missed["start_us"] == before[-1]["timestamp"] * 1_000_000
    assert missed["end_us"] == after[len(before)]["timestamp"] * 1_000_000
    import_history(segment, work)
    (feed,) = find_gaps(work).feeds
    reasons = [hole.reason for hole in feed.days[0].holes]
    assert reasons.count("gexlake live was not running") == 1


def test_second_process_waits_and_takes_over(work: Path, replay: ReplayProcess, recording: StartLive) -> None:
    first = recording(work, replay, *CLASSIC, "--by", "poll")
    first.wait_for(READY)
    second = recording(work, replay, *CLASSIC, "--by", "poll")
    assert second.wait_for(r"Process (\d+) records into this lake")[1] == str(first.process.pid)
    step_to(replay, work, 3)
    first.kill()
    second.wait_for(READY)
    step_to(replay, work, 6)
    instants = [record["timestamp"] for record in records_of(work)]
    assert instants == sorted(set(instants))
    assert second.end()[0] == 0


def test_dropped_sockets_are_opened_again_and_what_was_missed_has_a_reason(
    work: Path, replay: ReplayProcess, recording: StartLive
) -> None:
    live = recording(work, replay, *CLASSIC, "--by", "socket")
    live.wait_for(READY)
    step_to(replay, work, 3)
    replay.client.post("/gexlake/replay/sockets/drop", json={}).raise_for_status()
    live.wait_for(READY)
    before = len(records_of(work))
    replay.control("step", seconds=10)
    until(lambda: len(records_of(work)) > before)
    status, _, err = live.end()
    assert (status, "reconnect" in err) == (0, True), err
    assert len({record["timestamp"] for record in records_of(work)}) == len(records_of(work))


def test_sockets_whose_place_was_taken_are_negotiated_anew(
    work: Path, replay: ReplayProcess, recording: StartLive
) -> None:
    live = recording(work, replay, *CLASSIC, "--by", "socket")
    live.wait_for(READY)
    step_to(replay, work, 2)
    groups = ["NQ_NDX_classic_gex_zero", "NQ_NDX_spot"]
    assert replay.post("/v2/negotiate", {"groups": groups}).status_code == 200  # as another program with the same key
    live.wait_for("could not be opened.*Negotiating anew")
    live.wait_for(READY)
    step_to(replay, work, 4)
    assert "1 reconnects" in live.end()[2]


def test_closed_segments_are_imported_and_answers_stay_the_same(
    work: Path, replay: ReplayProcess, recording: StartLive
) -> None:
    live = recording(work, replay, *CLASSIC, "--by", "poll", imports=True)
    live.wait_for(READY)
    service = Service(work)
    try:
        step_to(replay, work, 4)
        until(lambda: len(service.instants()) == 4)
        before = service.instants()
        [session] = service.client.get("/sessions").json()["sessions"]
        assert (session["session_date"], session["snapshots"], session["import_id"]) == (DAY, 4, None)
        replay.control("step", seconds=600)
        until((work / "live" / DAY / ".imported").exists)
        assert service.instants()[:4] == before
        assert service.latest() is not None
    finally:
        assert service.end(signal.SIGTERM)[0] == 0
    assert select(work, "SELECT snapshots FROM sessions") == [(4,)]
    ((source, status),) = select(work, "SELECT source_file, status FROM lineage")
    assert Path(source).parent == work / "live" / DAY
    assert status == "success"


def test_what_is_open_at_the_end_is_imported(work: Path, replay: ReplayProcess, recording: StartLive) -> None:
    live = recording(work, replay, *CLASSIC, "--by", "poll", imports=True)
    live.wait_for(READY)
    step_to(replay, work, 3)
    status, _, err = live.end()
    assert (status, "Importing the last 1 segments." in err) == (0, True), err
    assert select(work, "SELECT snapshots FROM sessions") == [(3,)]
    assert (work / "live" / DAY / ".imported").exists()


def test_full_disk_ends_it_with_words_and_what_was_written_stays(
    work: Path, replay: ReplayProcess, recording: StartLive
) -> None:
    live = start_live(work, replay, *CLASSIC, "--by", "poll")
    live.wait_for(READY)
    step_to(replay, work, 3)
    (segment,) = (work / "live" / DAY).glob("*.jsonl")
    most = segment.stat().st_size + 100
    resource.prlimit(live.process.pid, resource.RLIMIT_FSIZE, (most, most))
    replay.control("step", seconds=1)
    status, _, err = live.end(signal.SIGCONT)
    assert (status, "Traceback" in err) == (1, False), err
    assert "File too large" in err
    assert segment.stat().st_size == most, "the disk took a part of the line"
    again = recording(work, replay, *CLASSIC, "--by", "poll")
    again.wait_for("100 bytes of torn lines were cut off")
    again.wait_for(READY)
    step_to(replay, work, 4)


def test_service_records_itself_and_tells_redis_of_each_record(
    work: Path, replay: ReplayProcess, vendor_lake: Path
) -> None:
    server = RedisServer(work)
    server.start()
    client = redis.Redis.from_url(server.url)
    channel = client.pubsub(ignore_subscribe_messages=True)
    channel.subscribe(CHANNEL)
    service = Service(
        work,
        "--live",
        "NQ_NDX",
        GEXLAKE_LIVE_CATEGORIES="gex_zero",
        GEXLAKE_LIVE_PACKAGES="classic",
        GEXLAKE_VENDOR_URL=f"{replay.url}/v2",
        GEXLAKE_VENDOR_CLOCK_FROM=replay.url,
        GEXLAKE_VENDOR_KEY=KEY,
        GEXLAKE_REDIS_URL=server.url,
    )
    try:
        record = documents(vendor_lake)[2]
        service.wait_for(READY)
        until(lambda: client.pubsub_numsub(CHANNEL)[0][1] == 2)
        replay.control("seek", to=record["timestamp"])
        told = json.loads(until(lambda: channel.get_message(timeout=1.0))["data"])
        assert told.pop("publisher")
        assert told == {
            "type": "live", "ticker": "NQ_NDX", "package": "classic", "category": "gex_zero", "session_date": DAY,
            "timestamp": record["timestamp"], "records": 1,
        }  # fmt: skip
        until(lambda: service.latest() == record)
        ready = service.client.get("/ready").json()["live"]
        assert (ready["doing"], ready["problem"]) == ("listening", "")
        assert "gexlake_live_reconnects_total" in service.client.get("/metrics").text
    finally:
        channel.close()
        client.close()
        status, _, err = service.end(signal.SIGTERM)
        server.kill()
        assert status == 0, err
        assert "Traceback" not in err, err


def test_refused_key_ends_it_with_words(work: Path, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 100, "status": 401})
    live = start_live(work, replay, *CLASSIC)
    status, _, err = live.end(signal.SIGCONT)
    assert status == 1
    assert "The vendor does not take the request: 401" in err
    assert KEY not in err

"""The clock of a replay as its clients meet it: set, stepped, sought, of each key, over days, and at its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.test_serve_process import Service
from gexlake.models.feed import Feed
from gexlake.vendor.messages import decode
from helpers.histories import MONDAY, TUESDAY
from helpers.processes import PATIENCE_SECONDS
from helpers.replay import CONTROL, ReplayProcess, assert_same, records_of_source
from integration.replay.conftest import Start

ZERO = Feed("NQ_NDX", "classic", "gex_zero")
PATH = "/v2/NQ_NDX/classic/gex_zero"


@pytest.fixture(scope="module")
def both_days(starting: Start, replay_lake: Path) -> ReplayProcess:
    return starting(replay_lake, "--since", str(MONDAY), "--until", str(TUESDAY), "--paused")


@pytest.fixture
def replay(both_days: ReplayProcess) -> Iterator[ReplayProcess]:
    both_days.control("pause")
    both_days.control("seek", to="start")
    yield both_days
    both_days.control("pause")


def timestamp(replay: ReplayProcess, **options: Any) -> int | None:
    answer = replay.get(PATH, **options)
    return answer.json().get("timestamp") if answer.status_code == 200 else None


# ---- setting it


def test_it_starts_at_the_opening_and_stands_until_it_is_told(replay: ReplayProcess) -> None:
    clock = replay.client.get(f"{CONTROL}/clock").json()
    assert (clock["instant"], clock["paused"]) == ("2025-11-10T14:30:00Z", True)
    assert timestamp(replay) is None


@pytest.mark.parametrize(
    ("to", "instant"),
    [
        ("end", "2025-11-11T21:00:00Z"),
        ("2025-11-11", "2025-11-11T14:30:00Z"),
        ("09:30:10", "2025-11-10T14:30:10Z"),
        ("2025-11-11T10:00:00-05:00", "2025-11-11T15:00:00Z"),
        (1762785030, "2025-11-10T14:30:30Z"),
    ],
)
def test_it_can_be_sought(replay: ReplayProcess, to: Any, instant: str) -> None:
    clock = replay.control("seek", to=to)
    assert clock["instant"] == instant
    assert "note" not in clock or to == "2025-11-11"


@pytest.mark.parametrize(
    ("to", "instant"), [("2025-11-10T20:00:00-05:00", "2025-11-11T14:30:00Z"), ("2025-12-01", "2025-11-11T21:00:00Z")]
)
def test_between_days_it_is_the_next_opening_and_says_so(replay: ReplayProcess, to: str, instant: str) -> None:
    clock = replay.control("seek", to=to)
    assert (clock["instant"], "note" in clock) == (instant, True)


def test_one_day_follows_the_other(replay: ReplayProcess, replay_lake: Path) -> None:
    socket = replay.open(replay.get("/v2/negotiate").json()["websocket_urls"]["classic"])
    socket.join("blue_NQ_NDX_classic_gex_zero")
    replay.control("seek", to="15:59:59")
    assert timestamp(replay) == records_of_source(replay_lake, MONDAY, ZERO)[-1]["timestamp"]
    assert replay.control("step", seconds=1)["instant"] == "2025-11-10T21:00:00Z"
    clock = replay.control("step", seconds=6)
    assert clock["instant"].startswith("2025-11-11T14:30:05")
    records = [one for one in records_of_source(replay_lake, TUESDAY, ZERO) if one["timestamp"] <= 1762871405]
    assert_same([decode(message.envelope).document for message in socket.so_far()], records)
    assert timestamp(replay) == records[-1]["timestamp"]
    socket.close()


def test_it_runs_when_it_is_told_and_no_further_than_it_shows(replay: ReplayProcess) -> None:
    replay.control("speed", speed=1000)
    replay.control("resume")
    while (seen := timestamp(replay)) is None:
        pass
    replay.control("pause")
    assert seen <= replay.client.get(f"{CONTROL}/clock").json()["instant_us"] / 1_000_000
    assert timestamp(replay) == timestamp(replay)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("speed", {"speed": 0}),
        ("speed", {"speed": 1001}),
        ("speed", {}),
        ("step", {"seconds": -1}),
        ("seek", {"to": "lunch"}),
        ("seek", {"to": "2025-11-10T10:00:00"}),
        ("seek", {"to": "start", "speed": 1}),
        ("pause", {"now": True}),
    ],
)
def test_what_it_cannot_do_is_said(replay: ReplayProcess, name: str, body: dict[str, Any]) -> None:
    answer = replay.client.post(f"{CONTROL}/{name}", json=body)
    assert (answer.status_code, sorted(answer.json())) == (400, ["error", "hint"])
    assert answer.json()["error"].endswith(".")


# ---- whose it is, and how it is to be read


def test_each_key_can_have_its_own(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--date", str(TUESDAY), "--paused", "--clock", "per-key")
    sockets = {key: replay.open(replay.get("/negotiate", key=key).json()["websocket_urls"]["classic"]) for key in "ab"}
    for socket in sockets.values():
        socket.join("blue_NQ_NDX_classic_gex_zero")
    headers = {"Authorization": "Bearer a"}
    clock = replay.client.post(f"{CONTROL}/step", json={"seconds": 5}, headers=headers).json()
    assert clock["instant"] == "2025-11-11T14:30:05Z"
    assert timestamp(replay, key="a") == 1762871405
    assert timestamp(replay, key="b") is None
    assert len(sockets["a"].so_far()) == 5
    assert sockets["b"].is_silent()
    for socket in sockets.values():
        socket.close()


def test_before_the_first_record_the_last_of_the_day_before_can_stand(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--date", str(TUESDAY), "--paused", "--carry-over")
    assert timestamp(replay) == records_of_source(replay_lake, MONDAY, ZERO)[-1]["timestamp"]


def test_the_time_between_days_can_be_kept(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--since", str(MONDAY), "--paused", "--keep-gaps")
    clock = replay.control("seek", to="2025-11-10T20:00:00-05:00")
    assert (clock["instant"], "note" in clock) == ("2025-11-11T01:00:00Z", False)
    assert timestamp(replay) == records_of_source(replay_lake, MONDAY, ZERO)[-1]["timestamp"]


# ---- its end


def test_at_the_end_it_can_begin_anew(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--date", str(TUESDAY), "--paused", "--at-end", "loop", "--start-at", "end")
    assert timestamp(replay) is not None
    clock = replay.control("step", seconds=3)
    assert (clock["instant"], clock["jumps"]) == ("2025-11-11T14:30:02Z", 2)
    assert timestamp(replay) == 1762871402


def test_at_the_end_the_server_can_end(replay_lake: Path) -> None:
    replay = ReplayProcess(replay_lake, "--date", str(TUESDAY), "--speed", "1000", "--at-end", "stop")
    replay.control("seek", to="end")
    replay.process.wait(timeout=PATIENCE_SECONDS)
    assert replay.end() == (0, "", "")


# ---- beside others


def test_a_strict_one_holds_clients_to_their_pace_tier_and_number_of_groups(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--date", str(TUESDAY), "--start-at", "end", "--strict")
    assert replay.get(PATH).status_code == 200
    while (answer := replay.get(PATH)).status_code == 200:  # asked again within a second, sooner or later
        pass
    assert (answer.status_code, answer.json()) == (429, {"error": "Rate limit exceeded."})
    assert replay.get(f"{PATH}/majors").status_code == 200, "another metric"
    assert replay.get(PATH, key="x-classic").status_code == 200
    for path in ("/v2/NQ_NDX/state/gex_zero", "/negotiate", f"/v2/hist/NQ_NDX/classic/gex_zero/{TUESDAY}"):
        answer = replay.get(path, key="x-classic")
        assert (answer.status_code, answer.json()) == (403, {"error": "Forbidden."})
    assert replay.get("/v2/hist/eod/NQ_NDX", key="x-classic").status_code == 200
    groups = [f"T{number}_classic_gex_full" for number in range(151)]
    assert replay.post("/v2/negotiate", {"groups": groups}).status_code == 403
    assert replay.post("/v2/negotiate", {"groups": groups[1:]}).status_code == 200


def test_it_works_beside_the_service_and_leaves_nothing_in_the_lake(starting: Start, replay_lake: Path) -> None:
    service = Service("--lake", str(replay_lake), "--port", "0", rate_limit="")
    try:
        url = service.url()
        before = sorted(path for path in replay_lake.rglob("*") if "cache" not in path.parts)
        replay = starting(replay_lake, "--date", str(TUESDAY), "--start-at", "end")
        found = replay.get(PATH).json()
        served = replay.client.get(f"{url}/gex/latest?symbol=NQ_NDX").json()
        assert found["timestamp"] == records_of_source(replay_lake, TUESDAY, ZERO)[-1]["timestamp"]
        assert served["spot"] == found["spot"]
        assert sorted(path for path in replay_lake.rglob("*") if "cache" not in path.parts) == before
    finally:
        service.process.terminate()
        service.outcome()


@pytest.mark.parametrize(("options", "scheme"), [((), ""), (("--proxy", "127.0.0.1"), "s")])
def test_addresses_are_of_tls_where_a_known_proxy_says_so(
    starting: Start, replay_lake: Path, options: tuple[str, ...], scheme: str
) -> None:
    replay = starting(replay_lake, "--start-at", "end", *options)
    headers = {"Host": "api.gexbot.test", "X-Forwarded-Proto": "https"}
    urls = replay.get("/v2/negotiate", headers=headers).json()["websocket_urls"]
    assert urls["classic"].startswith(f"ws{scheme}://api.gexbot.test/client/hubs/classic?")
    answer = replay.get(f"/v2/hist/NQ_NDX/classic/gex_zero/{TUESDAY}?noredirect", headers=headers)
    assert answer.json()["url"].startswith(f"http{scheme}://api.gexbot.test/gexlake/replay/files/")


def test_lists_are_of_what_the_lake_has_and_need_no_key(replay: ReplayProcess) -> None:
    for base in ("", "/v2"):
        tickers = replay.client.get(f"{base}/tickers").json()
        assert tickers == {"stocks": [], "indexes": [], "futures": ["NQ_NDX"]}
        assert replay.client.get(f"{base}/tickers/quant").json() == {"stocks": [], "indexes": []}
        names = {package: replay.client.get(f"{base}/{package}/categories").json() for package in ("classic", "state")}
        assert names["classic"] == ["gex_full", "gex_zero", "gex_one"]
        assert len(names["state"]) == 11


@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/NQ_NDX/classic", "/v2/NQ_NDX/classic/gex_zero/minors", "/"])
def test_what_there_is_not_is_not_found_in_the_vendors_words(replay: ReplayProcess, path: str) -> None:
    answer = replay.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found."})

"""`/gex/strikes`, `/gex/bars` and `/gex/heatmap` over HTTP, against the records of the source files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from helpers.service import LOCAL, assert_error

FEED = {"symbol": "NQ_NDX"}
COUNT = 150
RECORDS = {day: records_of(day, COUNT) for day in (MONDAY, TUESDAY)}
ALL = [*RECORDS[MONDAY], *RECORDS[TUESDAY]]
STRIKE = RECORDS[TUESDAY][70]["strikes"][4][0]


def write(folder: Path, records: dict[Any, list[Record]]) -> Path:
    for day, of_day in records.items():
        write_array(folder / "source" / vendor_name(day), of_day)
    import_history(folder / "source", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    lake = write(tmp_path_factory.mktemp("series"), RECORDS)
    with TestClient(create_app(Settings(lake=lake, rate_limit="", access_log=False)), base_url=LOCAL) as client:
        yield client


def get(client: TestClient, path: str, **parameters: Any) -> Any:
    response = client.get(path, params={**FEED, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def rows_of(records: list[Record], *strikes: float) -> list[dict[str, Any]]:
    """Ladder rows of a source in the words of view `gex_strikes`."""
    return [
        {
            "timestamp": iso(record["timestamp"]),
            "strike": strike,
            "gex_vol": gex_vol,
            "gex_oi": gex_oi,
            **{f"prior_{number}": value for number, value in enumerate(priors, 1)},
        }
        for record in records
        for strike, gex_vol, gex_oi, priors in record["strikes"]
        if strike in strikes
    ]


# ---- strikes -------------------------------------------------------------------------------------------------------


def test_one_strike_through_time_has_the_values_of_the_source(client: TestClient) -> None:
    document = get(client, "/gex/strikes", strike=STRIKE)
    assert document["strikes"] == rows_of(ALL, STRIKE)
    assert 0 < document["count"] == len(document["strikes"])
    assert document["next"] is None


def test_several_strikes_come_by_time_and_strike(client: TestClient) -> None:
    wanted = sorted(row[0] for row in RECORDS[TUESDAY][70]["strikes"])[:3]
    moment = RECORDS[TUESDAY][70]["timestamp"]
    document = get(client, "/gex/strikes", strike=wanted, start=moment, end=moment + 5)
    assert document["strikes"] == rows_of(RECORDS[TUESDAY][70:76], *wanted)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 40, 10_000])
def test_a_walk_by_cursor_gives_every_row_once(client: TestClient, order: str, limit: int) -> None:
    window = [record for record in ALL if RECORDS[MONDAY][100]["timestamp"] <= record["timestamp"]][:100]
    wanted = [row[0] for row in window[50]["strikes"]][:2]
    ends = {"start": window[0]["timestamp"], "end": window[-1]["timestamp"]}
    parameters: dict[str, Any] = {"strike": wanted, "order": order, "limit": limit, **ends}
    seen: list[Any] = []
    while parameters.get("cursor", "") is not None:
        document = get(client, "/gex/strikes", **parameters)
        assert len({row["timestamp"] for row in document["strikes"]}) <= limit
        seen += document["strikes"]
        parameters["cursor"] = document["next"]
    expected = sorted(window, key=lambda record: record["timestamp"], reverse=order == "desc")
    assert seen == rows_of(expected, *wanted)


def test_a_strike_that_no_ladder_has_gives_no_row(client: TestClient) -> None:
    document = get(client, "/gex/strikes", strike=1)
    assert (document["count"], document["strikes"], document["next"]) == (0, [], None)


def test_ranges_without_a_snapshot_give_no_row(client: TestClient) -> None:
    for path, name in (("/gex/strikes", "strikes"), ("/gex/bars", "bars"), ("/gex/heatmap", "strikes")):
        strike = {"strike": STRIKE} if path == "/gex/strikes" else {}
        assert get(client, path, start="2024-01-01", end="2024-01-31", **strike)[name] == []


# ---- bars and heatmaps ---------------------------------------------------------------------------------------------


def by_interval(records: list[Record], seconds: int) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(-(-record["timestamp"] // seconds) * seconds, []).append(record)
    return found


@pytest.mark.parametrize(("interval", "seconds"), [("1m", 60), ("7s", 7), ("1h", 3600)])
def test_bars_have_the_values_of_the_source(client: TestClient, interval: str, seconds: int) -> None:
    document = get(client, "/gex/bars", interval=interval, start=str(MONDAY))
    assert (document["interval_seconds"], document["count"]) == (seconds, len(document["bars"]))
    expected = [
        {
            "timestamp": iso(end),
            "last_timestamp": iso(members[-1]["timestamp"]),
            "snapshots": len(members),
            "open": members[0]["spot"],
            "high": max(record["spot"] for record in members),
            "low": min(record["spot"] for record in members),
            "close": members[-1]["spot"],
            "zero_gamma": members[-1]["zero_gamma"],
            "sum_gex_vol": members[-1]["sum_gex_vol"],
        }
        for end, members in by_interval(ALL, seconds).items()
    ]
    assert [{name: bar[name] for name in expected[0]} for bar in document["bars"]] == expected


@pytest.mark.parametrize(("value", "place"), [("gex_vol", 1), ("gex_oi", 2)])
def test_a_heatmap_has_the_ladders_of_the_source(client: TestClient, value: str, place: int) -> None:
    document = get(client, "/gex/heatmap", interval="30s", value=value, start=str(TUESDAY))
    last = {iso(end): members[-1] for end, members in by_interval(RECORDS[TUESDAY], 30).items()}
    assert document["timestamps"] == list(last)
    assert document["strikes"] == sorted({row[0] for record in last.values() for row in record["strikes"]})
    assert [list(column) for column in zip(*document["values"], strict=True)] == [
        [{row[0]: row[place] for row in record["strikes"]}.get(strike) for strike in document["strikes"]]
        for record in last.values()
    ]


@pytest.mark.parametrize("path", ["/gex/bars", "/gex/heatmap"])
def test_without_a_range_it_is_the_latest_session_by_the_minute(client: TestClient, path: str) -> None:
    assert get(client, path) == get(client, path, start=str(TUESDAY), end=str(TUESDAY), interval="60s")


@pytest.mark.parametrize("path", ["/gex/bars", "/gex/heatmap"])
def test_a_session_that_goes_on_changes_nothing_up_to_its_old_end(
    client: TestClient, tmp_path: Path, path: str
) -> None:
    """The same lake as it stood in the middle of Tuesday: every row at or before that moment is the same."""
    cut = 77
    moment = iso(RECORDS[TUESDAY][cut - 1]["timestamp"])
    lake = write(tmp_path, {MONDAY: RECORDS[MONDAY], TUESDAY: RECORDS[TUESDAY][:cut]})
    parameters = {"start": str(MONDAY), "interval": "10s", "format": "ndjson"}

    def known(client: TestClient) -> list[Any]:
        lines = client.get(path, params={**FEED, **parameters}).text.splitlines()
        return [row for row in map(json.loads, lines) if row["timestamp"] <= moment]

    with TestClient(create_app(Settings(lake=lake, rate_limit="", access_log=False)), base_url=LOCAL) as earlier:
        assert known(earlier) == known(client) != []


def test_a_strike_that_stands_twice_in_a_ladder_does_not_break_the_matrix(tmp_path: Path) -> None:
    records = records_of(MONDAY, 3)
    records[2]["strikes"].insert(1, [*records[2]["strikes"][0][:1], 7.5, 8.5, []])
    with TestClient(create_app(Settings(lake=write(tmp_path, {MONDAY: records}))), base_url=LOCAL) as client:
        document = get(client, "/gex/heatmap")
    assert document["strikes"] == [row[0] for row in records_of(MONDAY, 3)[2]["strikes"]]
    assert document["values"][0] == [7.5]


# ---- a request that is not valid -----------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("/gex/strikes", {}, "strike", "required"),
    ("/gex/strikes", {"strike": 0}, "strike.0", "greater than 0"),
    ("/gex/strikes", {"strike": "nan"}, "strike.0", "finite"),
    ("/gex/strikes", {"strike": "inf"}, "strike.0", "finite"),
    ("/gex/strikes", {"strike": list(range(1, 102))}, "strike", "at most 100"),
    ("/gex/strikes", {"strike": 1, "limit": 0}, "limit", "greater than or equal to 1"),
    ("/gex/strikes", {"strike": 1, "cursor": "é"}, "cursor", "`next`"),
    ("/gex/strikes", {"strike": 1, "fields": "spot"}, "fields", "not permitted"),
    ("/gex/strikes", {"strike": 1, "strikes": "true"}, "strikes", "not permitted"),
    ("/gex/bars", {"interval": "0s"}, "interval", "30s, 5m or 1h"),
    ("/gex/bars", {"interval": "1d"}, "interval", "30s, 5m or 1h"),
    ("/gex/bars", {"interval": "100000s"}, "interval", "30s, 5m or 1h"),
    ("/gex/bars", {"start": "2025-11-12", "end": "2025-11-11"}, "end", "before start"),
    ("/gex/bars", {"value": "gex_vol"}, "value", "not permitted"),
    ("/gex/heatmap", {"value": "spot"}, "value", "'gex_vol' or 'gex_oi'"),
    ("/gex/heatmap", {"limit": 1}, "limit", "not permitted"),
    ("/gex/heatmap", {"format": "xml"}, "format", "'json'"),
]


@pytest.mark.parametrize(("path", "parameters", "name", "words"), REFUSED)
def test_a_parameter_that_is_not_valid_is_named_with_what_would_be(
    client: TestClient, path: str, parameters: dict[str, Any], name: str, words: str
) -> None:
    document = assert_error(client.get(path, params={**FEED, **parameters}), 422, "parameters_invalid")
    (detail, *_) = document["details"]
    assert detail["parameter"] == name
    assert words in detail["message"]


def test_more_intervals_than_one_answer_takes_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexlake.api.routes.snapshots.grids.MAX_INTERVALS", 20)
    for path in ("/gex/bars", "/gex/heatmap"):
        assert get(client, path, interval="10s")["interval_seconds"] == 10
        (detail,) = assert_error(client.get(path, params={**FEED, "interval": "2s"}), 422, "parameters_invalid")[
            "details"
        ]
        assert (detail["parameter"], detail["value"]) == ("interval", "2s")
        assert "more intervals than the 20 of one answer" in detail["message"]


@pytest.mark.parametrize("path", ["/gex/strikes?strike=1", "/gex/bars", "/gex/heatmap"])
def test_a_feed_that_the_lake_does_not_hold_is_404(client: TestClient, path: str) -> None:
    separator = "&" if "?" in path else "?"
    assert_error(client.get(f"{path}{separator}symbol=SPX"), 404, "feed_unknown")

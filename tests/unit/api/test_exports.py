"""`/export`: whole ranges, with the columns and values of the lake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from starlette.testclient import TestClient

import gexlake
from gexlake.api.app import create_app
from gexlake.settings import Settings
from helpers.lakes import live_files
from helpers.service import LOCAL, assert_error

FEED = {"symbol": "NQ_NDX"}
MOMENT = "2025-11-26T14:30:20Z"
RANGES: list[dict[str, Any]] = [
    {},
    {"start": "2025-11-26"},
    {"end": "2025-11-24"},
    {"start": "2025-11-26", "end": "2025-11-26"},
    {"start": MOMENT, "end": "2025-11-26T14:30:40+00:00"},
    {"start": "1764167420", "end": "1764167440.5"},
    {"start": "2025-11-26", "end": MOMENT},
    {"start": "2030-01-01"},
]


@pytest.fixture(scope="module")
def copied_lake(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("exports") / "data")


@pytest.fixture(scope="module")
def client(copied_lake: Path) -> Iterator[TestClient]:
    settings = Settings(lake=copied_lake, rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


@pytest.mark.parametrize("bounds", RANGES)
@pytest.mark.parametrize("dataset", ["snapshots", "strikes"])
def test_a_range_is_that_of_the_lake_itself(
    client: TestClient, copied_lake: Path, dataset: str, bounds: dict[str, Any]
) -> None:
    response = client.get(f"/export/{dataset}", params={**FEED, **bounds})
    assert response.status_code == 200, response.text
    moments = {name: float(text) if text.replace(".", "").isdigit() else text for name, text in bounds.items()}
    expected = getattr(gexlake.open(copied_lake), dataset)("NQ_NDX", **moments)
    assert_frame_equal(pl.read_ipc_stream(response.content, use_pyarrow=False), expected)
    assert expected.height > 0 or bounds == {"start": "2030-01-01"}


def test_some_strikes_of_a_range(client: TestClient, copied_lake: Path) -> None:
    lake = gexlake.open(copied_lake)
    wanted = lake.strikes("NQ_NDX")["strike"].unique().sort().to_list()[:2]
    response = client.get("/export/strikes", params={**FEED, "strike": wanted})
    found = pl.read_ipc_stream(response.content, use_pyarrow=False)
    assert_frame_equal(found, lake.strikes("NQ_NDX", strike=wanted))


def test_a_long_range_comes_in_pieces_and_is_one_frame(
    client: TestClient, copied_lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gexlake.services.asking.session_frames.iter_batches.__defaults__", (50,))
    response = client.get("/export/strikes", params=FEED)
    assert "content-length" not in response.headers
    expected = gexlake.open(copied_lake).strikes("NQ_NDX", start=date(2020, 1, 1))
    assert_frame_equal(pl.read_ipc_stream(response.content, use_pyarrow=False), expected)


REFUSED = [
    ("/export/snapshots", {"start": "x"}, "start", "ISO 8601 or Unix seconds"),
    ("/export/snapshots", {"end": "nan"}, "end", "ISO 8601 or Unix seconds"),
    ("/export/snapshots", {"end": "1" * 65}, "end", "at most 64"),
    ("/export/snapshots", {"format": "json"}, "format", "'arrow', 'parquet', 'csv' or 'ndjson'"),
    ("/export/snapshots", {"strike": "1"}, "strike", "not permitted"),
    ("/export/strikes", {"strike": "-1"}, "strike.0", "greater than 0"),
    ("/export/strikes", {"limit": "1"}, "limit", "not permitted"),
]


@pytest.mark.parametrize(("path", "parameters", "name", "words"), REFUSED)
def test_a_parameter_that_is_not_valid_is_named(
    client: TestClient, path: str, parameters: dict[str, str], name: str, words: str
) -> None:
    document = assert_error(client.get(path, params={**FEED, **parameters}), 422, "parameters_invalid")
    (detail,) = document["details"]
    assert detail["parameter"] == name
    assert words in detail["message"]


@pytest.mark.parametrize("path", ["/export/snapshots", "/export/strikes"])
def test_a_feed_that_the_lake_does_not_hold_is_404(client: TestClient, path: str) -> None:
    assert_error(client.get(path, params={"symbol": "NDX"}), 404, "feed_unknown")


@pytest.mark.parametrize("path", ["/export/strikes", "/gex/bars", "/gex/heatmap"])
def test_a_damaged_file_is_503_and_not_an_answer_that_breaks_off(lake: Path, tmp_path: Path, path: str) -> None:
    copy = shutil.copytree(lake, tmp_path / "data")
    for file in live_files(copy, folders="ticker=SPX/*/*/*"):
        content = bytearray(file.read_bytes())
        content[4:200] = bytes(196)
        file.write_bytes(content)
    settings = Settings(lake=copy, rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        response = client.get(path, params={"symbol": "SPX", "package": "state", "category": "gex_full"})
    assert_error(response, 503, "session_damaged")

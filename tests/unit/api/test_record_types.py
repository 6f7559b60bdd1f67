"""`/greeks` and `/orderflow`: the same parameters, forms, cursors and errors as `/gex`, in the vendor's shape."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.models.record_types import GREEKS, ORDERFLOW_TYPE, RecordType
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, Record
from helpers.service import LOCAL, assert_error

KINDS = [GREEKS, ORDERFLOW_TYPE]
COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of GEX, of a greek and of orderflow."""
    folder = tmp_path_factory.mktemp("types") / "source"
    categories = ["gex_zero", "gamma_zero", "orderflow"]
    write_sample(folder, sessions=1, start=MONDAY, snapshots=COUNT, strikes=9, categories=categories)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    lake = folder.parent / "data"
    import_history(folder, lake)
    with TestClient(create_app(Settings(lake=lake, rate_limit="", access_log=False)), base_url=LOCAL) as client:
        yield client


def records_of(folder: Path, kind: RecordType) -> list[Record]:
    package, category = kind.default
    found: list[Record] = json.loads((folder / f"{MONDAY}_NQ_NDX_{package}_{category}.json").read_text())
    return found


def get(client: TestClient, kind: RecordType, path: str = "", **parameters: Any) -> Any:
    response = client.get(f"/{kind.name}{path}", params={"symbol": "NQ_NDX", **parameters})
    assert response.status_code == 200, response.text
    return response


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> RecordType:
    found: RecordType = request.param
    return found


def test_pages_follow_one_another_through_all_records(client: TestClient, folder: Path, kind: RecordType) -> None:
    expected = records_of(folder, kind)
    for order, wanted in (("asc", expected), ("desc", expected[::-1])):
        found, cursor = [], {}
        while True:
            page = get(client, kind, limit=7, order=order, **cursor).json()
            found += page["snapshots"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert found == wanted
        assert (page["symbol"], page["package"], page["category"]) == ("NQ_NDX", *kind.default)


def test_one_snapshot(client: TestClient, folder: Path, kind: RecordType) -> None:
    expected = records_of(folder, kind)
    latest = get(client, kind, "/latest").json()
    assert latest == expected[-1] | {"as_of": latest["as_of"], "age_seconds": latest["age_seconds"]}
    asked = expected[20]["timestamp"]
    at = get(client, kind, "/at", timestamp=asked, fields=f"timestamp,{kind.numbers[1]}").json()
    assert at == {
        "timestamp": asked,
        kind.numbers[1]: expected[20][kind.numbers[1]],
        "as_of": at["as_of"],
        "age_seconds": 0.0,
    }
    assert_error(
        client.get(f"/{kind.name}/at", params={"symbol": "NQ_NDX", "timestamp": expected[0]["timestamp"] - 1}),
        404,
        "no_snapshot",
    )


def test_lines_and_tables(client: TestClient, folder: Path, kind: RecordType) -> None:
    expected = records_of(folder, kind)
    lines = get(client, kind, format="ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == expected
    frames = {
        "csv": pl.read_csv(io.BytesIO(get(client, kind, format="csv").content), infer_schema_length=None),
        "arrow": pl.read_ipc_stream(io.BytesIO(get(client, kind, format="arrow").content)),
        "parquet": pl.read_parquet(io.BytesIO(get(client, kind, format="parquet").content)),
    }
    for form, frame in frames.items():
        for name in (*kind.numbers, *kind.integers):
            assert frame[name].cast(pl.Float64).to_list() == [record[name] for record in expected], (form, name)
    if kind.ladder:
        entries = frames["arrow"]["mini_contracts"].to_list()
        assert [[entry["value"] for entry in ladder] for ladder in entries] == [
            [entry[3] for entry in record["mini_contracts"]] for record in expected
        ]


def test_without_ladders(client: TestClient, folder: Path, kind: RecordType) -> None:
    (found,) = get(client, kind, limit=1, strikes="false").json()["snapshots"]
    assert found == {name: value for name, value in records_of(folder, kind)[0].items() if name != "mini_contracts"}


def test_bars(client: TestClient, folder: Path, kind: RecordType) -> None:
    expected = records_of(folder, kind)
    bars = get(client, kind, "/bars", interval="1h").json()["bars"]
    assert sum(bar["snapshots"] for bar in bars) == len(expected)
    assert (bars[0]["open"], bars[-1]["close"]) == (expected[0]["spot"], expected[-1]["spot"])
    assert bars[-1][kind.numbers[-1]] == expected[-1][kind.numbers[-1]]


def test_contracts_of_one_strike(client: TestClient, folder: Path) -> None:
    expected = records_of(folder, GREEKS)
    strike = expected[0]["mini_contracts"][4][0]
    rows = get(client, GREEKS, "/contracts", strike=strike, limit=COUNT).json()["contracts"]
    entries = [entry for record in expected for entry in record["mini_contracts"] if entry[0] == strike]
    assert [(row["call_ivol"], row["put_ivol"], row["value"], row["prior_3"]) for row in rows] == [
        (entry[1], entry[2], entry[3], entry[4][2]) for entry in entries
    ]


@pytest.mark.parametrize(("value", "place"), [("value", 3), ("call_ivol", 1), ("put_ivol", 2)])
def test_heatmap(client: TestClient, folder: Path, value: str, place: int) -> None:
    last = records_of(folder, GREEKS)[-1]
    cells = get(client, GREEKS, "/heatmap", interval="1h", value=value).json()
    assert cells["strikes"] == [entry[0] for entry in last["mini_contracts"]]
    assert [row[-1] for row in cells["values"]] == [entry[place] for entry in last["mini_contracts"]]


def test_export(client: TestClient, folder: Path) -> None:
    feed = {"symbol": "NQ_NDX", "package": "state", "category": "gamma"}
    frame = pl.read_ipc_stream(io.BytesIO(client.get("/export/contracts", params=feed).content))
    assert frame.height == sum(len(record["mini_contracts"]) for record in records_of(folder, GREEKS))
    flow = {"symbol": "NQ_NDX", "package": "orderflow", "category": "orderflow"}
    frame = pl.read_ipc_stream(io.BytesIO(client.get("/export/snapshots", params=flow).content))
    assert frame["dexoflow"].to_list() == [record["dexoflow"] for record in records_of(folder, ORDERFLOW_TYPE)]


@pytest.mark.parametrize(
    ("path", "feed", "words"),
    [
        ("/gex/latest", {"package": "state", "category": "gamma_zero"}, "ask for it under /greeks"),
        ("/greeks", {"package": "classic", "category": "gex_zero"}, "ask for it under /gex"),
        ("/greeks/contracts", {"package": "orderflow", "category": "orderflow", "strike": 1}, "under /orderflow"),
        ("/orderflow/bars", {"package": "state", "category": "gamma_zero"}, "ask for it under /greeks"),
        ("/export/strikes", {"package": "state", "category": "gamma_zero"}, "ask for it under /greeks"),
        ("/orderflow/latest", {"symbol": "SPX"}, "It holds NQ_NDX/orderflow/orderflow."),
    ],
)
def test_a_feed_of_another_record_type_is_pointed_to(
    client: TestClient, path: str, feed: dict[str, Any], words: str
) -> None:
    response = client.get(path, params={"symbol": "NQ_NDX", **feed})
    assert words in assert_error(response, 404, "feed_unknown")["details"][0]["message"]


def test_feeds_and_sessions_are_those_of_all_types(client: TestClient) -> None:
    feeds = client.get("/feeds").json()["feeds"]
    assert [(feed["record_type"], feed["category"]) for feed in feeds] == [
        ("gex", "gex_zero"),
        ("greeks", "gamma_zero"),
        ("orderflow", "orderflow"),
    ]
    sessions = client.get("/sessions").json()["sessions"]
    assert {session["record_type"] for session in sessions} == {"gex", "greeks", "orderflow"}


def test_lineage_of_some_types(client: TestClient) -> None:
    found = client.get("/lineage", params=[("record_type", "greeks"), ("record_type", "orderflow")]).json()["lineage"]
    assert {record["record_type"] for record in found} == {"greeks", "orderflow"}


def test_the_picture_of_a_session(client: TestClient, folder: Path, kind: RecordType) -> None:
    package, category = kind.default
    response = client.get(
        "/view/session",
        params={"symbol": "NQ_NDX", "package": package, "category": category, "date": str(MONDAY), "columns": 4000},
    )
    length = int.from_bytes(response.content[:4], "little")
    head = json.loads(response.content[4 : 4 + length])
    assert (head["record_type"], head["value"]) == (kind.name, "value" if kind.ladder else None)
    arrays, at = {}, 4 + length
    for name, size in head["arrays"]:
        arrays[name] = pl.Series(memoryview(response.content)[at : at + 8 * size].cast("d").tolist())
        at += 8 * size
    last = records_of(folder, kind)[-1]
    shown = {name: arrays[name].fill_nan(None).drop_nulls()[-1] for name in kind.numbers}
    assert shown == {name: last[name] for name in kind.numbers}
    assert len(arrays["cells"]) == len(head["strikes"]) * len(arrays["time"])
    assert_error(
        client.get(
            "/view/session",
            params={
                "symbol": "NQ_NDX",
                "package": package,
                "category": category,
                "date": str(MONDAY),
                "value": "gex_vol",
            },
        ),
        422,
        "parameters_invalid",
    )


def test_many_instants_in_one_request(client: TestClient, folder: Path, kind: RecordType) -> None:
    records = records_of(folder, kind)
    asked = [records[7]["timestamp"] + 0.5, records[0]["timestamp"] - 1, records[20]["timestamp"]]
    order = {"symbol": "nq_ndx", "timestamps": asked, "columns": [kind.numbers[-1]]}
    rows = client.post(f"/{kind.name}/at", json=order).json()["rows"]
    assert [row[kind.numbers[-1]] for row in rows] == [
        records[7][kind.numbers[-1]],
        None,
        records[20][kind.numbers[-1]],
    ]
    assert [row["age_seconds"] for row in rows] == [0.5, None, 0.0]


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"timestamps": [1, "noon"]}, "timestamps.1"),
        ({"timestamps": ["2025-11-10T10:00:00"]}, "timestamps.0"),
        ({"timestamps": [True]}, "timestamps.0"),
        ({"timestamps": [[]]}, "timestamps.0"),
        ({"timestamps": [-1]}, "timestamps.0"),
        ({"timestamps": [1e300]}, "timestamps.0"),
        ({"columns": ["zero"]}, "columns"),
        ({"within": 0}, "within"),
        ({"max_age": "long"}, "max_age"),
        ({"moment": 1}, "moment"),
    ],
)
def test_what_is_wrong_with_many_instants_is_named(client: TestClient, change: dict[str, Any], parameter: str) -> None:
    response = client.post("/gex/at", json={"symbol": "NQ_NDX", "timestamps": [1], **change})
    assert assert_error(response, 422, "parameters_invalid")["details"][0]["parameter"] == parameter

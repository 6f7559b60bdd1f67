"""What the lake holds and where it is from, over HTTP: the same as by the functions of the lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import gexlake
from gexlake.api.app import create_app
from gexlake.settings import Settings
from helpers.service import LOCAL, Connect, assert_error


@pytest.fixture(scope="module")
def copied_lake(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("records") / "data")


@pytest.fixture(scope="module")
def client(copied_lake: Path) -> Iterator[TestClient]:
    settings = Settings(lake=copied_lake, rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


def get(client: TestClient, path: str, **parameters: Any) -> Any:
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def test_status_and_feeds_are_those_of_the_lake(client: TestClient, copied_lake: Path) -> None:
    status = json.loads(gexlake.open(copied_lake).status().model_dump_json())
    assert get(client, "/status") == status
    assert get(client, "/feeds") == {"count": 2, "feeds": status["feeds"]}
    assert [(feed["ticker"], feed["snapshots"]) for feed in status["feeds"]] == [("NQ_NDX", 178), ("SPX", 60)]


SESSIONS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("2025-11-28", "NQ_NDX"), ("2025-11-26", "NQ_NDX"), ("2025-11-24", "NQ_NDX"), ("2025-11-24", "SPX")]),
    ({"symbol": ["SPX"]}, [("2025-11-24", "SPX")]),
    ({"symbol": ["SPX", "NQ_NDX"], "end": "2025-11-24"}, [("2025-11-24", "NQ_NDX"), ("2025-11-24", "SPX")]),
    ({"package": ["state"]}, [("2025-11-24", "SPX")]),
    ({"category": ["full"]}, [("2025-11-24", "SPX")]),
    ({"start": "2025-11-26", "end": "2025-11-26"}, [("2025-11-26", "NQ_NDX")]),
    ({"limit": 1}, [("2025-11-28", "NQ_NDX")]),
    ({"symbol": ["NDX"]}, []),
]


@pytest.mark.parametrize(("parameters", "expected"), SESSIONS)
def test_sessions_come_newest_first_and_may_be_chosen(
    client: TestClient, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    document = get(client, "/sessions", **parameters)
    assert [(one["session_date"], one["ticker"]) for one in document["sessions"]] == expected
    assert document["count"] == len(expected)


def test_gaps_are_those_of_the_lake(client: TestClient, copied_lake: Path) -> None:
    everything = gexlake.open(copied_lake).gaps()
    assert get(client, "/gaps") == json.loads(everything.model_dump_json())
    (feed,) = get(client, "/gaps", symbol="NQ_NDX", start="2025-11-24", end="2025-11-25")["feeds"]
    assert [day["status"] for day in feed["days"]] == ["holes", "missing"]


def test_lineage_and_quarantine_may_be_chosen(client: TestClient) -> None:
    lineage = get(client, "/lineage")["lineage"]
    assert len(lineage) == 4
    for record in lineage:
        seen = record["records_imported"] + record["records_duplicate"] + record["records_quarantined"]
        assert record["records_seen"] == seen
    (partial,) = get(client, "/lineage", status="partial", record_type="gex")["lineage"]
    assert partial["records_quarantined"] == 2
    assert get(client, "/lineage", import_id=partial["import_id"][:10], source="2025-11-26")["lineage"] == [partial]
    assert get(client, "/lineage", symbol="SPX", start="2025-11-24", end="2025-11-24", limit=5)["count"] == 1
    refused = get(client, "/quarantine")["quarantine"]
    assert [record["reason"] for record in refused] == ["spot_invalid", "strikes_missing"]
    assert get(client, "/quarantine", reason="spot_invalid")["quarantine"] == refused[:1]
    assert get(client, "/quarantine", limit=1)["count"] == 1


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("/status", {"x": 1}, "x"),
    ("/feeds", {"symbol": "SPX"}, "symbol"),
    ("/sessions", {"limit": 0}, "limit"),
    ("/sessions", {"limit": 100_001}, "limit"),
    ("/sessions", {"start": 0}, "start"),
    ("/sessions", {"start": "2025-02-31"}, "start"),
    ("/sessions", {"ticker": "SPX"}, "ticker"),
    ("/gaps", {"end": "today"}, "end"),
    ("/gaps", {"limit": 1}, "limit"),
    ("/lineage", {"status": "good"}, "status.0"),
    ("/lineage", {"record_type": "tick"}, "record_type.0"),
    ("/lineage", {"source": "x" * 1001}, "source"),
    ("/quarantine", {"status": "failed"}, "status"),
    ("/quarantine", {"format": "yaml"}, "format"),
    ("/events", {"since": 1}, "since"),
]


@pytest.mark.parametrize(("path", "parameters", "name"), REFUSED)
def test_a_parameter_that_is_not_valid_is_named_with_its_value(
    client: TestClient, path: str, parameters: dict[str, Any], name: str
) -> None:
    document = assert_error(client.get(path, params=parameters), 422, "parameters_invalid")
    assert [detail["parameter"] for detail in document["details"]] == [name]
    assert str(document["details"][0]["value"])[:200] == str(next(iter(parameters.values())))[:200]


@pytest.mark.parametrize("path", ["/sessions", "/gaps", "/lineage", "/quarantine"])
def test_dates_in_the_wrong_order_are_refused(client: TestClient, path: str) -> None:
    response = client.get(path, params={"start": "2025-11-28", "end": "2025-11-24"})
    assert response.status_code in (400, 422)
    assert "2025-11-28" in response.text or "start" in response.text


@pytest.mark.parametrize("path", ["/status", "/feeds", "/sessions", "/gaps", "/lineage", "/quarantine", "/imports"])
def test_an_empty_lake_has_nothing_and_no_error(connect: Connect, path: str) -> None:
    with connect() as client:
        assert client.get(path).status_code == 200

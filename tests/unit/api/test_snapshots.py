"""`/gex`, `/gex/latest` and `/gex/at` against the records that the source files hold."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from helpers.service import LOCAL, assert_error

FEED = {"symbol": "NQ_NDX"}
FIELDS = ["timestamp", "spot", "zero_gamma"]
COUNT = 40


def monday() -> list[Record]:
    """With what a record may hold besides the vendor's fields, and an instant between two seconds."""
    records = copy.deepcopy(records_of(MONDAY, COUNT))
    records[7]["timestamp"] += 0.000001
    records[8]["timestamp"] += 0.999999
    records[9] |= {"note": "half a \ud83d and é", "nested": {"a": [1, None]}, "huge": 10**30}
    records[10]["strikes"][0][3] = [1.5, 2]
    return records


RECORDS = [*monday(), *records_of(TUESDAY, COUNT)]
INSTANTS_US = [round(record["timestamp"] * 1_000_000) for record in RECORDS]


@pytest.fixture(scope="module")
def lake_of_two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshots")
    write_array(folder / "source" / vendor_name(MONDAY), RECORDS[:COUNT])
    write_array(folder / "source" / vendor_name(TUESDAY), RECORDS[COUNT:])
    import_history(folder / "source", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def client(lake_of_two_days: Path) -> Iterator[TestClient]:
    settings = Settings(lake=lake_of_two_days, rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


def get(client: TestClient, path: str, **parameters: Any) -> Any:
    response = client.get(path, params={**FEED, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def page_of(response: Any) -> list[Record]:
    found: list[Record] = response.json()["snapshots"]
    return found


def iso(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{instant_us % 1_000_000:06}Z"
    )


def new_york_day(seconds: float) -> date:
    return datetime.fromtimestamp(seconds, ZoneInfo("America/New_York")).date()


def snapshots_between(start_us: int, end_us: int) -> list[Record]:
    return [record for record, us in zip(RECORDS, INSTANTS_US, strict=True) if start_us <= us <= end_us]


# ---- what comes back is what went in -------------------------------------------------------------------------------


def test_snapshots_are_those_of_the_source_in_the_vendors_shape(client: TestClient) -> None:
    document = get(client, "/gex")
    assert document["snapshots"] == RECORDS
    assert [list(snapshot) for snapshot in document["snapshots"]] == [list(record) for record in RECORDS]
    assert {name: document[name] for name in ("symbol", "package", "category", "count", "next")} == {
        "symbol": "NQ_NDX",
        "package": "classic",
        "category": "gex_zero",
        "count": 2 * COUNT,
        "next": None,
    }


def test_case_is_no_part_of_a_symbol(client: TestClient) -> None:
    for path in ("/gex", "/gex/latest", "/export/snapshots?format=ndjson"):
        answers = [client.get(path, params={"symbol": symbol}) for symbol in ("NQ_NDX", "nq_ndx", "Nq_Ndx")]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert len({answer.text.count('"timestamp"') for answer in answers}) == 1
        assert all('"NQ_NDX"' in answer.text or path.startswith("/export") for answer in answers)


def test_the_text_of_a_day_is_the_vendors_own_byte_for_byte(client: TestClient) -> None:
    response = client.get("/gex", params={**FEED, "start": str(TUESDAY), "format": "ndjson"})
    lines = [json.dumps(record, separators=(",", ":")) for record in RECORDS[COUNT:]]
    assert response.text.splitlines() == lines


moments = st.integers(INSTANTS_US[0] - 3_000_000, INSTANTS_US[-1] + 3_000_000) | st.sampled_from(INSTANTS_US).flatmap(
    lambda us: st.sampled_from([us - 1, us, us + 1])
)


@given(moment=moments, written=st.sampled_from(["iso", "seconds"]))
@settings(max_examples=100)
def test_at_gives_the_last_snapshot_at_or_before_and_never_a_later_one(
    client: TestClient, moment: int, written: str
) -> None:
    text = iso(moment) if written == "iso" else f"{moment // 1_000_000}.{moment % 1_000_000:06}"
    response = client.get("/gex/at", params={**FEED, "timestamp": text})
    earlier = snapshots_between(0, moment)
    if not earlier:
        assert_error(response, 404, "no_snapshot")
        return
    *_, last = earlier
    if new_york_day(last["timestamp"]) != new_york_day(moment // 1_000_000):
        assert_error(response, 404, "snapshot_too_old")
        response = client.get("/gex/at", params={**FEED, "timestamp": text, "max_age": "1d"})
    last_us = round(last["timestamp"] * 1_000_000)
    assert response.json() == {
        **last,
        "as_of": iso(last_us).replace(".000000Z", "Z"),
        "age_seconds": (moment - last_us) / 1_000_000,
    }


@given(ends=st.tuples(moments, moments).map(sorted), order=st.sampled_from(["asc", "desc"]))
@settings(max_examples=60)
def test_a_range_holds_both_its_ends_to_the_microsecond(client: TestClient, ends: list[int], order: str) -> None:
    document = get(client, "/gex", start=iso(ends[0]), end=iso(ends[1]), order=order)
    expected = snapshots_between(*ends)
    assert document["snapshots"] == (expected if order == "asc" else expected[::-1])


def test_a_date_is_the_whole_day_in_new_york(client: TestClient) -> None:
    assert get(client, "/gex", end=str(MONDAY))["snapshots"] == RECORDS[:COUNT]
    assert get(client, "/gex", start=str(TUESDAY))["snapshots"] == RECORDS[COUNT:]
    assert get(client, "/gex", start=str(TUESDAY), end=str(TUESDAY))["count"] == COUNT
    assert get(client, "/gex/at", timestamp=str(MONDAY))["timestamp"] == RECORDS[COUNT - 1]["timestamp"]


@pytest.mark.parametrize(
    "written", ["2025-11-10T14:30:02Z", "2025-11-10T09:30:02-05:00", "2025-11-10 14:30:02+00:00", "20251110T143002Z"]
)
def test_an_instant_may_be_written_in_any_form_of_iso_8601(client: TestClient, written: str) -> None:
    found = get(client, "/gex/at", timestamp=written)
    assert found["as_of"] == "2025-11-10T14:30:02Z"
    assert client.get(f"/gex/at?symbol=NQ_NDX&timestamp={written}").json() == found, "a plus sign that was not escaped"


ZONELESS = "2025-11-10 09:30:02"
PLACES = [
    ("/gex", "start"),
    ("/gex", "end"),
    ("/gex/at", "timestamp"),
    ("/gex/strikes", "start"),
    ("/gex/bars", "end"),
    ("/gex/heatmap", "start"),
    ("/view/session", "start"),
    ("/view/session", "end"),
    ("/export/snapshots", "start"),
    ("/export/strikes", "end"),
]


@pytest.mark.parametrize(("path", "name"), PLACES)
@pytest.mark.parametrize("written", [ZONELESS, "2025-11-10T09:30:02", "2025-11-10+09:30:02", "20251110T093002"])
def test_an_instant_without_a_zone_is_refused_and_both_forms_are_shown(
    client: TestClient, path: str, name: str, written: str
) -> None:
    parameters: dict[str, Any] = {**FEED, name: written}
    parameters |= {"strike": 25000} if path == "/gex/strikes" else {}
    parameters |= {"date": str(MONDAY)} if path == "/view/session" else {}
    document = assert_error(client.get(path, params=parameters), 422, "parameters_invalid")
    (detail,) = document["details"]
    assert (detail["parameter"], detail["value"]) == (name, written)
    assert "without a zone. Write 2025-11-19T10:00:00-05:00 or 2025-11-19T15:00:00Z, " in detail["message"]
    assert "tz=America/New_York" in detail["message"]
    assert client.get(path, params={**parameters, "tz": "America/New_York"}).status_code == 200


def test_an_instant_without_a_zone_is_read_in_the_zone_that_is_named(client: TestClient) -> None:
    there = "America/New_York"
    for timestamp, tz in ((ZONELESS, there), ("2025-11-10 14:30:02", "UTC"), ("2025-11-10T14:30:02Z", there)):
        assert get(client, "/gex/at", timestamp=timestamp, tz=tz)["as_of"] == "2025-11-10T14:30:02Z"
    asked = {"start": "2025-11-10T09:30:02", "end": "2025-11-10T09:30:04", "tz": there}
    assert get(client, "/gex", **asked)["count"] == len(snapshots_between(1762785002_000000, 1762785004_000000))


@pytest.mark.parametrize(
    ("when", "words"),
    [("2025-03-09T02:30:00", "does not exist"), ("2025-11-02T01:30:00", "comes twice")],
)
def test_a_time_that_a_clock_change_makes_none_or_two_is_refused_in_words(
    client: TestClient, when: str, words: str
) -> None:
    response = client.get("/gex/at", params={**FEED, "timestamp": when, "tz": "America/New_York"})
    (detail,) = assert_error(response, 422, "parameters_invalid")["details"]
    assert words in detail["message"]


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "America", "right/UTC", "new york"])
def test_a_zone_that_there_is_not_is_refused(client: TestClient, zone: str) -> None:
    response = client.get("/gex", params={**FEED, "tz": zone})
    (detail,) = assert_error(response, 422, "parameters_invalid")["details"]
    assert (detail["parameter"], detail["value"]) == ("tz", zone)
    assert "America/New_York" in detail["message"]


# ---- near enough ---------------------------------------------------------------------------------------------------


def test_at_answers_within_the_same_session_unless_an_age_is_said(client: TestClient) -> None:
    """Tuesday 09:00 in New York is before the first snapshot of Tuesday; Monday's last one is from 09:30."""
    monday_last, early = INSTANTS_US[COUNT - 1], "2025-11-11T09:00:00-05:00"
    age = (1762869600_000000 - monday_last) / 1_000_000
    document = assert_error(client.get("/gex/at", params={**FEED, "timestamp": early}), 404, "snapshot_too_old")
    assert "no snapshot of 2025-11-11 in New York at or before 2025-11-11T14:00:00Z" in document["message"]
    assert f"{iso(monday_last).replace('.000000Z', 'Z')}, 23 h 29 min" in document["message"]
    assert f"({age} seconds) older" in document["message"]
    assert document["details"] == [{"parameter": "max_age", "value": None, "message": f"It would have to be {age}."}]
    for max_age in ("1d", "24h", "86400", "86400s", str(age)):
        found = get(client, "/gex/at", timestamp=early, max_age=max_age)
        assert (found["timestamp"], found["age_seconds"]) == (RECORDS[COUNT - 1]["timestamp"], age)
    assert_error(client.get("/gex/at", params={**FEED, "timestamp": early, "max_age": "23h"}), 404, "snapshot_too_old")


def test_midnight_in_new_york_is_where_a_session_ends(client: TestClient) -> None:
    last = RECORDS[COUNT - 1]["timestamp"]
    assert get(client, "/gex/at", timestamp="2025-11-10T23:59:59.999999-05:00")["timestamp"] == last
    over = client.get("/gex/at", params={**FEED, "timestamp": "2025-11-11T00:00:00-05:00"})
    assert_error(over, 404, "snapshot_too_old")
    assert get(client, "/gex/at", timestamp="2025-11-11T04:59:59Z")["timestamp"] == last, "UTC's midnight is none"


def test_latest_is_of_the_newest_session_however_old_unless_an_age_is_said(client: TestClient) -> None:
    assert get(client, "/gex/latest")["age_seconds"] > 86_400
    assert get(client, "/gex/latest", max_age="99999d")["timestamp"] == RECORDS[-1]["timestamp"]
    assert_error(client.get("/gex/latest", params={**FEED, "max_age": "1d"}), 404, "snapshot_too_old")


def test_latest_is_the_last_snapshot_with_its_age_at_this_moment(client: TestClient) -> None:
    before = time.time()
    found = get(client, "/gex/latest")
    after = time.time()
    last = RECORDS[-1]
    assert found == {
        **last,
        "as_of": iso(INSTANTS_US[-1]).replace(".000000Z", "Z"),
        "age_seconds": found["age_seconds"],
    }
    assert before - 1e-6 <= last["timestamp"] + found["age_seconds"] <= after + 1e-6, "exact, however old it is"


# ---- what of it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/gex/latest", "/gex/at"])
def test_a_single_snapshot_without_ladder_or_with_some_fields_only(client: TestClient, path: str) -> None:
    when = {"timestamp": INSTANTS_US[9] // 1_000_000} if path == "/gex/at" else {}
    record = RECORDS[9] if when else RECORDS[-1]
    about = {"as_of", "age_seconds"}
    without = get(client, path, strikes=False, **when)
    assert set(without) == (set(record) - {"strikes"}) | about
    some = get(client, path, fields="spot, strikes,max_priors", **when)
    assert list(some) == ["spot", "strikes", "max_priors", "as_of", "age_seconds"]
    assert some["strikes"] == record["strikes"]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_pages_without_ladders_or_with_some_fields_only(client: TestClient, form: str) -> None:
    def rows(**parameters: Any) -> list[Record]:
        response = client.get("/gex", params={**FEED, "format": form, **parameters})
        return [json.loads(line) for line in response.text.splitlines()] if form == "ndjson" else page_of(response)

    assert rows(strikes=False) == [{k: v for k, v in record.items() if k != "strikes"} for record in RECORDS]
    assert rows(fields="timestamp,spot,zero_gamma") == [{k: record[k] for k in FIELDS} for record in RECORDS]
    assert rows(fields="strikes", limit=200) == [{"strikes": record["strikes"]} for record in RECORDS]


def test_a_snapshot_that_is_too_old_is_404(client: TestClient) -> None:
    moment = INSTANTS_US[-1] // 1_000_000 + 90
    assert get(client, "/gex/at", timestamp=moment, max_age=90)["age_seconds"] == 90
    response = client.get("/gex/at", params={**FEED, "timestamp": moment, "max_age": 89.5})
    (detail,) = assert_error(response, 404, "snapshot_too_old")["details"]
    assert detail == {"parameter": "max_age", "value": 89.5, "message": "It would have to be 90.0."}
    assert_error(client.get("/gex/latest", params={**FEED, "max_age": 0}), 404, "snapshot_too_old")


# ---- page by page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, COUNT, 2 * COUNT - 1, 2 * COUNT])
def test_a_walk_by_cursor_gives_every_snapshot_once(client: TestClient, order: str, limit: int) -> None:
    seen: list[float] = []
    parameters: dict[str, Any] = {"limit": limit, "order": order, "strikes": False}
    while "cursor" not in parameters or parameters["cursor"] is not None:
        document = get(client, "/gex", **parameters)
        assert document["count"] == len(document["snapshots"]) <= limit
        seen += [snapshot["timestamp"] for snapshot in document["snapshots"]]
        parameters["cursor"] = document["next"]
    expected = [record["timestamp"] for record in RECORDS]
    assert seen == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow", "parquet"])
def test_the_next_page_is_named_in_headers_too(client: TestClient, form: str) -> None:
    response = client.get("/gex", params={**FEED, "limit": 50, "format": form, "start": "2025-11-10T00:00:00+00:00"})
    link = response.headers["link"]
    assert link.endswith('; rel="next"')
    following = client.get(link.partition("<")[2].partition(">")[0])
    assert "link" not in following.headers
    assert "x-next-cursor" not in following.headers
    if form == "ndjson":
        assert [json.loads(line) for line in (response.text + following.text).splitlines()] == RECORDS


# ---- a request that is not valid -----------------------------------------------------------------------------------

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("/gex", {"limit": 0}, "limit", "greater than or equal to 1"),
    ("/gex", {"limit": 10_001}, "limit", "less than or equal to 10000"),
    ("/gex", {"limit": "all"}, "limit", "valid integer"),
    ("/gex", {"order": "up"}, "order", "'asc' or 'desc'"),
    ("/gex", {"start": "yesterday"}, "start", "ISO 8601"),
    ("/gex", {"start": "nan"}, "start", "ISO 8601"),
    ("/gex", {"end": "-1"}, "end", "ISO 8601"),
    ("/gex", {"start": "1969-12-31T23:59:59Z"}, "start", "before 1970"),
    ("/gex", {"end": "253402300800"}, "end", "ISO 8601"),
    ("/gex", {"start": "2025-11-11", "end": "2025-11-10"}, "end", "before start"),
    ("/gex", {"cursor": "x"}, "cursor", "`next` of the page before"),
    ("/gex", {"fields": "timestamp,spott"}, "fields.1", "'timestamp', 'ticker'"),
    ("/gex", {"strikes": "maybe"}, "strikes", "valid boolean"),
    ("/gex", {"format": "xml"}, "format", "'json', 'ndjson', 'csv', 'arrow' or 'parquet'"),
    ("/gex", {"symbol": ""}, "symbol", "at least 1 character"),
    ("/gex", {"symbol": "x" * 65}, "symbol", "at most 64 characters"),
    ("/gex", {"ticker": "NQ_NDX"}, "ticker", "not permitted"),
    ("/gex/latest", {"max_age": -1}, "max_age", "greater than or equal to 0"),
    ("/gex/latest", {"max_age": "inf"}, "max_age", "finite number"),
    ("/gex/latest", {"max_age": "3w"}, "max_age", "valid number"),
    ("/gex/latest", {"tz": "UTC"}, "tz", "not permitted"),
    ("/gex/latest", {"timestamp": 1}, "timestamp", "not permitted"),
    ("/gex/at", {}, "timestamp", "required"),
    ("/gex/at", {"timestamp": "1e9"}, "timestamp", "ISO 8601"),
    ("/gex/at", {"timestamp": 1, "limit": 1}, "limit", "not permitted"),
]


@pytest.mark.parametrize(("path", "parameters", "name", "words"), REFUSED)
def test_a_parameter_that_is_not_valid_is_named_with_its_value_and_what_would_be(
    client: TestClient, path: str, parameters: dict[str, Any], name: str, words: str
) -> None:
    document = assert_error(client.get(path, params={**FEED, **parameters}), 422, "parameters_invalid")
    (detail,) = document["details"]
    assert detail["parameter"] == name
    assert words in detail["message"]
    if name in parameters:
        assert str(detail["value"]) == str(parameters[name])


def test_the_symbol_has_to_be_named(client: TestClient) -> None:
    document = assert_error(client.get("/gex/latest"), 422, "parameters_invalid")
    assert document["details"] == [{"parameter": "symbol", "value": None, "message": "Field required."}]


@pytest.mark.parametrize("feed", [{"symbol": "SPX"}, {"package": "state"}, {"category": "full"}, {"symbol": "../.."}])
@pytest.mark.parametrize(
    ("path", "when"), [("/gex", {}), ("/gex/latest", {}), ("/gex/at", {"timestamp": "1762871440"})]
)
def test_a_feed_that_the_lake_does_not_hold_is_404_and_those_it_holds_are_named(
    client: TestClient, path: str, when: dict[str, str], feed: dict[str, str]
) -> None:
    (detail,) = assert_error(client.get(path, params={**FEED, **when, **feed}), 404, "feed_unknown")["details"]
    assert detail["message"] == "It holds NQ_NDX/classic/gex_zero."


def test_a_category_may_be_named_by_its_short_name(client: TestClient) -> None:
    assert get(client, "/gex", category="zero", limit=1) == get(client, "/gex", category="gex_zero", limit=1)


# ---- answers that are known already --------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "parameters"), [("/gex", {"limit": 3}), ("/gex/at", {"timestamp": "2025-11-10"})])
def test_an_answer_that_the_caller_has_is_not_sent_again(
    client: TestClient, path: str, parameters: dict[str, Any]
) -> None:
    def ask(known: str | None) -> Any:
        headers = {} if known is None else {"If-None-Match": known}
        return client.get(path, params={**FEED, **parameters}, headers=headers)

    first = ask(None)
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = ask(known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert ask('"other"').status_code == 200
    assert client.get(path, params={**FEED, **parameters, "strikes": False}).headers["etag"] != tag


@pytest.mark.parametrize("parameters", [{"limit": 40}, {"limit": 40, "format": "ndjson"}, {"format": "csv"}])
def test_text_is_packed_where_the_caller_takes_that(client: TestClient, parameters: dict[str, Any]) -> None:
    plain = client.get("/gex", params={**FEED, **parameters}, headers={"Accept-Encoding": "identity"})
    packed = client.get("/gex", params={**FEED, **parameters}, headers={"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.content == plain.content
    assert "Accept-Encoding" in packed.headers["vary"]

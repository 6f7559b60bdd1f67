"""One answer in five forms: the same values in each, chosen by `format` or by the header Accept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.api.representations import MEDIA_TYPES, TABLE_FORMATS, iter_encoded
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, edit, records_of, vendor_name, write_array
from helpers.service import LOCAL, assert_error

COUNT = 12


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A lake with what forms differ in: nulls, text with quotes and commas, bytes that are no text, long fractions."""
    folder = tmp_path_factory.mktemp("representations")
    records = records_of(MONDAY, COUNT)
    records[1] |= {"note": 'say "so",\nplease', "timestamp": records[1]["timestamp"] + 0.000001}
    records[2]["zero_gamma"] = None
    records[3]["strikes"][0][3] = []
    records[4]["strikes"][0][1] = 0.1 + 0.2
    source = write_array(folder / "source" / vendor_name(MONDAY), records)
    edit(source, lambda records: records[5].update(spot=-1))
    source.write_bytes(source.read_bytes().replace(b'"spot":-1,', b'"spot":-1,"caf\xe9\xff":"\xff",'))
    import_history(source.parent, folder / "data")
    settings = Settings(lake=folder / "data", rate_limit="", access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL) as client:
        yield client


PATHS = {
    "/gex": "?symbol=NQ_NDX&limit=9",
    "/gex/strikes": "?symbol=NQ_NDX&strike=25470.11&strike=25430.11&limit=9",
    "/gex/bars": "?symbol=NQ_NDX&interval=3s",
    "/gex/heatmap": "?symbol=NQ_NDX&interval=5s",
    "/sessions": "?limit=5",
    "/lineage": "?limit=5",
    "/quarantine": "?limit=5",
}
EXPORTS = {"/export/snapshots": "?symbol=NQ_NDX", "/export/strikes": "?symbol=NQ_NDX"}


def ask(client: TestClient, path: str, form: str) -> Any:
    where = (PATHS | EXPORTS)[path]
    if path == "/gex":  # the vendor's shape has another order and other types: see test_snapshots
        where += "&fields=timestamp,spot,zero_gamma,min_dte"
    response = client.get(f"{path}{where}&format={form}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == MEDIA_TYPES[form]  # type: ignore[index]
    return response


def frame_of(response: Any, form: str) -> pl.DataFrame:
    if form == "arrow":
        return pl.read_ipc_stream(response.content, use_pyarrow=False)
    return pl.read_parquet(io.BytesIO(response.content))


def as_json(value: Any) -> Any:
    """A value of a frame as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    return value if value is None or isinstance(value, int | float | str) else str(value)


@pytest.mark.parametrize("path", [*PATHS, *EXPORTS])
def test_arrow_and_parquet_are_one_frame_and_lines_have_its_values(client: TestClient, path: str) -> None:
    frame = frame_of(ask(client, path, "arrow"), "arrow")
    assert frame.height > 0
    assert_frame_equal(frame_of(ask(client, path, "parquet"), "parquet"), frame)
    lines = [json.loads(line) for line in ask(client, path, "ndjson").text.splitlines()]
    expected = [as_json(row) for row in frame.to_dicts()]
    if path == "/gex":
        for row, snapshot in zip(frame["timestamp"].dt.epoch("us"), expected, strict=True):
            snapshot["timestamp"] = row / 1_000_000
    assert lines == expected


@pytest.mark.parametrize("path", [*PATHS, *EXPORTS])
def test_csv_reads_back_as_the_same_values(client: TestClient, path: str) -> None:
    frame = frame_of(ask(client, path, "arrow"), "arrow")
    if path == "/gex":
        frame = frame.drop("strikes", strict=False)
    text = ask(client, path, "csv").text
    read = pl.read_csv(io.StringIO(text), infer_schema=False)
    assert read.columns == frame.columns
    for name, kind in frame.schema.items():
        cells = [None if cell is None else _parsed(cell, kind) for cell in read[name]]
        assert cells == [as_json(value) for value in frame[name].to_list()], name


def _parsed(cell: str, kind: pl.DataType) -> Any:
    if isinstance(kind, pl.Datetime):
        return as_json(datetime.fromisoformat(cell))
    if kind.is_nested() or kind == pl.Boolean:
        return json.loads(cell)
    if kind.is_float():
        return float(cell)
    return int(cell) if kind.is_integer() else cell


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/gex/heatmap"])
def test_json_has_the_rows_of_json_lines(client: TestClient, path: str) -> None:
    lines = [json.loads(line) for line in ask(client, path, "ndjson").text.splitlines()]
    (rows,) = (value for value in ask(client, path, "json").json().values() if isinstance(value, list))
    assert rows == [{name: line[name] for name in row} for row, line in zip(rows, lines, strict=True)]


def test_a_heatmap_as_json_is_the_matrix_of_its_cells(client: TestClient) -> None:
    matrix = ask(client, "/gex/heatmap", "json").json()
    cells = [json.loads(line) for line in ask(client, "/gex/heatmap", "ndjson").text.splitlines()]
    found = [
        {"timestamp": timestamp, "strike": strike, "gex_vol": matrix["values"][i][j]}
        for j, timestamp in enumerate(matrix["timestamps"])
        for i, strike in enumerate(matrix["strikes"])
        if matrix["values"][i][j] is not None
    ]
    assert found == cells
    assert matrix["strikes"] == sorted(matrix["strikes"])


# ---- choosing ------------------------------------------------------------------------------------------------------

ACCEPTS = [
    ("*/*", "json"),
    ("", "json"),
    ("application/json", "json"),
    ("application/*", "json"),
    ("text/*", "csv"),
    ("text/csv", "csv"),
    ("TEXT/CSV; header=present", "csv"),
    ("text/html, application/x-ndjson;q=0.9, */*;q=0.1", "ndjson"),
    ("text/csv;q=0.1, application/vnd.apache.parquet;q=0.2", "parquet"),
    ("application/vnd.apache.arrow.stream, application/json;q=0.5", "arrow"),
    ("application/json;q=0, text/csv", "csv"),
    ("text/csv;q=much", "csv"),
]


@pytest.mark.parametrize(("accept", "form"), ACCEPTS)
@pytest.mark.parametrize("path", ["/gex", "/sessions"])
def test_the_header_accept_chooses_the_form(client: TestClient, path: str, accept: str, form: str) -> None:
    response = client.get(f"{path}{PATHS[path]}", headers={"Accept": accept})
    assert response.headers["content-type"] == MEDIA_TYPES[form]  # type: ignore[index]
    assert "Accept" in response.headers["vary"]


def test_the_parameter_goes_before_the_header(client: TestClient) -> None:
    response = client.get("/sessions?format=csv", headers={"Accept": "image/png"})
    assert response.headers["content-type"] == MEDIA_TYPES["csv"]


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0", "text/xml, image/*"])
@pytest.mark.parametrize("path", ["/gex", "/gex/bars", "/gex/strikes", "/lineage", "/export/strikes"])
def test_a_form_that_is_not_offered_is_406_and_those_offered_are_named(
    client: TestClient, path: str, accept: str
) -> None:
    response = client.get(f"{path}{(PATHS | EXPORTS)[path]}", headers={"Accept": accept})
    message = assert_error(response, 406, "format_not_offered")["message"]
    assert all(name in message for name in ("application/x-ndjson", "text/csv", "application/vnd.apache.parquet"))


# ---- several frames, one after the other ---------------------------------------------------------------------------

FRAME = pl.DataFrame(
    {
        "timestamp": pl.Series([1, 2, 3, 4, 5], dtype=pl.Datetime("us", "UTC")),
        "name": ["a", None, 'b,"\n', "", "é"],
        "value": [0.1, float("nan"), None, -0.0, 5e-324],
        "raw": [b"\xff", None, b"", b"x", b"\0"],
        "nested": [[{"strike": 1.5, "change": None}], [], None, [{"strike": 2.0, "change": 0.1}], []],
    },
    schema_overrides={"raw": pl.Binary},
)


@pytest.mark.parametrize("cuts", [[5], [1, 4], [0, 5], [2, 0, 3], [1, 1, 1, 1, 1], [0]])
@pytest.mark.parametrize("form", [form for form in TABLE_FORMATS if form != "json"])
def test_pieces_are_encoded_as_the_whole_would_be(form: str, cuts: list[int]) -> None:
    pieces, start = [], 0
    for rows in cuts:
        pieces.append(FRAME.slice(start, rows))
        start += rows
    whole = FRAME.head(start)
    body = b"".join(iter_encoded(iter(pieces), form))  # type: ignore[arg-type]
    if form == "arrow":
        assert_frame_equal(pl.read_ipc_stream(body, use_pyarrow=False), whole)
    elif form == "parquet":
        assert_frame_equal(pl.read_parquet(io.BytesIO(body)), whole)
    else:
        assert body == b"".join(iter_encoded([whole], form))  # type: ignore[arg-type]


def test_where_an_export_waits_for_its_reader_no_file_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    parts = iter_encoded([FRAME], "parquet")
    assert next(parts)
    assert len(list(tmp_path.iterdir())) == 1
    parts.close()  # type: ignore[attr-defined]  # as when the client has gone
    assert list(tmp_path.iterdir()) == []


HOSTILE = [
    "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\tx", "\rx", "x\r", "x\ny", "x\r\ny", '"q"', '"', "", "a,b",
    " x ", "\0", "\x1b[2J", "\u2028", "NULL", None, "'", "\\", "<img src=x onerror=alert(1)>", "'=1+1",
]  # fmt: skip


def test_csv_gives_text_back_as_it_was_also_where_a_spreadsheet_would_take_it_for_a_formula() -> None:
    """It is for programs: what is changed for a spreadsheet's sake could not be trusted any more."""
    frame = pl.DataFrame({"number": range(len(HOSTILE)), "text": HOSTILE})
    text = b"".join(iter_encoded([frame.head(7), frame.slice(7)], "csv"))
    rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert rows == [["number", "text"], *([str(n), one or ""] for n, one in enumerate(HOSTILE))]
    assert pl.read_csv(text)["text"].to_list() == HOSTILE, "nothing and no text are told apart"


def test_csv_can_be_read_as_nothing_else(client: TestClient) -> None:
    response = client.get("/lineage", params={"format": "csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"

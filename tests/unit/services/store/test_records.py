"""What a record says: rendered == cold == the stored values, for everything that a record may hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.gex.writing.strike_file import StrikeFile
from gexlake.services.store.cold import ColdSession
from gexlake.services.store.rendered import BuildTask, RenderedSession, rendered_path, write_rendered
from gexlake.services.store.values import SessionReplacedError
from helpers.histories import MONDAY, Record, records_of
from unit.services.store.support import MadeLake, MakeLake, exact, parsed

Change = Callable[[list[Record]], None]


def files_of(lake: MadeLake) -> tuple[BuildTask, ColdSession]:
    """The task that renders Monday, and Monday's Parquet files."""
    session = next(session for session in lake.sessions if session.session_date == MONDAY)
    files = {name: lake.layout.dataset_file("gex", name, session.key) for name in ("snapshots", "strikes")}
    path = rendered_path(lake.layout, session.key, session.version)
    return BuildTask(session.key, session.version, files, path), ColdSession(files, session.key, session.version)


def render_both(lake: MadeLake) -> dict[bool, list[Any]]:
    """Monday's records with and without `strikes`, once it is sure that both paths give the same bytes for them."""
    task, cold = files_of(lake)
    write_rendered(task)
    rendered = RenderedSession(task.path, task.session, task.version)
    assert list(rendered.timestamps) == list(cold.timestamps)
    result = {}
    for strikes in (True, False):
        texts = [bytes(text) for text in rendered.records(0, len(cold), strikes=strikes)]
        assert b"".join(texts) == b"".join(rendered.texts(0, len(cold), strikes=strikes))
        assert b"".join(texts) == b"".join(cold.texts(0, len(cold), strikes=strikes))
        assert texts == [bytes(text) for text in cold.records(0, len(cold), strikes=strikes)]
        assert texts == [bytes(cold.texts(i, i + 1, strikes=strikes)[0]) for i in range(len(cold))]
        assert all(text.endswith(b"},\n") and text.count(b"\n") == 1 for text in texts)
        result[strikes] = [parsed(text[:-2]) for text in texts]
    return result


def without_strikes(records: list[Record]) -> list[Record]:
    return [{name: value for name, value in record.items() if name != "strikes"} for record in records]


def test_the_vendors_own_text_comes_back_byte_for_byte(two_days: MadeLake) -> None:
    _, cold = files_of(two_days)
    (text,) = cold.texts(0, len(cold), strikes=True)
    source = json.dumps(two_days.records[MONDAY], separators=(",", ":")).encode()
    assert b"[" + bytes(text)[:-2].replace(b",\n", b",") + b"]" == source


def plain(records: list[Record]) -> None:
    pass


def nulls(records: list[Record]) -> None:
    for name in ("zero_gamma", "min_dte", "sum_gex_oi", "max_priors"):
        records[1][name] = None


def short_max_priors(records: list[Record]) -> None:
    records[1]["max_priors"] = [[25000, -1.5]]
    records[2]["max_priors"] = []


def fewer_priors(records: list[Record]) -> None:
    for row, priors in zip(records[1]["strikes"], ([], [1.5], [1, 2, 3, 4]), strict=False):
        row[3] = priors


def null_prior(records: list[Record]) -> None:
    records[1]["strikes"][0][3] = [None, 1, None, 2, 3]


def sub_second(records: list[Record]) -> None:
    records[1]["timestamp"] += 0.25
    records[2]["timestamp"] += 0.000001


def awkward_doubles(records: list[Record]) -> None:
    values = [-0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, -1e-7, 2.0**53 + 2]
    for row, value in zip(records[1]["strikes"], values, strict=False):
        row[1] = row[2] = value
        row[3] = [value] * 5
    records[2]["sum_gex_vol"] = 1 / 3
    records[3]["delta_risk_reversal"] = -0.0


def unknown_fields(records: list[Record]) -> None:
    records[1] |= {"note": 'a "quoted"\nline\u2028 é', "nested": {"a": [1, 2.5, None, {"b": True}]}}
    records[3] |= {"huge": 123456789012345678901234567890}


def other_types(records: list[Record]) -> None:
    records[1]["zero_gamma"] = "n/a"
    records[2] |= {"min_dte": 0.5, "later": 1}
    records[3]["max_priors"] = {"now": 1}


def more_priors(records: list[Record]) -> None:
    records[1]["strikes"][0][3] = [1, 2, 3, 4, 5, 6]
    records[1]["strikes"][1].append("more")


def own_envelope_field(records: list[Record]) -> None:
    records[1] |= {"envelope": 7, "note": 1}


@pytest.mark.parametrize(
    "change",
    [
        plain,
        nulls,
        short_max_priors,
        fewer_priors,
        null_prior,
        sub_second,
        awkward_doubles,
        unknown_fields,
        other_types,
        more_priors,
        own_envelope_field,
    ],
)
def test_every_value_of_the_source_comes_back(change: Change, make_lake: MakeLake) -> None:
    records = copy.deepcopy(records_of(MONDAY, 6))
    change(records)
    got = render_both(make_lake({MONDAY: records}))
    assert doubles(got[True]) == doubles(records)
    assert doubles(got[False]) == doubles(without_strikes(records))


def doubles(value: Any) -> str:
    """Values for comparing: all numbers that the lake keeps as doubles are doubles, and -0.0 is not 0."""
    if isinstance(value, list):
        return f"[{','.join(map(doubles, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{doubles(item)}" for name, item in value.items()) + "}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**60:
        return exact(float(value))
    return exact(value)


def test_absent_fields_are_null_and_absent_priors_empty(make_lake: MakeLake) -> None:
    records = records_of(MONDAY, 3)
    del records[1]["zero_gamma"], records[1]["max_priors"]
    del records[1]["strikes"][0][3]
    (_, record, _) = render_both(make_lake({MONDAY: records}))[True]
    assert (record["zero_gamma"], record["max_priors"], record["strikes"][0][3]) == (None, None, [])
    assert list(record) == list(records[0])


def test_an_envelope_is_not_part_of_the_record(make_lake: MakeLake) -> None:
    records = records_of(MONDAY, 3)
    wrapped = [
        {"ticker": "NQ_NDX", "kind": "gex", "received_at": "2025-11-10T14:30:02Z", "payload": record}
        for record in (records[0], records[1] | {"note": 1}, records[2] | {"envelope": {"mine": True}})
    ]
    lake = make_lake({MONDAY: wrapped})
    got = render_both(lake)[True]
    assert got[0] == records[0]
    assert got[1] == records[1] | {"note": 1}
    assert got[2] == records[2] | {"envelope": {"mine": True}}


def test_pieces_are_cut_where_row_groups_end(make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gexlake.services.store.cold.SNAPSHOTS_AT_ONCE", 11)
    records = records_of(MONDAY, 40)
    lake = make_lake({MONDAY: records})
    session = next(session for session in lake.sessions if session.session_date == MONDAY)
    in_groups_of(lake.layout.dataset_file("gex", "strikes", session.key), 7)
    assert doubles(render_both(lake)[True]) == doubles(records)


def in_groups_of(path: Path, snapshots: int) -> None:
    """Write `strikes.parquet` again with so many snapshots in each row group."""
    document = json.loads(pl.read_parquet_metadata(path)[FOOTER_KEY])
    ladders = pl.read_parquet(path, hive_partitioning=False).partition_by("timestamp", maintain_order=True)
    with closing(StrikeFile(path)) as file:
        for group in batched(ladders, snapshots):
            moments = np.array([ladder["timestamp"].to_physical()[0] for ladder in group])
            cells = pl.concat(group).drop("timestamp").to_numpy().T
            file.add(moments, np.array([ladder.height for ladder in group]), cells)
        file.complete(document | {"rows_of_groups": file.rows_of_groups})
    assert len(file.rows_of_groups) > 5


def batched(ladders: list[pl.DataFrame], count: int) -> Iterator[list[pl.DataFrame]]:
    return (ladders[start : start + count] for start in range(0, len(ladders), count))


def test_files_of_another_version_are_refused(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 3)})
    task, _ = files_of(lake)
    lake.write(MONDAY, records_of(MONDAY, 4))
    with pytest.raises(SessionReplacedError, match="is version"):
        write_rendered(task)
    assert not task.path.exists()


def test_what_is_open_stays_readable_when_the_session_is_replaced(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 3)})
    _, cold = files_of(lake)
    lake.write(MONDAY, records_of(MONDAY, 9, skip=5))
    assert [parsed(text[:-2]) for text in cold.records(0, 3, strikes=True)] == records_of(MONDAY, 3)

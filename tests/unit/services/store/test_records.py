"""What a record says: by the lookup index == from Parquet == the source, for all that a record may hold."""

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

from gexlake.db.parquet import version_paths
from gexlake.errors import DamagedSessionError
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.snapshots.lookup import LookupIndex
from gexlake.importers.snapshots.writing.ladder_file import LadderFile
from gexlake.models.record_types import GEX
from gexlake.services.store.opened import open_session
from gexlake.services.store.parquet_session import ParquetSession
from gexlake.services.store.session import LookupSession
from helpers.histories import MONDAY, Record, records_of
from unit.services.store.support import MadeLake, MakeLake, exact, parsed

Change = Callable[[list[Record]], None]


def monday_of(lake: MadeLake) -> tuple[LookupSession, ParquetSession]:
    """Monday in both ways."""
    session = next(session for session in lake.sessions if session.session_date == MONDAY)
    files = {name: lake.layout.dataset_file("gex", name, session.key) for name in ("snapshots", "strikes")}
    arguments = files, session.key, session.version
    return LookupSession(GEX, *arguments), ParquetSession(GEX, *arguments)


def read_both(lake: MadeLake) -> dict[bool, list[Any]]:
    """Monday's records with and without `strikes`, once it is sure that both ways give the same bytes for them."""
    session, slow = monday_of(lake)
    assert list(session.timestamps) == list(slow.timestamps)
    count = len(slow)
    result = {}
    for strikes in (True, False):
        texts = [bytes(text) for text in session.records(0, count, strikes=strikes)]
        assert b"".join(texts) == b"".join(session.texts(0, count, strikes=strikes))
        assert b"".join(texts) == b"".join(slow.texts(0, count, strikes=strikes))
        assert texts == [bytes(text) for text in slow.records(0, count, strikes=strikes)]
        for way in (session, slow):
            assert texts == [bytes(way.texts(i, i + 1, strikes=strikes)[0]) for i in range(count)]
        assert all(text.endswith(b"},\n") and text.count(b"\n") == 1 for text in texts)
        result[strikes] = [parsed(text[:-2]) for text in texts]
    return result


def without_strikes(records: list[Record]) -> list[Record]:
    return [{name: value for name, value in record.items() if name != "strikes"} for record in records]


def test_the_vendors_own_text_comes_back_byte_for_byte(two_days: MadeLake) -> None:
    session, _ = monday_of(two_days)
    (text,) = session.texts(0, len(session), strikes=True)
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
    got = read_both(make_lake({MONDAY: records}))
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
    (_, record, _) = read_both(make_lake({MONDAY: records}))[True]
    assert (record["zero_gamma"], record["max_priors"], record["strikes"][0][3]) == (None, None, [])
    assert list(record) == list(records[0])


def test_an_envelope_is_not_part_of_the_record(make_lake: MakeLake) -> None:
    records = records_of(MONDAY, 3)
    wrapped = [
        {"ticker": "NQ_NDX", "kind": "gex", "received_at": "2025-11-10T14:30:02Z", "payload": record}
        for record in (records[0], records[1] | {"note": 1}, records[2] | {"envelope": {"mine": True}})
    ]
    lake = make_lake({MONDAY: wrapped})
    got = read_both(lake)[True]
    assert got[0] == records[0]
    assert got[1] == records[1] | {"note": 1}
    assert got[2] == records[2] | {"envelope": {"mine": True}}


def test_chunks_are_cut_where_row_groups_and_pages_end(make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("parquet_session.SNAPSHOTS_AT_ONCE", "session.SNAPSHOTS_AT_ONCE"):
        monkeypatch.setattr(f"gexlake.services.store.{place}", 11)
    monkeypatch.setattr("gexlake.importers.snapshots.writing.ladder_file.PAGE_SNAPSHOTS", 3)
    records = records_of(MONDAY, 40)
    lake = make_lake({MONDAY: records})
    session = next(session for session in lake.sessions if session.session_date == MONDAY)
    in_groups_of(lake.layout.dataset_file("gex", "strikes", session.key), 7)
    assert doubles(read_both(lake)[True]) == doubles(records)


def in_groups_of(path: Path, snapshots: int) -> None:
    """Write `strikes.parquet` again with so many snapshots in each row group."""
    document = json.loads(pl.read_parquet_metadata(path)[FOOTER_KEY])
    whole, table = path.read_bytes(), document["lookup"]
    index = LookupIndex.unpack(whole[table["offset"] : table["offset"] + table["length"]], len(GEX.ladder_names))
    blocks = [whole[offset : offset + length] for offset, length, _ in index.blocks.tolist()]
    ladders = pl.read_parquet(path, hive_partitioning=False).partition_by("timestamp", maintain_order=True)
    with closing(LadderFile(path, GEX)) as file:
        for group in batched(ladders, snapshots):
            moments = np.array([ladder["timestamp"].to_physical()[0] for ladder in group])
            cells = pl.concat(group).drop("timestamp").to_numpy().T
            file.add(moments, np.array([ladder.height for ladder in group]), cells)
        file.complete(document, blocks)
    assert len(file.rows_of_groups) > 5


def batched(ladders: list[pl.DataFrame], count: int) -> Iterator[list[pl.DataFrame]]:
    return (ladders[start : start + count] for start in range(0, len(ladders), count))


def test_a_version_that_was_replaced_is_there_until_it_is_collected(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 3)})
    (session,) = lake.sessions
    lake.write(MONDAY, records_of(MONDAY, 4))
    assert len(open_session(lake.layout, session.key, session.version).timestamps) == 3
    for file in version_paths(lake.layout, "gex", session.key, session.version).values():
        file.unlink()
    with pytest.raises(DamagedSessionError, match="No such file"):
        open_session(lake.layout, session.key, session.version)


def test_what_is_open_stays_readable_when_the_session_is_replaced(make_lake: MakeLake) -> None:
    lake = make_lake({MONDAY: records_of(MONDAY, 3)})
    ways = monday_of(lake)
    lake.write(MONDAY, records_of(MONDAY, 9, skip=5))
    for way in ways:
        assert [parsed(text[:-2]) for text in way.records(0, 3, strikes=True)] == records_of(MONDAY, 3)

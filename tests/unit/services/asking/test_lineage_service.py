from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gexlake.db.schema import TABLES
from gexlake.errors import UsageError
from gexlake.services.asking.lineage import list_lineage, list_quarantine
from gexlake.services.asking.status import lake_status

DAMAGED = "2025-11-26_NQ_NDX_classic_gex_zero.json"


def names(frame: pl.DataFrame) -> list[str]:
    return sorted({Path(file).name for file in frame["source_file"]})


def test_lineage_has_the_columns_of_its_table(lake: Path) -> None:
    frame = list_lineage(lake)
    assert frame.columns == [column.name for column in TABLES["lineage"]]
    assert frame.schema["import_timestamp"] == pl.Datetime("us", "UTC")
    assert frame.height == 4


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"statuses": ["partial"]}, [DAMAGED]),
        ({"statuses": ["PARTIAL", "failed"]}, [DAMAGED]),
        ({"tickers": ["spx"]}, ["2025-11-24_SPX_state_gex_full.json"]),
        ({"since": date(2025, 11, 28)}, ["2025-11-28_NQ_NDX_classic_gex_zero.json"]),
        ({"until": date(2025, 11, 24), "tickers": ["NQ_NDX"]}, ["2025-11-24_NQ_NDX_classic_gex_zero.json"]),
        ({"source": "11-26"}, [DAMAGED]),
        ({"source": "%"}, []),
        ({"import_id": "nothing"}, []),
    ],
)
def test_lineage_filters(lake: Path, filters: dict[str, Any], expected: list[str]) -> None:
    assert names(list_lineage(lake, **filters)) == expected


def test_lineage_takes_the_beginning_of_an_import_id(lake: Path) -> None:
    last = lake_status(lake).last_import
    assert last is not None
    assert list_lineage(lake, import_id=last.import_id[:15]).height == 4


def test_limit(lake: Path) -> None:
    assert list_lineage(lake, limit=2).height == 2
    assert list_quarantine(lake, limit=1).height == 1


def test_quarantine_keeps_the_text(lake: Path) -> None:
    frame = list_quarantine(lake)
    assert frame.columns == [column.name for column in TABLES["quarantine"]]
    assert frame.select("record_index", "reason").rows() == [(3, "spot_invalid"), (5, "strikes_missing")]
    assert frame["raw"].str.starts_with('{"timestamp":').all()


@pytest.mark.parametrize(
    ("filters", "reasons"),
    [
        ({"reasons": ["spot_invalid"]}, ["spot_invalid"]),
        ({"tickers": ["NQ_NDX"]}, ["spot_invalid", "strikes_missing"]),
        ({"tickers": ["SPX"]}, []),
        ({"since": date(2025, 11, 26), "until": date(2025, 11, 26)}, ["spot_invalid", "strikes_missing"]),
        ({"since": date(2025, 11, 27)}, []),
        ({"source": DAMAGED, "import_id": "20"}, ["spot_invalid", "strikes_missing"]),
    ],
)
def test_quarantine_filters(lake: Path, filters: dict[str, Any], reasons: list[str]) -> None:
    assert list_quarantine(lake, **filters)["reason"].to_list() == reasons


def test_unknown_words_are_errors(lake: Path) -> None:
    with pytest.raises(
        UsageError, match=r"There is no status 'good'\. Use one of success, partial, failed, skipped, forgotten\."
    ):
        list_lineage(lake, statuses=["good"])
    with pytest.raises(UsageError, match=r"There is no reason 'unknown_field'\. Use one of json_invalid, truncated, "):
        list_quarantine(lake, reasons=["unknown_field"])

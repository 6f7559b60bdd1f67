"""Files that are no GEX history, and files that a scanner passes over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gexlake.sample.faults.damage import Record, record_text
from gexlake.sample.faults.material import ARRAY, Case, FaultFile, Material
from gexlake.sample.feeds import SampleFeed
from gexlake.sample.report import Expectation
from gexlake.sample.writer import form_bytes

# fmt: off
ORDERFLOW_FIELDS = (
    "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma", "zero_mcall", "zero_mput", "one_mcall",
    "one_mput", "zcvr", "ocvr", "zgr", "ogr", "zvanna", "ovanna", "zcharm", "ocharm", "agg_dex",
    "one_agg_dex", "agg_call_dex", "one_agg_call_dex", "agg_put_dex", "one_agg_put_dex", "net_dex",
    "one_net_dex", "net_call_dex", "one_net_call_dex", "net_put_dex", "one_net_put_dex", "dexoflow",
    "gexoflow", "cvroflow", "one_dexoflow", "one_gexoflow", "one_cvroflow",
)
# fmt: on
"""Beside timestamp, ticker and spot: 37 scalars in all."""


def _unsupported(package: str, category: str, convert: Callable[[Record], Record]) -> Case:
    def case(material: Material) -> list[FaultFile]:
        records = [record_text(convert(json.loads(record))) for record in material.records()]
        other = replace(material, feed=SampleFeed(material.feed.ticker, package, category))
        data = form_bytes(records, ARRAY)
        return [other.file(f"{other.stem}.json", data, Expectation("unsupported"), len(records))]

    return case


def _foreign_json(_: Material) -> list[FaultFile]:
    candles = [{"time": 1762785000 + 60 * minute, "open": 25_000, "close": 25_001.5} for minute in range(30)]
    files = {"settings.json": {"theme": "dark", "panes": [1, 2, 3]}, "candles.json": candles}
    unsupported = Expectation("unsupported")
    return [FaultFile(name, record_text(data), None, None, unsupported, 0) for name, data in files.items()]


def _empty_file(material: Material) -> list[FaultFile]:
    return [material.file(f"{material.stem}.json", b"", Expectation("failed"))]


def _error_page(material: Material) -> list[FaultFile]:
    """What a failed download leaves under a history's name: that day is missing."""
    page = b"<!DOCTYPE html>\n<html><body><h1>403 Forbidden</h1></body></html>\n"
    return [material.file(f"{material.stem}.json", page, Expectation("failed"))]


def _unfinished_download(material: Material) -> list[FaultFile]:
    return _passed_over(material, f"{material.stem}.json.part", Expectation("unsupported"))


def _hidden_file(material: Material) -> list[FaultFile]:
    return _passed_over(material, f".{material.stem}.json", Expectation("ignored"))


def _passed_over(material: Material, name: str, expected: Expectation) -> list[FaultFile]:
    records = material.records()
    return [material.file(name, form_bytes(records, ARRAY), expected, len(records))]


def orderflow_record(snapshot: Record) -> Record:
    """The orderflow record of the same second; its figures have a plausible form and no meaning."""
    second = snapshot["timestamp"] % 3600
    same = {name: snapshot[name] for name in ("timestamp", "ticker", "spot")}
    figures = [(second * 37 + 101 * number) % 2000 / 8 - 120 for number in range(len(ORDERFLOW_FIELDS))]
    return {**same, **dict(zip(ORDERFLOW_FIELDS, figures, strict=True))}


def greek_record(snapshot: Record) -> Record:
    """The greek record of the same second: `mini_contracts` in place of `strikes`."""
    contracts = [_mini_contract(row) for row in snapshot["strikes"]]
    levels = {
        "major_positive": snapshot["major_pos_vol"],
        "major_negative": snapshot["major_neg_vol"],
        "major_long_gamma": snapshot["major_pos_vol"],
        "major_short_gamma": snapshot["major_neg_vol"],
    }
    same = {name: snapshot[name] for name in ("timestamp", "ticker", "spot", "min_dte", "sec_min_dte")}
    return {**same, **levels, "mini_contracts": contracts}


def _mini_contract(row: list[Any]) -> list[Any]:
    strike, value, _, priors = row
    return [strike, 0.181, 0.194, value, priors[:3]]


STRANGER_CASES: dict[str, Case] = {
    "unsupported_orderflow": _unsupported("orderflow", "orderflow", orderflow_record),
    "unsupported_greek": _unsupported("state", "delta_zero", greek_record),
    "foreign_json": _foreign_json,
    "empty_file": _empty_file,
    "error_page": _error_page,
    "unfinished_download": _unfinished_download,
    "hidden_file": _hidden_file,
}

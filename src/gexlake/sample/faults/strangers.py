"""Files beside a feed's own: of other record types, no history at all, and what a scanner passes over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from gexlake.sample.faults.damage import record_text
from gexlake.sample.faults.material import ARRAY, Case, FaultFile, Material, all_good
from gexlake.sample.faults.shapes import Record
from gexlake.sample.feeds import SampleFeed
from gexlake.sample.report import Expectation
from gexlake.sample.writer import form_bytes

MAXCHANGE_FIELDS = ("current", "one", "five", "ten", "fifteen", "thirty")


def _of_feed(package: str, category: str) -> Case:
    """Good records of another feed of the ticker."""

    def case(material: Material) -> list[FaultFile]:
        other = _other(material, package, category)
        records = other.records()
        return [other.file(f"{other.stem}.json", form_bytes(records, ARRAY), all_good(len(records)))]

    return case


def _unsupported(category: str, name: str, convert: Callable[[Record], Record]) -> Case:
    """Records of a type, or of an expiry, that is not imported."""

    def case(material: Material) -> list[FaultFile]:
        records = [json.loads(record) for record in _other(material, "state", "gex_zero").records()]
        data = form_bytes((record_text(convert(record)) for record in records), ARRAY)
        other = _other(material, "state", category)
        return [other.file(f"{other.stem}{name}.json", data, Expectation("unsupported"), len(records))]

    return case


def _other(material: Material, package: str, category: str) -> Material:
    return replace(material, feed=SampleFeed(material.feed.ticker, package, category))


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


def _majors(snapshot: Record) -> Record:
    """The vendor's summary of a snapshot."""
    same = {name: snapshot[name] for name in ("timestamp", "ticker", "spot", "zero_gamma")}
    levels = {
        f"m{sign}_{column}": snapshot[f"major_{sign}_{column}"] for column in ("vol", "oi") for sign in ("pos", "neg")
    }
    return {**same, **levels, "net_gex_vol": snapshot["sum_gex_vol"], "net_gex_oi": snapshot["sum_gex_oi"]}


def _largest_changes(snapshot: Record) -> Record:
    """The vendor's `maxchange` of a snapshot."""
    same = {name: snapshot[name] for name in ("timestamp", "ticker")}
    return {**same, **dict(zip(MAXCHANGE_FIELDS, snapshot["max_priors"], strict=True))}


STRANGER_CASES: dict[str, Case] = {
    "other_orderflow": _of_feed("orderflow", "orderflow"),
    "other_greek": _of_feed("state", "delta_zero"),
    "foreign_json": _foreign_json,
    "empty_file": _empty_file,
    "error_page": _error_page,
    "unfinished_download": _unfinished_download,
    "hidden_file": _hidden_file,
    "unsupported_expiry": _unsupported("gex_20251114", "", dict),
    "unsupported_majors": _unsupported("gex_zero", "_majors", _majors),
    "unsupported_maxchange": _unsupported("gex_zero", "_maxchange", _largest_changes),
}

"""Good records in unusual containers: names, compression, forms; and files cut short, or altered when packed."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import replace

from gexlake.sample.faults.material import (
    ARRAY,
    JSONL,
    Case,
    FaultFile,
    Material,
    all_good,
    named,
    some_refused,
)
from gexlake.sample.report import Expectation
from gexlake.sample.text import record_timestamp
from gexlake.sample.writer import COMPRESSIONS, FORMS, Form, compressed, envelope, form_bytes
from gexlake.zstd import ZstdCompressor

ONE_PER_FILE_SNAPSHOTS = 12
CRLF_JSONL = Form(".jsonl", b"", b"\r\n", b"\r\n")
ZSTD_CHECKSUM_FLAG = 201
"""A parameter of the zstd format: a checksum behind the text."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def _as_array(name: str, compression: str = "none") -> Case:
    """A good array under a name in which {stem}, {date}, {ticker}, {package} and {category} are filled in."""

    def case(material: Material) -> list[FaultFile]:
        records = material.records()
        data = compressed(form_bytes(records, ARRAY), compression)
        return [material.file(named(name, material), data, all_good(len(records)))]

    return case


def _ticker_package_category_jsonl(material: Material) -> list[FaultFile]:
    records = material.records()
    name = named("{date}/{ticker}/{package}/{category}.jsonl", material)
    return [material.file(name, form_bytes(records, JSONL), all_good(len(records)))]


def _signed_url_name(material: Material) -> list[FaultFile]:
    if os.name == "nt":  # a question mark cannot stand in a file name there
        return []
    return _as_array("{stem}.json.gz?sv=2024-11-04&sr=b&se=2026-01-01&sig=synthetic%3D")(material)


def _alias(alias: str) -> Case:
    """The category's short name in the file name, as `zero` for `gex_zero`."""

    def case(material: Material) -> list[FaultFile]:
        aliased = replace(material, feed=replace(material.feed, category=f"gex_{alias}"))
        return _as_array(f"{{date}}_{{ticker}}_{{package}}_{alias}.json")(aliased)

    return case


def _in_form(form: Form, suffix: str = ".json", mark: bytes = b"") -> Case:
    def case(material: Material) -> list[FaultFile]:
        records = material.records()
        if form.enveloped:
            records = [envelope(record, material.feed) for record in records]
        data = mark + form_bytes(records, form)
        return [material.file(material.stem + suffix, data, all_good(len(records)))]

    return case


def _bom_crlf_blank_lines(material: Material) -> list[FaultFile]:
    records = material.records()
    lines = [line for record in records for line in (record, b"")]
    data = BYTE_ORDER_MARK + b"\r\n" + form_bytes(lines, CRLF_JSONL)
    return [material.file(f"{material.stem}.jsonl", data, all_good(len(records)))]


def _pretty_array(material: Material) -> list[FaultFile]:
    records = [json.loads(record) for record in material.records()]
    data = json.dumps(records, indent=1).encode()
    return [material.file(f"{material.stem}.json", data, all_good(len(records)))]


def _one_object_per_file(material: Material) -> list[FaultFile]:
    folder = named("{date}/{ticker}/{package}/{category}", material)
    return [
        material.file(f"{folder}/{record_timestamp(record)}.json", record, all_good(1))
        for record in material.records(ONE_PER_FILE_SNAPSHOTS)
    ]


def _cut(text: bytes, record: bytes) -> bytes:
    """The text up to the middle of that record."""
    return text[: text.index(record) + len(record) // 2]


def _truncated(form: Form, compression: str = "none") -> Case:
    def case(material: Material) -> list[FaultFile]:
        records = material.records()
        whole = len(records) * 3 // 4
        text = _cut(form_bytes(records, form), records[whole])
        suffix = form.suffix + COMPRESSIONS[compression][0]
        expected = some_refused(whole + 1, {"truncated": 1})
        return [material.file(material.stem + suffix, _UNFINISHED[compression](text), expected)]

    return case


def _unfinished_gzip(data: bytes) -> bytes:
    """A gzip stream without its end, from which exactly `data` can be read."""
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


def _unfinished_zstd(data: bytes) -> bytes:
    """A zstd frame without its end, from which exactly `data` can be read."""
    compressor = ZstdCompressor()
    return compressor.compress(data) + compressor.flush(ZstdCompressor.FLUSH_BLOCK)


_UNFINISHED: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": _unfinished_gzip,
    "zstd": _unfinished_zstd,
}


def _altered(pack: Callable[[bytes], bytes], suffix: str) -> Case:
    """One bit in the middle of the packed stream is flipped: its checksum tells."""

    def case(material: Material) -> list[FaultFile]:
        records = material.records()
        packed = pack(form_bytes(records, ARRAY))
        data = _flip(packed, len(packed) // 2)
        return [material.file(material.stem + suffix, data, Expectation("failed"), len(records))]

    return case


def _altered_second_member(material: Material) -> list[FaultFile]:
    """Two gzip members, cut inside a record; the checksum of the second one does not match."""
    records = material.records()
    whole = len(records) // 2
    text = form_bytes(records, ARRAY)
    first = _cut(text, records[whole])
    data = compressed(first, "gzip") + _flip(compressed(text[len(first) :], "gzip"), -8)
    expected = some_refused(whole + 1, {"truncated": 1})
    return [material.file(f"{material.stem}.json.gz", data, expected, len(records))]


def _flip(data: bytes, at: int) -> bytes:
    """The bytes with one bit flipped."""
    flipped = bytearray(data)
    flipped[at] ^= 1
    return bytes(flipped)


def _gzip(data: bytes) -> bytes:
    return compressed(data, "gzip")


def _checked_zstd(data: bytes) -> bytes:
    """With a checksum, as the zstd command writes it and the library by default does not."""
    compressor = ZstdCompressor(options={ZSTD_CHECKSUM_FLAG: 1})
    return compressor.compress(data) + compressor.flush()


CONTAINER_CASES: dict[str, Case] = {
    "gzip_name_plain_content": _as_array("{stem}.json.gz"),
    "plain_name_gzip_content": _as_array("{stem}.json", "gzip"),
    "zstd": _as_array("{stem}.json.zst", "zstd"),
    "plain_name_zstd_content": _as_array("{stem}.json", "zstd"),
    "layout_date_folder": _as_array("{date}/{package}_{category}.json.gz", "gzip"),
    "layout_date_ticker_package": _ticker_package_category_jsonl,
    "layout_ticker_category": _as_array("{ticker}/{category}/{stem}.json"),
    "signed_url_name": _signed_url_name,
    "alias_full": _alias("full"),
    "alias_zero": _alias("zero"),
    "alias_one": _alias("one"),
    "array_after_bom": _in_form(ARRAY, mark=BYTE_ORDER_MARK),
    "jsonl_bom_crlf_blank_lines": _bom_crlf_blank_lines,
    "pretty_array": _pretty_array,
    "one_object_per_file": _one_object_per_file,
    **{
        f"array_under_{key}": _in_form(Form(".json", f'{{"{key}":['.encode(), b",", b"]}"))
        for key in ("snapshots", "records", "data", "payloads")
    },
    "enveloped_array": _in_form(replace(ARRAY, enveloped=True)),
    "enveloped_jsonl": _in_form(FORMS["enveloped"], ".jsonl"),
    "truncated_array": _truncated(ARRAY),
    "truncated_jsonl": _truncated(JSONL),
    "truncated_gzip": _truncated(ARRAY, "gzip"),
    "truncated_zstd": _truncated(ARRAY, "zstd"),
    "altered_gzip": _altered(_gzip, ".json.gz"),
    "altered_zstd": _altered(_checked_zstd, ".json.zst"),
    "altered_second_member": _altered_second_member,
}

GEX_CONTAINER_CASES = frozenset({"alias_full", "alias_zero", "alias_one"})

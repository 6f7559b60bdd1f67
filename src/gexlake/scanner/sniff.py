"""What a text is by its start: JSON or not, in which form, of which record type. Pure."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from gexlake.models.record_types import ORDERFLOW_TYPE, RECORD_TYPES
from gexlake.models.source import Form
from gexlake.packing import MAGIC
from gexlake.scanner.first_record import LADDER_KEYS, SPACE, FirstRecord, end_of

OTHER_RECORD_TYPES: dict[str, str] = {
    "majors": "major levels without a ladder",
    "maxchange": "largest changes without a ladder",
}
"""Record types of the vendor that no importer reads, in words."""

SNAPSHOT_KEYS = frozenset(
    name.encode() for kind in RECORD_TYPES.values() for name in (*kind.fields, "spot_price") if name != "timestamp"
)
"""Keys of snapshots of all types, without `timestamp`, which anything may have."""

FLAT_KEYS: dict[str, frozenset[bytes]] = {
    ORDERFLOW_TYPE.name: frozenset(name.encode() for name in ORDERFLOW_TYPE.numbers if name != "spot"),
    "majors": frozenset(b"mpos_vol mpos_oi mneg_vol mneg_oi net_gex_vol net_gex_oi".split()),
    "maxchange": frozenset(b"current one five ten fifteen thirty".split()),
}
"""Record types without a ladder, and keys by which they are told."""
ENOUGH_FLAT_KEYS = 3
"""How many of those keys it takes; a single one may be chance."""

_UTF16_WITHOUT_MARK = re.compile(rb"[\[{]\x00[^\x00]\x00|\x00[\[{]\x00[^\x00]")
UTF16_WITHOUT_MARK = "UTF-16 text without a byte order mark; convert it to UTF-8 first"

FOREIGN_FORMATS: dict[bytes, str] = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive; unpack it first",
    b"Rar!\x1a\x07": "a RAR archive; unpack it first",
    **dict.fromkeys(MAGIC.values(), "packed twice; unpack it first"),
    b"PAR1": "Parquet",
    b"SQLite format 3\x00": "an SQLite database",
    b"SCID": "Sierra Chart ticks",
    b"%PDF-": "a PDF",
    b"\xff\xfe\x00\x00": "UTF-32 text; convert it to UTF-8 first",
    b"\x00\x00\xfe\xff": "UTF-32 text; convert it to UTF-8 first",
}
"""How other formats start that lie about in archives of this kind, all binary."""

MAX_VALUE_BYTES = 512
"""A longer ticker, time or label is none."""
LEFT = ", such as a failed download leaves"
PROBE_BYTES = 512
"""Within so many bytes, binary content shows by its control characters."""

_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?+\s*+")
_JSON_START = re.compile(rb'\[\s*+(?:\{\s*+["}]|\])|\{\s*+["}]')
_HTML = re.compile(rb"(?is)(?:<!--.*?-->|<\?xml[^>]*>|\s)*+<(?:!doctype\s+html|html|head|body)\b")
_CSV = re.compile(rb"(?:[^\r\n,;\t{}\[\]<>]*+([,;\t]))(?:[^\r\n{}\[\]<>]*+)(?:\r?\n|\r)[^\r\n]*?\1")
"""A line of words with separators, and a second line with the same separator."""
_ANY_KEY = re.compile(b"|".join(b'"%b"' % key for key in sorted(SNAPSHOT_KEYS | {b"timestamp"})))
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Content(NamedTuple):
    """What the start of a text shows. Where nothing could be told, values are None, empty or False."""

    form: Form
    is_json: bool
    record_type: str | None = None
    """One of `RECORD_TYPES` or of `OTHER_RECORD_TYPES`."""
    ticker: str | None = None
    """Of the first record, like `timestamp`, as it stands there."""
    timestamp: str | None = None
    labels: tuple[str, ...] = ()
    """What an envelope says of the feed: its `endpoint` and `kind`."""
    has_no_records: bool = False
    """The array is empty."""
    has_record: bool = False
    """The first record is an object that is damaged or has keys of a snapshot."""
    foreign_keys: tuple[str, ...] | None = None
    """Keys of the first object, where this is the whole text and nothing in it can be a snapshot."""
    is_other: bool = False
    """It is something else for certain: binary, a page, or a short text without any key of a snapshot."""
    is_text: bool = False
    """It is neither JSON nor another format: a text as servers send them, or a damaged line."""
    description: str = ""
    """What it is instead of JSON, or of records, in words."""


def is_blank(text: bytes) -> bool:
    """Whether there is nothing but white space, after a byte order mark at most."""
    return end_of(_BLANK, text, 0) == len(text)


def sniff(text: bytes, *, is_whole: bool) -> Content:
    """Tell what a text is by its start; `is_whole` says that nothing follows."""
    start = end_of(_BLANK, text, 0)
    if not _is_json(text, start):
        return _sniff_other(text, start, is_whole=is_whole)
    if text.startswith(b"[", start):
        form, start = Form.ARRAY, end_of(SPACE, text, start + 1)
        record = FirstRecord(text, start, may_hold_array=False)
        has_no_records = text.startswith(b"]", start)
    else:
        record = FirstRecord(text, start, may_hold_array=True)
        form = Form.WRAPPED if record.is_in_array else _form_of_objects(text, start, is_whole)
        has_no_records = record.is_missing
    record_type = _record_type(record.keys, text)
    has_snapshot_keys = not SNAPSHOT_KEYS.isdisjoint(record.keys)
    is_foreign = (
        is_whole and record.is_complete and not record.keys & (SNAPSHOT_KEYS - {b"ticker"}) and record_type is None
    )
    is_other = is_whole and not record.keys and not has_no_records and _holds_no_object(text)
    return Content(
        form=form,
        is_json=True,
        record_type=record_type,
        ticker=_plain(record.ticker),
        timestamp=_plain(record.timestamp),
        labels=_labels(record),
        has_no_records=has_no_records,
        has_record=record.is_object and (has_snapshot_keys or not record.is_complete),
        foreign_keys=_names(record.keys) if is_foreign else None,
        is_other=is_other,
        description="JSON without any object" if is_other else "",
    )


def _is_json(text: bytes, start: int) -> bool:
    if _JSON_START.match(text, start):
        return True
    return text[start : start + 1] in (b"[", b"{") and not _is_binary(text, start)


def _is_binary(text: bytes, start: int) -> bool:
    return _CONTROL.search(text, start, start + PROBE_BYTES) is not None


def _sniff_other(text: bytes, start: int, *, is_whole: bool) -> Content:
    """Content that does not begin as JSON does: JSON Lines whose first line is damaged, or something else."""
    for magic, description in FOREIGN_FORMATS.items():
        if text.startswith(magic, start):
            return Content(Form.LINES, is_json=False, is_other=True, description=description)
    if _is_binary(text, start):
        words = UTF16_WITHOUT_MARK if _UTF16_WITHOUT_MARK.match(text, start) else "binary content"
        return Content(Form.LINES, is_json=False, is_other=True, description=words)
    record = FirstRecord(text, start, may_hold_array=False)
    return Content(
        form=Form.LINES,
        is_json=False,
        record_type=_record_type(record.keys, text),
        ticker=_plain(record.ticker),
        timestamp=_plain(record.timestamp),
        labels=_labels(record),
        is_other=text.startswith(b"<", start) or (is_whole and not _ANY_KEY.search(text)),
        is_text=not _CSV.match(text, start),
        description=_text_in_words(text[start:], is_whole=is_whole),
    )


def _text_in_words(text: bytes, *, is_whole: bool) -> str:
    """What a text is that is neither an object nor an array."""
    if text.startswith(b"<"):
        what = "HTML" if _HTML.match(text) else "XML"
        return f"an {what} page{LEFT}"
    if _CSV.match(text):
        return "CSV, a table; import the JSON that it was made from"
    if is_whole and _is_json_text(text):
        return "a mere value"
    return "text, but not JSON"


def _holds_no_object(text: bytes) -> bool:
    """Whether it is JSON through and through and has no object in it."""
    return b"{" not in text and _is_json_text(text)


def _is_json_text(text: bytes) -> bool:
    try:
        json.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return False
    return True


def _record_type(keys: set[bytes], text: bytes) -> str | None:
    """By the keys of the first record; failing that, by the keys of ladders anywhere in the text."""
    for key, record_type in LADDER_KEYS.items():
        if key in keys:
            return record_type
    for record_type, flat_keys in FLAT_KEYS.items():
        if len(keys & flat_keys) >= ENOUGH_FLAT_KEYS:
            return record_type
    return next((record_type for key, record_type in LADDER_KEYS.items() if b'"%b"' % key in text), None)


def _form_of_objects(text: bytes, start: int, is_whole: bool) -> Form:
    """One object, or one per line. A long first object on a single line is taken for a line."""
    brace = text.find(b"}", start)
    while brace >= 0:
        if text.startswith(b"{", end_of(SPACE, text, brace + 1)):
            return Form.LINES
        brace = text.find(b"}", brace + 1)
    return Form.OBJECT if is_whole or text.find(b"\n", start) >= 0 else Form.LINES


def _labels(record: FirstRecord) -> tuple[str, ...]:
    return tuple(label for label in map(_plain, record.labels) if label) if record.labels else ()


def _plain(value: bytes | None) -> str | None:
    """A JSON scalar as text, without quotes; None for what no ticker, time or label can be."""
    if value is None or len(value) > MAX_VALUE_BYTES:
        return None
    text = value.decode("utf-8", "replace").strip('"').replace("\\/", "/")
    return None if "\\" in text else text


def _names(keys: set[bytes]) -> tuple[str, ...]:
    return tuple(sorted(key.decode("utf-8", "replace") for key in keys))

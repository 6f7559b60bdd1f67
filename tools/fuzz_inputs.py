"""Inputs of `fuzz_files.py`: small good files of every form, changed in their text, packed, and damaged once more."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from gexlake.importers.stream import PACKED_BYTES
from gexlake.sample import sample_records
from gexlake.zstd import compress

FLIPS = 0.1
"""Share of inputs in which nothing but one bit of the packing is wrong."""

Record = dict[str, Any]
Mutate = Callable[[random.Random, bytearray], None]


class Input(NamedTuple):
    """One file: its bytes, the texts of the records in it, and what was done."""

    data: bytes
    records: frozenset[bytes]
    text_changes: int
    packing: str
    packed_changes: tuple[str, ...]
    read_bytes: int
    """So many packed bytes are unpacked at a time: of a small file, too, some is delivered before damage shows."""
    window_bytes: int
    """The decoder's buffer to begin with."""


# ---- good files ------------------------------------------------------------------------------------------------------


def compact(value: object) -> bytes:
    """As the vendor writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def plain_records() -> list[Record]:
    """Small good records, a second apart."""
    return sample_records(12, strikes=3)


def odd_record(chance: random.Random, record: Record) -> Record:
    """The same snapshot in one of the ways that only the careful reader takes."""
    kind = chance.randrange(9)
    if kind == 0:
        return {**record, "min_dte": float(record["min_dte"])}
    if kind == 1:
        return {**record, "timestamp": str(record["timestamp"]), "spot": str(record["spot"])}
    if kind == 2:
        return {**record, "delta_risk_reversal": math.nan, "note": [math.inf, "x"]}
    if kind == 3:
        return {**record, "timestamp": datetime.fromtimestamp(record["timestamp"], UTC).isoformat()}
    if kind == 4:
        names = ("strike", "gex_vol", "gex_oi", "priors")
        return {**record, "strikes": [dict(zip(names, row, strict=True)) for row in record["strikes"]]}
    if kind == 5:
        return {**record, "strikes": [[str(row[0]), *row[1:3], row[3][:2]] for row in record["strikes"]]}
    if kind == 6:
        return {"ticker": record["ticker"], "kind": "gex", "received_at": "2025", "payload": record}
    if kind == 7:
        return {"type": "message", "from": "group", "group": "NQ_NDX_classic_gex_zero", "data": record}
    return {**record, "legs": [{"spot": 1, "ticker": "x"}, {"timestamp": 2}], "sum_gex_oi": "n/a"}


def joined(chance: random.Random, records: list[bytes]) -> bytes:
    """The records as a file of one of the forms."""
    crlf = chance.choice((b"\n", b"\r\n"))
    forms = (
        (b"[", b",", b"]"),
        (b"[" + crlf, b"," + crlf, crlf + b"]" + crlf),
        (b"", crlf, crlf),
        (b"", crlf + crlf, b""),
        (b'{"snapshots":[', b",", b'],"count":2}'),
        (b'{"status": "ok", "results": [', b", ", b"]}"),
        (b'{"data":{"meta":{"n":1},"history":[', b",", b']},"next":null}'),
        (b'{"a":[', b'],"b":[', b"]}"),
        (b"[[", b"],[", b"]]"),
    )
    before, between, after = chance.choice(forms)
    mark = b"\xef\xbb\xbf" if chance.random() < 0.15 else b""
    return mark + before + between.join(records) + after


# ---- mutations of the text -------------------------------------------------------------------------------------------

TOKENS = [
    *(bytes([value]) for value in b'{}[],:"\\ \n\r\t\0-.eE019\xff'),
    *(b"null true NaN Infinity -Infinity 1e999 1e-400 -0 -0.0 0.1234567890123456789 9007199254740993".split()),
    *(b"[" * 70, b"]" * 9, b"9" * 400, bytes(300), b" " * 100, b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n", b"]}", b"}{"),
    *(b'"data":[', b'"payload":{', b'"ticker":"NQ_NDX",', b'"strikes":[[1,2,3]],', b'"timestamp":1763130602,'),
    *(b'{"timestamp":', b'{"results":[', b'"sp\\u006ft":1,', b'"\\ud800"', b'{"strike":1,"gamma":2,"oi_gamma":3}'),
    *(b'"2025-11-10 09:30:02"', b'"1762785002"', b'"2025-11-10T09:30:02-05:00"', b'"1.5"', b"1762785002123"),
]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def span(chance: random.Random, data: bytearray) -> tuple[int, int]:
    """A piece of the data, most of them short."""
    at = chance.randrange(len(data) + 1)
    return at, min(len(data), at + int(chance.expovariate(1 / chance.choice((3, 30, 300)))))


def flip(chance: random.Random, data: bytearray) -> None:
    """One bit."""
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def insert(chance: random.Random, data: bytearray) -> None:
    """A token more."""
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(TOKENS)


def replace(chance: random.Random, data: bytearray) -> None:
    """A piece gives way to a token."""
    at, to = span(chance, data)
    data[at:to] = chance.choice(TOKENS)


def delete(chance: random.Random, data: bytearray) -> None:
    """A piece is missing."""
    at, to = span(chance, data)
    del data[at:to]


def duplicate(chance: random.Random, data: bytearray) -> None:
    """A piece stands twice."""
    at, to = span(chance, data)
    data[at:at] = data[at:to]


def splice(chance: random.Random, data: bytearray) -> None:
    """A piece stands once more, elsewhere."""
    at, to = span(chance, data)
    piece = data[at:to]
    there = chance.randrange(len(data) + 1)
    data[there:there] = piece


def truncate(chance: random.Random, data: bytearray) -> None:
    """The end is missing."""
    del data[chance.randrange(len(data) + 1) :]


def behead(chance: random.Random, data: bytearray) -> None:
    """The beginning is missing."""
    del data[: chance.randrange(len(data) + 1)]


def swap(chance: random.Random, data: bytearray) -> None:
    """Two pieces change places."""
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(4))
    a, b, c, d = cuts
    data[a:d] = data[c:d] + data[b:c] + data[a:b]


def edit_number(chance: random.Random, data: bytearray) -> None:
    """A number gives way to another, or to the same as text."""
    numbers = list(NUMBER.finditer(data))
    if numbers:
        found = chance.choice(numbers)
        text = found.group()
        odd = (
            b"-" + text,
            text + b"0",
            b'"' + text + b'"',
            text + b"e3",
            text[:-1],
            b"0" + text,
            text * 3,
            b"null",
            b"NaN",
        )
        data[found.start() : found.end()] = chance.choice(odd)


def nest(chance: random.Random, data: bytearray) -> None:
    """A piece gets brackets around it, once or many times."""
    at, to = span(chance, data)
    depth = chance.choice((1, 1, 2, 5, 120, 1100))
    opening, closing = chance.choice(((b"[", b"]"), (b"{", b"}"), (b'{"a":', b"}")))
    data[to:to] = closing * depth
    data[at:at] = opening * depth


TEXT_MUTATIONS: tuple[Mutate, ...] = (
    flip, insert, replace, delete, duplicate, splice, truncate, behead, swap, edit_number, nest
)  # fmt: skip


# ---- packing and its damage ------------------------------------------------------------------------------------------

ZSTD_CHECKSUM = 201
"""ZSTD_c_checksumFlag; without it nobody can tell that a frame is damaged."""


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "bzip2": partial(bz2.compress, compresslevel=1),
    "xz": partial(lzma.compress, preset=0),
}
SEVERAL = 0.3
"""So many of these have several streams."""


def packed(chance: random.Random, text: bytes) -> tuple[str, bytes]:
    """The text in one of the ways in which files are packed."""
    kind = chance.choice(("none", "none", "gzip", "gzip", "members", "padded", "zstd", "frames", "unchecked", *STREAMS))
    if kind == "none":
        return kind, text
    if kind in STREAMS:
        pieces = members_of(chance, text) if chance.random() < SEVERAL else [text]
        return kind, b"".join(map(STREAMS[kind], pieces))
    if kind in ("zstd", "frames", "unchecked"):
        options = {ZSTD_CHECKSUM: int(kind != "unchecked")}
        pieces = members_of(chance, text) if kind == "frames" else [text]
        return kind, b"".join(compress(piece, options=options) for piece in pieces)
    level = chance.choice((0, 1, 6, 9))
    pieces = members_of(chance, text) if kind == "members" else [text]
    data = b"".join(gzip.compress(piece, level, mtime=0) for piece in pieces)
    return kind, data + bytes(chance.choice((1, 512))) if kind == "padded" else data


def members_of(chance: random.Random, text: bytes) -> list[bytes]:
    """The text in two to four pieces, some of which may be empty."""
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randint(1, 3)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def edit_header(chance: random.Random, data: bytearray) -> None:
    """A byte of the header is another."""
    if data:
        data[chance.randrange(min(18, len(data)))] = chance.randrange(256)


def edit_trailer(chance: random.Random, data: bytearray) -> None:
    """Checksum and size stand at the end."""
    if data:
        data[len(data) - 1 - chance.randrange(min(8, len(data)))] = chance.randrange(256)


def zero(chance: random.Random, data: bytearray) -> None:
    """A piece was never written."""
    at, to = span(chance, data)
    data[at:to] = bytes(to - at)


def garbage(chance: random.Random, data: bytearray) -> None:
    """A piece is something else."""
    at, to = span(chance, data)
    data[at:to] = chance.randbytes(to - at)


def append(chance: random.Random, data: bytearray) -> None:
    """Something stands behind the end."""
    data += chance.choice(
        (b"\0" * 40, b"\n", b"\x1f\x8b", gzip.compress(b"{}", mtime=0), chance.randbytes(20), bytes(data))
    )


PACKED_MUTATIONS: tuple[Mutate, ...] = (
    flip, flip, edit_header, edit_trailer, zero, garbage, delete, duplicate, truncate, behead, append
)  # fmt: skip


def make_input(seed: int, number: int, plain: list[Record]) -> Input:
    """Input `number` of a seed."""
    chance = random.Random(f"{seed}/{number}")
    chosen = chance.sample(plain, chance.randint(1, 4))
    if chance.random() < 0.1:
        chosen.append(chosen[0])
    odd = chance.random() < 0.5
    records = [compact(odd_record(chance, record) if odd and chance.random() < 0.6 else record) for record in chosen]
    text = bytearray(joined(chance, records))
    is_flip = chance.random() < FLIPS
    text_changes = 0 if is_flip else chance.choice((0, 1, 1, 1, 2, 3, 6))
    for _ in range(text_changes):
        chance.choice(TEXT_MUTATIONS)(chance, text)
    packing, data = packed(chance, bytes(text))
    changes: list[str] = []
    damaged = bytearray(data)
    if packing != "none":
        for _ in range(1 if is_flip else chance.choice((0, 1, 1, 2))):
            mutate = flip if is_flip else chance.choice(PACKED_MUTATIONS)
            mutate(chance, damaged)
            changes.append(mutate.__name__)
    return Input(
        data=bytes(damaged),
        records=frozenset(records),
        text_changes=text_changes,
        packing=packing,
        packed_changes=tuple(changes),
        read_bytes=chance.choice((20, 150, PACKED_BYTES)),
        window_bytes=chance.choice((100, 1000, 1 << 16)),
    )

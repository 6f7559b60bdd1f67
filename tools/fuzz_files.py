"""Feed whole files, mutated in their text and in their packing, to all that reads a source, until the time is up.

    python tools/fuzz_files.py --seconds 60
    python tools/fuzz_files.py --seed 3 --only 51234      one input again, with what came of it

Small good files of every form are changed byte by byte and piece by piece, packed, and damaged once more. Of each:

- nothing but a `GexlakeError` is raised, and no input takes longer than its length allows;
- every record found has one index, and comes out once: imported, or refused with the bytes that stand there;
- every imported record has, bit for bit, the values that `json.loads` of its own bytes has;
- one flipped bit in the packing of a good file never gives a record that was not packed;
- staged as a session: seen = imported + duplicate + quarantined.

Input n of a seed is always the same. On a finding the input is kept, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import re
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gexlake.importers.stream as stream_module
from gexlake.errors import GexlakeError, SourceError
from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.gex.decoding.careful import Expectation
from gexlake.importers.gex.decoding.decoder import GexDecoder
from gexlake.importers.gex.decoding.records import Scratch
from gexlake.importers.stream import PACKED_BYTES, SourceStream
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.gex_block import Block
from gexlake.models.gex_columns import LADDER, MAX_PRIORS, MISSING_INT, NUMBERS, PRIORS, Int
from gexlake.models.source import RefusedFile, SourceFile
from gexlake.models.task import FeedTask
from gexlake.sample import sample_records
from gexlake.scanner.examine import examine
from gexlake.scanner.walk import FoundFile
from gexlake.services.importing.stage import stage_sources
from gexlake.zstd import compress

SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 10))
NO_LAKE = Path("no-lake")
NAME = "2025-11-10_NQ_NDX_classic_gex_zero.json"
MIN_US, MAX_US = 946_684_800_000_000, 1_800_000_000_000_000
STAGED_EVERY = 16
"""Of so many inputs one is also staged as a session, which takes longer."""
FLIPS = 0.1
"""Share of inputs in which nothing but one bit of the packing is wrong."""
SLOW_SECONDS = 2.0
"""Processor time for an input of some kilobytes."""
REPORT_SECONDS = 60
MEMORY = Path("/dev/shm")
"""Where a file costs least."""

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


class FindingError(Exception):
    """What is promised of every input does not hold."""


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


def packed(chance: random.Random, text: bytes) -> tuple[str, bytes]:
    """The text in one of the ways in which files are packed."""
    kind = chance.choice(("none", "none", "gzip", "gzip", "members", "padded", "zstd", "frames", "unchecked"))
    if kind == "none":
        return kind, text
    if kind in ("zstd", "frames", "unchecked"):
        options = {ZSTD_CHECKSUM: int(kind != "unchecked")}
        pieces = pieces_of(chance, text) if kind == "frames" else [text]
        return kind, b"".join(compress(piece, options=options) for piece in pieces)
    level = chance.choice((0, 1, 6, 9))
    pieces = pieces_of(chance, text) if kind == "members" else [text]
    data = b"".join(gzip.compress(piece, level, mtime=0) for piece in pieces)
    return kind, data + bytes(chance.choice((1, 512))) if kind == "padded" else data


def pieces_of(chance: random.Random, text: bytes) -> list[bytes]:
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


# ---- what `json` says of a record ------------------------------------------------------------------------------------


def number_of(value: object) -> float:
    """A number, also as text; NaN for none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return math.nan
    if isinstance(value, str) and not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", value, re.ASCII):
        return math.nan
    return result if math.isfinite(result) else math.nan


def microseconds_of(value: Any) -> int:
    """Unix microseconds of a timestamp that was accepted."""
    if isinstance(value, str) and math.isnan(number_of(value)):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise FindingError("a time without a zone was guessed")
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    number: int | float = json.loads(value) if isinstance(value, str) else value
    for bound, factor in ((10**11, 10**6), (10**14, 10**3), (10**17, 1)):
        if number < bound:
            return round(number * factor)
    return round(number / 1000) if isinstance(number, float) else number // 1000


def record_in(value: Any) -> Record:
    """The record itself, without what is around it."""
    while "strikes" not in value:
        payload = value.get("payload")
        value = payload if isinstance(payload, dict) else next(item for item in value.values() if holds_record(item))
    return value  # type: ignore[no-any-return]


def holds_record(value: Any) -> bool:
    """Whether a record is in it, at any depth."""
    if not isinstance(value, dict):
        return False
    return {"timestamp", "strikes"} <= value.keys() or any(map(holds_record, value.values()))


def cells_of(row: Any) -> list[float]:
    """A row of the ladder in eight cells."""
    if isinstance(row, dict):
        vol, oi = ("gex_vol", "gex_oi") if "gex_vol" in row else ("gamma", "oi_gamma")
        row = [row["strike"], row[vol], row[oi], row.get("priors")]
    priors = (row[3] if len(row) > 3 else None) or []
    cells = [number_of(cell) for cell in (*row[:3], *priors[:PRIORS])]
    return cells + [math.nan] * (len(LADDER) - len(cells))


def same_bits(left: list[float], right: Any) -> bool:
    """Equal bit for bit; NaN, which stands for none, may have any."""
    other = np.asarray(right, np.float64).ravel().tolist()
    return len(left) == len(other) and all(
        (math.isnan(a) and math.isnan(b)) or struct.pack("d", a) == struct.pack("d", b)
        for a, b in zip(left, other, strict=True)
    )


def plain_value(text: bytes) -> Any:
    """The record as `json` reads it; as doubles, whole numbers have a negative zero."""
    return json.loads(
        text, parse_int=lambda digits: float(digits) if digits == "-0" or len(digits) > 300 else int(digits)
    )


def check_record(raw: bytes, block: Block, record: int, first_row: int) -> None:
    """The columns of an imported record against what its own bytes say."""
    fields = record_in(plain_value(raw))
    ints, numbers = block.ints[:, record], block.numbers[:, record]
    rows = int(ints[Int.ROWS])
    if microseconds_of(fields["timestamp"]) != ints[Int.TIMESTAMP]:
        raise FindingError(f"timestamp {ints[Int.TIMESTAMP]}")
    spot = fields.get("spot") if fields.get("spot") is not None else fields.get("spot_price")
    if not same_bits(
        [number_of(spot), *(number_of(fields.get(name)) for name in NUMBERS[1:])], numbers[: len(NUMBERS)]
    ):
        raise FindingError(f"numbers {numbers[: len(NUMBERS)]}")
    for name, column in (("min_dte", Int.MIN_DTE), ("sec_min_dte", Int.SEC_MIN_DTE)):
        days = number_of(fields.get(name))
        whole = not math.isnan(days) and days == int(days) and -(2**31) <= days < 2**31
        if int(ints[column]) != (int(days) if whole else MISSING_INT):
            raise FindingError(f"{name} {ints[column]}")
    expected = [cell for row in fields["strikes"] for cell in cells_of(row)]
    if not same_bits(expected, block.ladder[:, first_row : first_row + rows].T):
        raise FindingError("ladder")
    pairs = int(ints[Int.MAX_PRIORS])
    if pairs >= 0:
        written = [number_of(item) for pair in fields["max_priors"] for item in pair]
        if pairs > MAX_PRIORS or not same_bits(written, numbers[len(NUMBERS) : len(NUMBERS) + 2 * pairs]):
            raise FindingError("max_priors")


# ---- reading ---------------------------------------------------------------------------------------------------------


class Tee:
    """A source whose text is kept as it is given out."""

    def __init__(self, stream: SourceStream) -> None:
        self.text = bytearray()
        self._stream = stream

    def readinto(self, target: memoryview) -> int:
        count = self._stream.readinto(target)
        self.text += target[:count]
        return count


class Reader:
    """Reads inputs the way an import does, and holds them to what is promised."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.outcomes: Counter[str] = Counter()
        self._scratch = Scratch()

    def check(self, item: Input, *, staged: bool) -> None:
        """Raise what is wrong with the reading of one input."""
        self.path.write_bytes(item.data)
        started = time.process_time()
        found = [one.file for one in examine(FoundFile(self.path, (), str(self.path)))]
        for file in found:
            code = file.code if isinstance(file, RefusedFile) else "importable" if file else "ignored"
            self.outcomes[code] += 1
        try:
            self._decode(item)
        except SourceError:
            self.outcomes["lost whole"] += 1
        if staged and found and isinstance(found[0], SourceFile):
            self._stage(found[0])
        if time.process_time() - started > SLOW_SECONDS:
            raise FindingError(f"{time.process_time() - started:.1f} s")

    def _decode(self, item: Input) -> None:
        scratch = self._scratch
        scratch.text = bytearray(item.window_bytes)
        stream_module.PACKED_BYTES = item.read_bytes
        scratch.block.records = scratch.block.rows = 0
        scratch.block.extra = {}
        with SourceStream(self.path) as stream:
            source = Tee(stream)
            decoder = GexDecoder(source, Expectation("NQ_NDX", MIN_US, MAX_US), scratch)
            events = list(decoder.events())
            stream.drain()
        indexes: list[int] = []
        taken: list[bytes] = []
        for event in events:
            if isinstance(event, Block):
                indexes += event.column(Int.INDEX).tolist()
                taken += self._check_block(event, source.text)
            elif isinstance(event, Refusal):
                indexes.append(event.record_index)
                if not source.text.startswith(event.raw, event.byte_offset):
                    raise FindingError(f"refusal {event.record_index} has other bytes than stand there")
            elif not isinstance(event, OversizedChunk):
                raise FindingError(f"event {event}")
        if sorted(indexes) != list(range(decoder.seen)):
            raise FindingError(f"{decoder.seen} seen, but {sorted(indexes)}")
        self.outcomes["records imported"] += len(taken)
        self.outcomes["records refused"] += len(indexes) - len(taken)
        is_flipped = item.packed_changes == ("flip",) and item.packing != "unchecked"
        if is_flipped and not item.text_changes and not item.records.issuperset(taken):
            raise FindingError("a flipped bit in the packing gave a record that was not packed")

    def _check_block(self, block: Block, text: bytearray) -> Iterator[bytes]:
        for record, first_row in enumerate(block.row_starts.tolist()):
            raw = bytes(text[block.ints[Int.START, record] : block.ints[Int.END, record]])
            check_record(raw, block, record, first_row)
            yield raw

    def _stage(self, source: SourceFile) -> None:
        task = FeedTask("fuzz", "gex", SESSION, (source,), NO_LAKE, None, moment_us=MAX_US)
        record = stage_sources(task)[-1].lineage[0]
        if not record.balanced:
            raise FindingError(f"staged: {record}")
        self.outcomes["sessions staged"] += 1


def main() -> int:
    """Parse options, fuzz, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=10**9, help="End after so many.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="The first input's number.")
    parser.add_argument("--only", type=int, help="This input alone.")
    parser.add_argument("--save", type=Path, default=Path("fuzz-findings"), help="Where findings are kept.")
    options = parser.parse_args()
    plain = plain_records()
    with tempfile.TemporaryDirectory(prefix="gexlake-fuzz-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        reader = Reader(Path(folder))
        if options.only is not None:
            item = make_input(options.seed, options.only, plain)
            print(item)
            reader.check(item, staged=True)
            print(dict(reader.outcomes))
            return 0
        return fuzz(reader, options, plain)


def fuzz(reader: Reader, options: argparse.Namespace, plain: list[Record]) -> int:
    """Try inputs until the time is up or there are enough findings."""
    started = reported = time.monotonic()
    number, findings = options.first, 0
    while number < options.first + options.inputs and time.monotonic() - started < options.seconds and findings < 10:
        item = make_input(options.seed, number, plain)
        try:
            reader.check(item, staged=number % STAGED_EVERY == 0)
        except GexlakeError as error:
            print(f"seed {options.seed}, input {number}: {type(error).__name__}: {error}", file=sys.stderr)
            findings += 1
        except Exception:
            findings += 1
            options.save.mkdir(parents=True, exist_ok=True)
            (options.save / f"{options.seed}-{number}.bin").write_bytes(item.data)
            print(f"seed {options.seed}, input {number}: {item}\n{traceback.format_exc()}", file=sys.stderr)
        number += 1
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            print(f"{number - options.first:,} inputs, {findings} findings", file=sys.stderr, flush=True)
    print(f"{number - options.first:,} inputs of seed {options.seed}, {findings} findings: {dict(reader.outcomes)}")
    return int(findings > 0)


if __name__ == "__main__":
    sys.exit(main())

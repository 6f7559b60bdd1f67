"""Feed the native modules until the time is up: mutated records to the decoder, which must agree with the careful one,
and any doubles to those that write pages and JSON. Nothing may crash.

    python tools/fuzz_native.py --seconds 60 --sanitize

`--sanitize` fuzzes builds with AddressSanitizer and UndefinedBehaviorSanitizer, see tools/sanitized.py; without it the
installed ones are fuzzed. On a finding the text is printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import time
from typing import Any

import sanitized

DECODED_EVERY = 10
"""Whole decoders are slow to set up under a sanitizer."""

NUMBERS = f"-0 -0.0 1e308 1e-400 0.1234567890123456789 {'9' * 19} {'9' * 40} {'1' * 400} NaN".split()
TOKENS = (
    *'{}[],:"\\ \n\r\t\0-.eE019\xff',
    *NUMBERS,
    *(
        "null",
        "true",
        "[" * 70,
        "[[",
        "]]",
        '"data":[',
        '"a":{"b":[',
        '"payload":{',
        '"payload":null,',
        '"spot_price":1,',
    ),
    *('"ticker":"NQ_NDX",', '"strikes":[[1,2,3]],', '"max_priors":[],', '"min_dte":2147483648,', '"sp\\u006ft":1,'),
)


def main() -> int:
    """Parse options, build if asked to, fuzz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sanitize", action="store_true")
    options = parser.parse_args()
    if options.sanitize:
        return sanitized.run([argument for argument in sys.argv if argument != "--sanitize"])
    return fuzz(options.seconds, options.seed)


def fuzz(seconds: float, seed: int) -> int:
    """Try mutated texts; 1 when one of them shows a fault."""
    chance = random.Random(seed)
    records = sample_texts()
    deadline, tried = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        text = mutated(chance, b",".join(chance.choices(records, k=chance.randint(1, 4))))
        try:
            check_native(chance, text)
            check_pages(chance)
            check_render(chance)
            if tried % DECODED_EVERY == 0:
                check_decoder(chance, text)
        except Exception:
            print(f"seed {seed}, text {tried}:\n{text!r}", file=sys.stderr)
            raise
        tried += 1
    print(f"{tried:,} texts, no fault (seed {seed})")
    return 0


def sample_texts() -> list[bytes]:
    """Small good records of several shapes."""
    import json

    from gexlake.sample import sample_records

    texts = []
    for record in sample_records(6, strikes=3):
        compact = json.dumps(record, separators=(",", ":"))
        texts += [compact, json.dumps(record), json.dumps(record, indent=1), compact[:-1] + ',"note":{"a":[1,"]"]}}']
        texts.append(f'{{"ticker":"NQ_NDX","kind":"gex","received_at":"2025","payload":{compact}}}')
        texts.append(json.dumps({key: record[key] for key in ("timestamp", "ticker", "spot", "strikes")}))
    return [text.encode() for text in texts]


def mutated(chance: random.Random, text: bytes) -> bytes:
    """The text with up to six changes, most of them small."""
    data = bytearray(text)
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + int(chance.expovariate(0.1)))
        kind = chance.randrange(6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at:at] = chance.choice(TOKENS).encode("latin-1")
        elif kind == 2:
            del data[at:to]
        elif kind == 3:
            data[at:at] = data[at:to]
        elif kind == 4:
            data[at:to] = chance.choice(TOKENS).encode("latin-1")
        elif chance.random() < 0.2:
            del data[at:]
    return bytes(data)


def check_native(chance: random.Random, text: bytes) -> None:
    """Decode into small tables, from and to anywhere; what is taken has the values that careful reading gives."""
    import numpy as np

    from gexlake.importers.snapshots.decoding import _native
    from gexlake.importers.snapshots.decoding.careful import parse_extra
    from gexlake.models.block import FLAG_EXTRA, Int
    from gexlake.models.record_types import GEX

    stop = len(text) if chance.random() < 0.7 else chance.randint(0, len(text))
    start = 0 if chance.random() < 0.7 else chance.randint(0, stop)
    held = bytearray(text[:stop] + b"\0")
    capacity, rows, members = chance.randint(1, 5), chance.randint(1, 15), chance.randint(1, 4)
    ints, numbers = np.zeros((len(Int), capacity), np.int64), np.zeros((GEX.number_rows, capacity))
    ladder, extras = np.zeros((8, rows)), np.zeros((4, members), np.int64)
    taken = _native.decode(
        held, start, stop, b"NQ_NDX", False, 0, 2 * 10**15, ints, numbers, ladder, extras, 0, 0
    )  # fmt: skip
    records, filled, spans, position, why = taken
    assert 0 <= records <= capacity, taken
    assert 0 <= filled <= rows, taken
    assert 0 <= spans <= members, taken
    assert start <= position <= stop, taken
    assert filled == ints[Int.ROWS, :records].sum(), taken
    assert why in (_native.STOP_END, _native.STOP_INCOMPLETE, _native.STOP_IRREGULAR, _native.STOP_FULL)
    row = 0
    for record in range(records):
        count = int(ints[Int.ROWS, record])
        if ints[Int.FLAGS, record] & FLAG_EXTRA:
            inner: list[bytes] = []
            outer: list[bytes] = []
            for owner, first, last, envelope in extras[:, :spans].T.tolist():
                if owner == record:
                    (outer if envelope else inner).append(bytes(held[first:last]))
            try:
                parse_extra(inner, outer)
            except Exception:  # the decoder gives such a record back
                row += count
                continue
        snapshot = read_carefully(bytes(held[ints[Int.START, record] : ints[Int.END, record]]))
        assert snapshot.timestamp_us == ints[Int.TIMESTAMP, record]
        assert [snapshot.min_dte, snapshot.sec_min_dte] == ints[Int.MIN_DTE : Int.SEC_MIN_DTE + 1, record].tolist()
        assert same_bits(snapshot.numbers, numbers[: len(GEX.numbers), record])
        assert same_bits(snapshot.ladder, ladder[:, row : row + count].T)
        pairs = int(ints[Int.MAX_PRIORS, record])
        assert pairs == (-1 if snapshot.max_priors is None else len(snapshot.max_priors))
        flat = numbers[len(GEX.numbers) : len(GEX.numbers) + 2 * max(pairs, 0), record]
        assert same_bits(snapshot.max_priors or [], flat)
        row += count


def any_doubles(chance: random.Random, shape: tuple[int, ...], *, nan: bool) -> Any:
    """Doubles of any bits, but no infinities, some of them many times; NaN only where it is allowed."""
    import numpy as np

    bits = np.random.default_rng(chance.getrandbits(32)).integers(-(2**63), 2**63, shape, np.int64)
    values = np.where(bits % 3 == 0, bits.view(np.float64), (bits >> 55) / 8)
    return np.where(np.isinf(values) | (np.isnan(values) & (not nan)), 1.5, values)


def check_pages(chance: random.Random) -> None:
    """A column into buffers that are just large enough, and back; and pages that nobody wrote."""
    import numpy as np

    from gexlake.importers.snapshots.writing import _pages
    from gexlake.lz4 import pack_block
    from gexlake.zstd import raw_frame

    values = any_doubles(chance, (chance.choice((1, 2, 7, 8, 9, 1000)),), nan=True)
    ends = np.unique([chance.randint(1, len(values)), chance.randint(1, len(values)), len(values)])
    dictionary, out = np.empty(_pages.MOST_VALUES), bytearray(_pages.most_bytes(len(values), len(ends)))
    unique, _, _, encoded = _pages.encode_doubles(values, chance.randint(1, 12), ends, dictionary, out)
    assert sum(nulls for nulls, _ in encoded) == np.isnan(values).sum()
    assert not unique or set(dictionary[:unique].tolist()) == set(values[~np.isnan(values)].tolist())
    start, begin, held = 0, 0, memoryview(raw_frame(dictionary[:unique].tobytes())) if unique else None
    for end, (_, length) in zip(ends.tolist(), encoded, strict=True):
        page, rows = bytes(out[start : start + length]), end - begin
        first = chance.randrange(rows)
        stop = chance.randint(first, rows)
        for in_lz4 in (False, True):
            found, packed = np.empty(stop - first), pack_block(page) if in_lz4 else page
            form = held, unique, in_lz4
            _pages.decode_doubles([packed], [form], rows, first, stop, found, 0)
            expected = values[begin + first : begin + stop]
            assert same_bits(np.nan_to_num(found, nan=1.5), np.nan_to_num(expected, nan=1.5))
            damaged = bytearray(packed)
            damaged[chance.randrange(len(packed))] = chance.randrange(256)
            cut = bytes(damaged[: chance.randint(0, len(packed))])
            with contextlib.suppress(ValueError):
                _pages.decode_doubles([cut], [form], rows, first, stop, found, 0)
            of_one = np.array([rows]), np.array([stop - first]), np.arange(first, stop)
            _pages.pick_doubles([packed], form, *of_one, found)
            assert same_bits(np.nan_to_num(found, nan=1.5), np.nan_to_num(expected, nan=1.5))
            with contextlib.suppress(ValueError):
                _pages.pick_doubles((cut, np.array([[0, len(cut), 0]], np.uint64)), form, *of_one, found)
        start, begin = start + length, end


def check_render(chance: random.Random) -> None:
    """Snapshots of any numbers as JSON, which has them."""
    import json

    import numpy as np

    from gexlake.models.block import Int
    from gexlake.models.record_types import GEX
    from gexlake.services.store.records import SnapshotRenderer

    count = chance.randint(1, 4)
    ints = np.zeros((len(Int), count), np.int64)
    ints[Int.TIMESTAMP] = np.sort([chance.randint(0, 2 * 10**15) for _ in range(count)])
    ints[Int.ROWS] = [chance.randint(1, 6) for _ in range(count)]
    ints[Int.MAX_PRIORS] = [chance.randint(-1, 6) for _ in range(count)]
    numbers = any_doubles(chance, (GEX.number_rows, count), nan=False)
    ladder = any_doubles(chance, (len(GEX.ladder_names), int(ints[Int.ROWS].sum())), nan=False)
    extra = [chance.choice((None, '{"a": 1}')) for _ in range(count)]
    text, offsets = SnapshotRenderer(GEX, "NQ_NDX", ints, numbers, extra).render(0, count, ladder)
    records = json.loads(f"[{text.decode().rstrip(chr(10)).rstrip(',')}]")
    assert len(offsets) == count + 1
    assert same_bits([record["spot"] for record in records], numbers[0])
    assert same_bits([row[0] for record in records for row in record["strikes"]], ladder[0])


def read_carefully(text: bytes) -> Any:
    """The same record by the other way; raises where it is refused."""
    from gexlake.importers.snapshots.decoding.careful import Expectation, read_snapshot
    from gexlake.importers.snapshots.decoding.json_values import parse
    from gexlake.models.record_types import GEX

    value, _, oddities = parse(text.decode())
    return read_snapshot(value, oddities, Expectation(GEX, "NQ_NDX", 0, 2 * 10**15))


def same_bits(left: Any, right: Any) -> bool:
    """Whether two lists of doubles are equal bit for bit."""
    import numpy as np

    return np.array(left, np.float64).tobytes() == np.ascontiguousarray(right).tobytes()


def check_decoder(chance: random.Random, text: bytes) -> None:
    """Decode as a file: every record comes out once, refused ones with the bytes that stand there."""
    from gexlake.importers.base import Refusal
    from gexlake.importers.snapshots.decoding.careful import Expectation
    from gexlake.importers.snapshots.decoding.decoder import Decoder
    from gexlake.importers.snapshots.decoding.records import Scratch
    from gexlake.models.block import Block, Int
    from gexlake.models.record_types import GEX

    class Source:
        at = 0

        def readinto(self, target: memoryview) -> int:
            data = text[self.at : self.at + len(target)]
            target[: len(data)] = data
            self.at += len(data)
            return len(data)

    scratch = Scratch(GEX)
    scratch.text = bytearray(chance.choice((2, 100, 1000, 1 << 16)))
    scratch.block = Block.empty(GEX, records=chance.randint(1, 4), rows=chance.randint(1, 20))
    decoder = Decoder(Source(), Expectation(GEX, "NQ_NDX", 0, 2 * 10**15), scratch)
    indexes: list[int] = []
    for event in decoder.events():
        if isinstance(event, Block):
            indexes += event.column(Int.INDEX).tolist()
        elif isinstance(event, Refusal):
            indexes.append(event.record_index)
            assert text[event.byte_offset :].startswith(event.raw)
    assert sorted(indexes) == list(range(decoder.seen))


if __name__ == "__main__":
    sys.exit(main())

"""Mutated greeks and orderflow: what is read quickly is what careful reading gives, and every record is accounted for.

python tools/fuzz_typed.py --seconds 60 [--seed 7] [--inputs 1000]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from datetime import date
from unittest import mock

import numpy as np

from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.snapshots.decoding import typed
from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.records import Scratch
from gexlake.models.block import Block, Int
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GREEKS, ORDERFLOW_TYPE
from gexlake.sample import SampleFeed, generate_session

TOKENS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"null", b"NaN", b"-0", b"-0.0", b"1e999", b"0.1", b"\0"),
    *(b"\xff", b'"ticker":"NQ_NDX",', b'"spot":1,', b'{"timestamp":', b"[[1,2,3,4,[5,6,7],null,null]]", b"9" * 25),
]
MAX_US = 2 * 10**15
DAY = date(2025, 11, 10)


class Source:
    """A text as a source of bytes."""

    def __init__(self, text: bytes) -> None:
        self._left = memoryview(text)

    def readinto(self, target: memoryview) -> int:
        """Hand on what fits."""
        part, self._left = self._left[: len(target)], self._left[len(target) :]
        target[: len(part)] = part
        return len(part)


def mutated(chance: random.Random, text: bytes) -> bytes:
    """The text with a few bytes changed, taken out, put in, doubled or moved."""
    data = bytearray(text)
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 5, 40))
        match chance.randrange(5):
            case 0:
                data[at : at + length] = b""
            case 1:
                data[at:at] = chance.choice(TOKENS)
            case 2:
                data[at : at + length] = chance.choice(TOKENS)
            case 3:
                data[at:at] = data[at : at + 20 * length]
            case _ if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def read(kind: RecordType, text: bytes, chance: random.Random) -> list[object]:
    """All that comes of a text; raises `AssertionError` where a record is lost or invented."""
    scratch = Scratch(kind)
    scratch.text = bytearray(chance.choice((2, 300, 5000, 1 << 16)))
    scratch.block = Block.empty(kind, records=chance.randint(1, 5), rows=40)
    decoder = Decoder(Source(text), Expectation(kind, "NQ_NDX", 0, MAX_US), scratch)
    rows: list[object] = []
    refused: list[object] = []
    indexes: list[int] = []
    for event in decoder.events():
        if isinstance(event, Block):
            indexes += event.column(Int.INDEX).tolist()
            starts = event.row_starts.tolist()
            for record, start in enumerate(starts):
                stop = start + int(event.ints[Int.ROWS, record])
                tables = event.ints[:, record], event.numbers[:, record], event.ladder[:, start:stop]
                rows.append([*(np.ascontiguousarray(table).tobytes() for table in tables), event.extra.get(record)])
        elif isinstance(event, Refusal):
            indexes.append(event.record_index)
            assert text.startswith(event.raw, event.byte_offset), "a refusal has other bytes than stand there"
            refused.append([event.record_index, event.byte_offset, event.rule, event.raw])
        else:
            assert isinstance(event, OversizedChunk)
    assert sorted(indexes) == list(range(decoder.seen)), f"{decoder.seen} seen, but {sorted(indexes)}"
    return [rows, refused, decoder.findings.findings]


def check(kind: RecordType, text: bytes, chance: random.Random) -> None:
    """Hold the two ways to read a text to each other."""
    quickly = read(kind, text, chance)
    with mock.patch.object(typed.RecordDecoder, "__call__", return_value=None):
        carefully = read(kind, text, chance)
    assert quickly == carefully, "read quickly it is not what it is read carefully"


def main() -> int:
    """Run for the time or the inputs that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    good = {
        kind: list(generate_session(SampleFeed("NQ_NDX", *kind.default), DAY, snapshots=6, strikes=3))
        for kind in (GREEKS, ORDERFLOW_TYPE)
    }
    deadline, done = time.monotonic() + options.seconds, 0
    while done < options.inputs and time.monotonic() < deadline:
        kind = chance.choice(list(good))
        separator = chance.choice((b",", b"\n", b",\r\n"))
        text = chance.choice((b"[%b]", b"%b", b'{"data":[%b]}')) % separator.join(good[kind])
        text = mutated(chance, text)
        try:
            check(kind, text, chance)
        except AssertionError as error:
            print(f"{kind.name}: {error}\n{text!r}")
            return 1
        done += 1
    print(f"{done:,} inputs, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Records as text, sources in memory, and decoding with the promises that hold for every text."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest

from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.snapshots.decoding.careful import Expectation, Snapshot, read_snapshot
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.json_values import parse
from gexlake.importers.snapshots.decoding.records import Event, Scratch
from gexlake.models.block import Block, Int
from gexlake.models.record_types import GEX
from gexlake.sample import sample_records
from gexlake.validation.rules import Rule
from helpers.columns import NUMBERS

EXPECT = Expectation(GEX, "NQ_NDX", min_us=946_684_800_000_000, max_us=1_800_000_000_000_000)
SAMPLE = sample_records(40, strikes=3)


class Source:
    """Bytes in memory, given out `step` at a time."""

    def __init__(self, text: bytes, step: int | None = None) -> None:
        self._text = memoryview(text)
        self._step = step or len(text) + 1

    def readinto(self, target: memoryview) -> int:
        count = min(len(target), self._step, len(self._text))
        target[:count], self._text = self._text[:count], self._text[count:]
        return count


class Values(NamedTuple):
    """What a record was decoded to; doubles as their bits, so that equal means the same to the last one."""

    timestamp_us: int
    days: tuple[int, int]
    numbers: bytes
    max_priors: bytes | None
    ladder: bytes
    flags: int
    extra: str | None


class Place(NamedTuple):
    """Where a record stands in the text."""

    index: int
    start: int
    end: int


@dataclass
class Decoded:
    """All that comes out of one text."""

    text: bytes
    records: dict[Place, Values] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    seen: int = 0
    findings: dict[Rule, str] = field(default_factory=dict)
    container: str | None = None
    blocks: list[int] = field(default_factory=list)

    @property
    def rules(self) -> list[Rule]:
        """Of the refusals, in the text's order."""
        return [refusal.rule for refusal in self.refusals]

    @property
    def raws(self) -> list[bytes]:
        """The texts of the refusals."""
        return [refusal.raw for refusal in self.refusals]

    @property
    def values(self) -> list[Values]:
        """Of the imported records, in the text's order."""
        return list(self.records.values())

    @property
    def spans(self) -> list[bytes]:
        """The texts of the imported records."""
        return [self.text[place.start : place.end] for place in self.records]


Decode = Callable[..., Decoded]
MakeRecord = Callable[..., bytes]
ReadCarefully = Callable[..., Values]


def bits(values: Any) -> bytes:
    """Doubles as bytes, every NaN alike."""
    array = np.array(values, np.float64)
    array[np.isnan(array)] = np.nan
    return array.tobytes()


def values_of(block: Block, record: int, first_row: int) -> Values:
    ints = block.ints[:, record]
    numbers = block.numbers[:, record]
    pairs = int(ints[Int.MAX_PRIORS])
    return Values(
        int(ints[Int.TIMESTAMP]),
        (int(ints[Int.MIN_DTE]), int(ints[Int.SEC_MIN_DTE])),
        bits(numbers[: len(NUMBERS)]),
        None if pairs < 0 else bits(numbers[len(NUMBERS) : len(NUMBERS) + 2 * pairs]),
        bits(block.ladder[:, first_row : first_row + int(ints[Int.ROWS])].T),
        int(ints[Int.FLAGS]),
        block.extra.get(record),
    )


def check_promises(result: Decoded) -> None:
    """Every record came out once, refused ones with the very bytes at their offset, and nothing overlaps."""
    indexes = [place.index for place in result.records] + [refusal.record_index for refusal in result.refusals]
    assert sorted(indexes) == list(range(result.seen))
    spans = [(place.index, place.start, place.end) for place in result.records]
    for refusal in result.refusals:
        end = refusal.byte_offset + len(refusal.raw)
        assert result.text[refusal.byte_offset : end] == refusal.raw
        assert refusal.raw, "a refused record has text"
        refusal.message.encode()
        if refusal.message.endswith("are kept"):
            end += len(result.text) - end - len(result.text[end:].lstrip(b"\0"))
        spans.append((refusal.record_index, refusal.byte_offset, end))
    spans.sort()
    assert all(before[2] <= after[1] for before, after in itertools.pairwise(spans))
    for place, values in result.records.items():
        assert isinstance(json.loads(result.text[place.start : place.end]), dict)
        assert values.extra is None or json.loads(values.extra.encode())
    assert 0 not in result.blocks, "no block is empty"
    gaps = zip([0, *(span[2] for span in spans)], [*(span[1] for span in spans), len(result.text)], strict=True)
    between = b"".join(result.text[start:end] for start, end in gaps)
    if result.container is None and Rule.CONTAINER_FIELD not in result.findings:
        kept = between.removeprefix(b"\xef\xbb\xbf").translate(None, b" \t\n\r\v\f,[]")
        assert not kept.strip(b'{}":snaphotrecdyl'), "what is in no record is only the grammar around them"


@pytest.fixture(scope="session")
def expect() -> Expectation:
    return EXPECT


@pytest.fixture(scope="session")
def decode() -> Decode:
    """Decode a text and hold the result to what is promised of every one."""

    def run(
        text: bytes, *, step: int | None = None, buffer: int | None = None, rows: int | None = None, **expected: Any
    ) -> Decoded:
        scratch = Scratch(GEX)
        if buffer is not None:
            scratch.text = bytearray(buffer + 1)
        if rows is not None:
            scratch.block = Block.empty(GEX, records=3, rows=rows)
        decoder = Decoder(Source(text, step), Expectation(**({**EXPECTED} | expected)), scratch)
        result = Decoded(text)
        events: list[Event] = list(decoder.events())
        for event in events:
            if isinstance(event, Block):
                result.blocks.append(event.records)
                for record, row in zip(range(event.records), event.row_starts.tolist(), strict=True):
                    place = Place(*(int(event.ints[which, record]) for which in (Int.INDEX, Int.START, Int.END)))
                    result.records[place] = values_of(event, record, row)
            elif isinstance(event, OversizedChunk):
                last = result.refusals[-1]
                result.refusals[-1] = Refusal(
                    last.record_index, last.byte_offset, last.rule, last.message, last.raw + event.raw
                )
            else:
                result.refusals.append(event)
        result.seen = decoder.seen
        result.findings = dict(decoder.findings.findings)
        result.container = decoder.findings.container
        check_promises(result)
        return result

    return run


EXPECTED = {"kind": GEX, "ticker": EXPECT.ticker, "min_us": EXPECT.min_us, "max_us": EXPECT.max_us}


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    """A good record, the n-th second of a session, as compact JSON.

    Keywords set fields, `drop` removes some, and bytes stand in the text as they are.
    """

    def make(number: int = 0, *, drop: str = "", **fields: object) -> bytes:
        record = {**SAMPLE[number], **fields}
        for name in drop.split():
            del record[name]
        members = [
            json.dumps(name).encode() + b":" + (value if isinstance(value, bytes) else compact(value))
            for name, value in record.items()
        ]
        return b"{" + b",".join(members) + b"}"

    return make


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.fixture(scope="session")
def read_carefully() -> ReadCarefully:
    """The values of a record's text, or a refusal, by the careful way alone."""

    def read(text: bytes, expectation: Expectation = EXPECT) -> Values:
        value, _, oddities = parse(text.decode())
        return snapshot_values(read_snapshot(value, oddities, expectation))

    return read


def snapshot_values(snapshot: Snapshot) -> Values:
    from gexlake.importers.snapshots.decoding.careful import dump_extra

    return Values(
        snapshot.timestamp_us,
        (snapshot.min_dte, snapshot.sec_min_dte),
        bits(snapshot.numbers),
        None if snapshot.max_priors is None else bits(snapshot.max_priors),
        bits(snapshot.ladder),
        snapshot.flags,
        dump_extra(snapshot.extra) if snapshot.extra else None,
    )

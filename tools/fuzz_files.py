"""Feed whole files, mutated in their text and in their packing, to all that reads a source, until the time is up.

    python tools/fuzz_files.py --seconds 60
    python tools/fuzz_files.py --seed 3 --only 51234      one input again, with what came of it

Small good files of every form are changed byte by byte and stretch by stretch, packed, and damaged once more. Of each:

- nothing but a `GexlakeError` is raised, and no input takes longer than its length allows;
- every record found has one index, and comes out once: imported, or refused with the bytes that stand there;
- every imported record has, bit for bit, the values that `json.loads` of its own bytes has;
- one flipped bit in the packing of a good file never gives a record that was not packed;
- staged as a session: seen = imported + duplicate + quarantined.

Input n of a seed is always the same. On a finding the input is kept, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import gexlake.importers.stream as stream_module
from fuzz_expected import FindingError, check_record
from fuzz_inputs import Input, Record, make_input, plain_records
from gexlake.errors import GexlakeError, SourceError
from gexlake.importers.base import OversizedChunk, Refusal
from gexlake.importers.snapshots.decoding.careful import Expectation
from gexlake.importers.snapshots.decoding.decoder import Decoder
from gexlake.importers.snapshots.decoding.records import Scratch
from gexlake.importers.stream import SourceStream
from gexlake.models.block import Block, Int
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import GEX
from gexlake.models.source import RefusedFile, SourceFile
from gexlake.models.task import FeedTask
from gexlake.scanner.examine import examine
from gexlake.scanner.walk import FoundFile
from gexlake.services.importing.stage import stage_sources

SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 10))
NO_LAKE = Path("no-lake")
NAME = "2025-11-10_NQ_NDX_classic_gex_zero.json"
MIN_US, MAX_US = 946_684_800_000_000, 1_800_000_000_000_000
STAGED_EVERY = 16
"""Of so many inputs one is also staged as a session, which takes longer."""
SLOW_SECONDS = 2.0
"""Processor time for an input of some kilobytes."""
REPORT_SECONDS = 60
MEMORY = Path("/dev/shm")
"""Where a file costs least."""


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
        self._scratch = Scratch(GEX)

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
            decoder = Decoder(source, Expectation(GEX, "NQ_NDX", MIN_US, MAX_US), scratch)
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

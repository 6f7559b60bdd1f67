"""Call the native modules over and over, rightly and wrongly, and see that the process does not grow.

    python tools/leak_loop.py --rounds 100000

Watched are the resident memory and the blocks that the interpreter has handed out, after a warm-up. A buffer that is
not given back shows at once: nothing that is still borrowed can be resized.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gexlake.importers.snapshots.decoding import _native
from gexlake.importers.snapshots.writing import _pages
from gexlake.models.block import Int
from gexlake.models.record_types import GEX
from gexlake.sample import sample_records
from gexlake.services.store.records import SnapshotRenderer
from gexlake.zstd import raw_frame

WARM_UP = 0.1
"""Share of the rounds before the first look."""
RSS_ALLOWANCE_BYTES = 1 << 20
"""An allocator takes pages for itself; 100,000 rounds that lose 16 bytes each lose more."""
BLOCKS_ALLOWANCE = 200


def main() -> int:
    """Run the rounds; 1 where something grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100_000)
    options = parser.parse_args()
    calls = [decode_calls(), pages_calls(), mapped_calls(), render_calls()]
    started = time.monotonic()
    for number in range(options.rounds):
        if number == int(options.rounds * WARM_UP):
            before = measure()
        for call in calls:
            call(number)
    grown = [after - start for start, after in zip(before, measure(), strict=True)]
    seconds = time.monotonic() - started
    print(f"{options.rounds:,} rounds in {seconds:.0f} s: {grown[0]:+,} bytes resident, {grown[1]:+,} blocks")
    return int(grown[0] > RSS_ALLOWANCE_BYTES or grown[1] > BLOCKS_ALLOWANCE)


def measure() -> tuple[int, int]:
    """Resident bytes, and blocks that the interpreter has handed out."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), sys.getallocatedblocks()


def refused(call: Callable[[], Any], *kinds: type[Exception]) -> None:
    """Make a call that has to raise."""
    try:
        call()
    except kinds:
        return
    raise AssertionError("a call that makes no sense was not refused")


def decode_calls() -> Callable[[int], None]:
    """Records that are taken, that are not, that are cut, and tables that do not fit."""
    import json

    good = [json.dumps(record, separators=(",", ":")).encode() for record in sample_records(4, strikes=3)]
    good.append(good[0][:-1] + b',"note":{"a":[1,"]"]},"zero":1.23456789012345678901234567890e-5}')
    good.append(b'{"ticker":"NQ_NDX","kind":"gex","payload":' + good[1] + b"}")
    bad = [good[0][:-1] + b',"spot":1}', good[0].replace(b'"spot":', b'"spot":x'), good[1][:200], b"null", b"{" * 90]
    bad.append(good[0].replace(b'"min_dte":0', b'"min_dte":1e400'))
    ints, numbers = np.zeros((len(Int), 8), np.int64), np.zeros((GEX.number_rows, 8))
    ladder, extras = np.zeros((8, 40)), np.zeros((4, 8), np.int64)
    chance = random.Random(1)

    def decode(held: bytearray, stop: int, table: Any) -> int:
        taken = _native.decode(
            held, 0, stop, b"NQ_NDX", False, 0, 2 * 10**15, table, numbers, ladder, extras, 0, 0
        )  # fmt: skip
        return taken[0]

    def call(_: int) -> None:
        first = chance.choice(good)
        held = bytearray(first + b"," + chance.choice(bad) + b"\0")
        assert decode(held, len(held) - 1, ints) == 1
        refused(lambda: decode(held, 5, ints), ValueError)
        refused(lambda: decode(held, len(held) - 1, ints[:, :3]), ValueError, BufferError)
        refused(lambda: decode(held, len(held) - 1, b"x" * 8), ValueError, BufferError)
        held.append(0)  # raises BufferError where the text is still borrowed

    return call


def pages_calls() -> Callable[[int], None]:
    """Columns of few values, of many, without any, and buffers that are too small."""
    generator = np.random.default_rng(1)
    columns = [generator.integers(0, 9, 500) / 4, generator.random(500), np.full(500, np.nan), np.zeros(1)]
    dictionary = np.empty(_pages.MOST_VALUES)

    def call(number: int) -> None:
        values = columns[number % len(columns)]
        count = len(values)
        ends = np.unique([(count + 1) // 2, count])
        pages = bytearray(_pages.most_bytes(count, len(ends)))
        unique, _, _, encoded = _pages.encode_doubles(values, 1 + number % 7, ends, dictionary, pages)
        refused(lambda: _pages.encode_doubles(values, 0, ends, dictionary, pages), ValueError)
        refused(lambda: _pages.encode_doubles(values, 1, ends + 1, dictionary, pages), ValueError, BufferError)
        refused(lambda: _pages.encode_doubles(values, 1, ends, dictionary[:2], pages), ValueError)
        _pages.encode_runs(np.array([3, 0, number], np.int64), number, 17)
        refused(lambda: _pages.encode_runs(ends, 0, 0), ValueError)
        rows, out = int(ends[0]), np.empty(1)
        page = bytes(pages[: encoded[0][1]])
        held = memoryview(raw_frame(dictionary[:unique].tobytes())) if unique else None
        pair, last = [(held, unique, False)], (rows, rows - 1, rows, out, 0)
        _pages.decode_doubles([page], pair, *last)
        refused(lambda: _pages.decode_doubles([page[:-1]], pair, *last), ValueError)
        refused(lambda: _pages.decode_doubles([page], pair, rows, 0, rows + 1, out, 0), ValueError)
        refused(lambda: _pages.decode_doubles([page], [(memoryview(b""), 9, False)], *last), ValueError)
        place, of_one = (
            np.array([[0, len(page), 0]], np.uint64),
            (np.array([rows]), np.array([1]), np.array([rows - 1])),
        )
        _pages.pick_doubles((page, place), pair[0], *of_one, out)
        _pages.pick_doubles([page], pair[0], *of_one, out)
        refused(lambda: _pages.pick_doubles((page[:-1], place), pair[0], *of_one, out), ValueError)
        refused(lambda: _pages.pick_doubles([bytes(len(page))], pair[0], *of_one, out), ValueError)
        refused(lambda: _pages.pick_doubles([page, page], pair[0], *of_one, out), ValueError)
        no_pages: list[Any] = [[bytearray(page)], 9, (page,), (page, 9)]
        for wrong in no_pages:
            refused(partial(_pages.pick_doubles, wrong, pair[0], *of_one, out), TypeError)
        pages.append(0)

    return call


def mapped_calls() -> Callable[[int], None]:
    """Files that are mapped, read, and let go of; and none that can be mapped."""
    places = np.array([(0, 8, 0), (100, 20, 0)], np.uint64)
    nothing = os.open("/dev/null", os.O_RDONLY)

    def call(_: int) -> None:
        file = _pages.MappedFile(os.open(__file__, os.O_RDONLY))
        part = memoryview(file)[5:9]
        assert file.read_all(places)[0][5:] == bytes(part)[:3]
        refused(lambda: file.read_all(places + np.uint64(1 << 40)), ValueError)
        refused(lambda: file.read_all(places + np.uint64(1 << 63)), ValueError)
        refused(lambda: _pages.MappedFile(nothing), OSError)

    return call


def render_calls() -> Callable[[int], None]:
    """Snapshots with and without ladder, and bounds that are not those of the tables."""
    count = 5
    ints = np.zeros((len(Int), count), np.int64)
    ints[Int.TIMESTAMP], ints[Int.ROWS], ints[Int.MAX_PRIORS] = np.arange(count) * 10**6, 2, np.arange(count) - 1
    numbers = np.random.default_rng(1).random((GEX.number_rows, count))
    ladder = np.random.default_rng(2).random((len(GEX.ladder_names), 2 * count))
    numbers[3, 2] = ladder[4, 3] = np.nan
    renderer = SnapshotRenderer(GEX, "NQ_NDX", ints, numbers, [None, '{"a": 1}', None, None, None])

    def call(number: int) -> None:
        text, offsets = renderer.render(0, count, ladder if number % 2 else None)
        assert len(text) == offsets[-1]
        refused(lambda: renderer.render(3, 99, ladder), ValueError)
        refused(lambda: renderer.render(0, count, ladder[:, :3]), ValueError)

    return call


if __name__ == "__main__":
    sys.exit(main())

"""Pages that are LZ4 blocks: unpacked as far as they are wanted, whatever wrote them; and nothing that is none."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lz4.block import LZ4BlockError, compress, decompress

from gexlake.importers.snapshots.writing._pages import decode_doubles, most_bytes
from gexlake.models.block import Doubles

PRESENT = b"\x10\x01"
"""Definition levels of eight values that are all there."""
LEVELS = len(PRESENT).to_bytes(4, "little") + PRESENT
ZEROS = bytes(64)


def levels(rows: int) -> bytes:
    """Of so many values that are all there."""
    number = bytearray()
    left = rows << 1
    while left > 0x7F:
        number.append(left & 0x7F | 0x80)
        left >>= 7
    run = bytes([*number, left, 1])
    return len(run).to_bytes(4, "little") + run


def decoded(block: bytes, rows: int, first: int, stop: int) -> Doubles:
    out = np.full((1, stop - first), 0.5)
    decode_doubles([block], [(None, 0, True)], rows, first, stop, out, 0)
    return out[0]


MODES = [
    {"mode": "fast", "acceleration": 1},
    {"mode": "fast", "acceleration": 50},
    {"mode": "high_compression", "compression": 12},
]


@settings(max_examples=200)
@given(
    st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=8),
    st.lists(st.integers(0, 7), min_size=1, max_size=400),
    st.sampled_from(MODES),
    st.data(),
)
def test_any_values_come_back_as_far_as_they_are_wanted(
    pieces: list[bytes], order: list[int], mode: dict[str, object], data: st.DataObject
) -> None:
    """Of few pieces again and again: matches at all distances, within themselves, and literals of all lengths."""
    content = b"".join(pieces[number % len(pieces)] for number in order)
    content += bytes(-len(content) % 8)
    rows = len(content) // 8
    first = data.draw(st.integers(0, rows))
    stop = data.draw(st.integers(first, rows))
    block = compress(levels(rows) + content, store_size=False, **mode)
    assert decoded(block, rows, first, stop).tobytes() == content[8 * first : 8 * stop]


@pytest.mark.parametrize("distance", range(1, 40))
@pytest.mark.parametrize("length", [1, 2, 9, 40, 300, 5000])
def test_a_match_may_be_of_what_it_gives(distance: int, length: int) -> None:
    pattern = bytes(range(1, distance + 1))
    content = (pattern * (length * 8 // distance + 1))[: length * 8]
    block = compress(levels(length) + content, store_size=False)
    assert decoded(block, length, 0, length).tobytes() == content


BROKEN = {
    "nothing": b"",
    "literals that are not there": b"\xf0",
    "a length without an end": b"\xf0" + b"\xff" * 40,
    "a length larger than any": b"\xf0" + b"\xff" * 4000 + b"\x00" + bytes(100),
    "fewer literals than it says": b"\xf0\x40" + LEVELS + ZEROS[:-8],
    "a distance of one byte": b"\x61" + LEVELS + b"\x01",
    "a distance of 0": b"\x60" + LEVELS + b"\x00\x00" + b"\x00" * 40,
    "a distance from before the page": b"\x60" + LEVELS + b"\x07\x00" + b"\x00" * 40,
    "a distance from before the page, in the middle": b"\x6f" + LEVELS + b"\xff\xff\x09" + b"\x00" * 40,
    "a match without its length": b"\x6f" + LEVELS + b"\x01\x00",
    "a match longer than a page": b"\x6f" + LEVELS + b"\x01\x00" + b"\xff" * 9 + b"\x00" + b"\x00" * 40,
    "literals longer than a page": b"\xf0" + b"\xff" * 9 + b"\x00" + bytes(9 * 255 + 15),
    "values too few": b"\xf0\x2f" + LEVELS + ZEROS[:-8],
    "levels of another number of rows": compress(levels(9) + ZEROS, store_size=False),
}


@pytest.mark.parametrize("block", BROKEN.values(), ids=BROKEN)
def test_what_is_no_block_of_such_a_page_is_refused(block: bytes) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        decoded(block, 8, 0, 8)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([0.0, 1.5, -83799.74, -62806.89, 1e300]), min_size=8, max_size=8), st.data())
def test_of_a_damaged_block_nothing_is_read_that_the_library_reads_otherwise(
    values: list[float], data: st.DataObject
) -> None:
    """Checksums are held to before; this is for memory, which stays whole, and for what the format means."""
    block = bytearray(compress(LEVELS + np.array(values).tobytes(), store_size=False))
    for _ in range(data.draw(st.integers(1, 3))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    found = content = None
    with suppress(ValueError):
        found = decoded(bytes(block), 8, 0, 8).tobytes()
    with suppress(LZ4BlockError):  # which wants a block to end in five literals, and takes a distance of 0
        content = decompress(bytes(block), uncompressed_size=most_bytes(8, 1))
    if found is not None and content is not None and content.startswith(LEVELS):
        assert found == content[len(LEVELS) : len(LEVELS + ZEROS)]

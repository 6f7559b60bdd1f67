"""Unpacking the start of a file: by magic bytes, bounded, and forgiving towards streams that break later."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.packing import Compression
from gexlake.scanner.heads import HEAD_BYTES, Head, read_head, unpack_head
from gexlake.scanner.refusals import Refusal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: zstd.compress,
    Compression.BZIP2: partial(bz2.compress, compresslevel=1),
    Compression.XZ: partial(lzma.compress, preset=0),
}
NOISE = Random(7).randbytes(400_000)

packed_by = pytest.mark.parametrize("compression", list(PACKERS))


def head_of(packed: bytes, *, is_whole: bool = True) -> Head:
    head = unpack_head(packed, is_whole=is_whole)
    assert isinstance(head, Head)
    return head


def read(path: Path) -> Head | Refusal:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read_head(partial(os.read, descriptor), path.stat().st_size)
    finally:
        os.close(descriptor)


def test_plain_text_is_taken_as_it_is() -> None:
    assert head_of(b"[{}]") == Head(Compression.NONE, b"[{}]", is_whole=True)


@packed_by
def test_a_small_packed_file_is_unpacked_whole(compression: Compression) -> None:
    assert head_of(PACKERS[compression](b"[{}]")) == Head(compression, b"[{}]", is_whole=True)


@packed_by
def test_members_and_frames_that_follow_each_other_are_one_text(compression: Compression) -> None:
    pack = PACKERS[compression]
    assert head_of(pack(b"") + pack(b"[1") + pack(b",2]")) == Head(compression, b"[1,2]", is_whole=True)


@packed_by
def test_padding_behind_a_stream_is_no_damage(compression: Compression) -> None:
    assert head_of(PACKERS[compression](b"[]") + bytes(100)) == Head(compression, b"[]", is_whole=True)


@packed_by
def test_a_bomb_is_unpacked_no_further_than_the_head(compression: Compression) -> None:
    head = head_of(PACKERS[compression](bytes(10_000_000)))
    assert (len(head.text), head.is_whole) == (HEAD_BYTES, False)


@packed_by
def test_a_stream_cut_short_gives_what_it_holds(compression: Compression) -> None:
    packed = PACKERS[compression](NOISE)
    head = head_of(packed[: len(packed) * 3 // 4])
    assert head.text == NOISE[:HEAD_BYTES]
    assert not head.is_whole


def test_text_before_a_damaged_place_is_kept() -> None:
    packed = bytearray(gzip.compress(NOISE[:40_000]))
    packed[30_000:30_100] = bytes(100)
    packed[-8:] = bytes(8)
    head = head_of(bytes(packed))
    assert head.text[:20_000] == NOISE[:20_000]


def test_a_wrong_checksum_at_the_end_does_not_lose_the_text() -> None:
    packed = gzip.compress(b"[{}]")
    assert head_of(packed[:-8] + bytes(8)).text == b"[{}]"


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(b"[{}]", mtime=0)[:10], "Its gzip stream is damaged from the start: ends before any content."),
        (zstd.compress(b"[{}]")[:6], "Its zstd stream is damaged from the start: ends before any content."),
        (b"\x1f\x8b", "Its gzip stream is damaged from the start: ends before any content."),
    ],
)
def test_a_stream_cut_before_its_content_is_refused(packed: bytes, reason: str) -> None:
    assert unpack_head(packed, is_whole=True) == Refusal("compression_damaged", reason)


@packed_by
def test_a_stream_that_is_rubbish_from_the_start_is_refused(compression: Compression) -> None:
    magic = PACKERS[compression](b"")[:4]
    head = unpack_head(magic + b"\xff" * 200, is_whole=True)
    assert isinstance(head, Refusal)
    assert head.code == "compression_damaged"


@packed_by
def test_a_packed_nothing_is_an_empty_text(compression: Compression) -> None:
    assert head_of(PACKERS[compression](b"")) == Head(compression, b"", is_whole=True)


def test_only_the_start_of_a_large_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"[" + b" " * 3_000_000)
    head = read(path)
    assert isinstance(head, Head)
    assert (len(head.text), head.is_whole) == (HEAD_BYTES, False)


@packed_by
def test_a_large_packed_file_that_hardly_packs_is_read(tmp_path: Path, compression: Compression) -> None:
    path = tmp_path / "large"
    path.write_bytes(PACKERS[compression](NOISE))
    head = read(path)
    assert isinstance(head, Head)
    assert head.text[:10_000] == NOISE[:10_000]
    assert not head.is_whole


@settings(max_examples=50)
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"]), st.booleans()
)
def test_any_bytes_are_a_head_or_a_refusal(tail: bytes, magic: bytes, is_whole: bool) -> None:
    head = unpack_head(magic + tail, is_whole=is_whole)
    assert isinstance(head, Head | Refusal)


@settings(max_examples=50)
@given(st.binary(max_size=2_000), st.integers(0, 2_000), st.sampled_from(list(PACKERS)))
def test_a_packed_file_cut_anywhere_gives_a_prefix_of_its_text(text: bytes, cut: int, compression: Compression) -> None:
    head = unpack_head(PACKERS[compression](text)[:cut], is_whole=True)
    if isinstance(head, Head) and head.compression is compression:
        assert text.startswith(head.text)


def test_zlib_streams_without_gzip_header_are_not_taken_for_gzip() -> None:
    assert head_of(zlib.compress(b"[{}]")).compression is Compression.NONE

"""Zstandard as the standard library has it: `compression.zstd` from Python 3.14 on, its backport before.

Import it where it is used: most sources are not packed.
"""

from __future__ import annotations

import struct
import sys
import threading

import zstandard

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile, compress
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile, compress

__all__ = [
    "BrokenFrameError",
    "FrameCompressor",
    "ZstdCompressor",
    "ZstdDecompressor",
    "ZstdError",
    "ZstdFile",
    "compress",
    "pack_sizeless",
    "raw_frame",
    "unpack_bounded",
    "unpack_frame",
]

FrameCompressor = zstandard.ZstdCompressor
"""Compresses one small frame after the other, with its size in front. Not safe in threads."""


class _Decompressor(threading.local):
    """One for each thread: its context is kept, which for a page of some kB is nine tenths of the time."""

    def __init__(self) -> None:
        self.decompress = zstandard.ZstdDecompressor().decompress


class _SizelessCompressor(threading.local):
    """One for each thread, as above."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=3, write_content_size=False).compress


_decompressor = _Decompressor()
_sizeless_compressor = _SizelessCompressor()
BrokenFrameError = zstandard.ZstdError


def unpack_frame(frame: bytes) -> bytes:
    """The content of a frame that has its size in front. Raises `BrokenFrameError`."""
    return _decompressor.decompress(frame)


def pack_sizeless(data: bytes) -> bytes:
    """A frame that does not say how large its content is."""
    return _sizeless_compressor.compress(data)


def unpack_bounded(frame: bytes, most_bytes: int) -> bytes:
    """The content of exactly one frame, whether or not it says its size.

    Raises `ZstdError`, also where it has more than `most_bytes`.
    """
    decompressor = ZstdDecompressor()
    content = decompressor.decompress(frame, most_bytes + 1)
    if len(content) > most_bytes:
        raise ZstdError(f"the content has more than {most_bytes} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise ZstdError("it is cut short" if not decompressor.eof else "bytes follow the frame")
    return content


_RAW_HEADER = struct.Struct("<IBI")
_RAW_MAGIC = 0xFD2FB528, 0xA0
"""Of any frame; and that it is one segment, whose size follows in four bytes."""
_BLOCK_BYTES = 1 << 17
"""A block of a frame holds no more."""


def raw_frame(data: bytes) -> bytes:
    """A frame that holds data as they are, for those who read them over and over; any decoder takes it.

    Format: RFC 8878, 3.1.1. `_pages.c` finds a value in it by its place.
    """
    out = [_RAW_HEADER.pack(*_RAW_MAGIC, len(data))]
    for start in range(0, len(data), _BLOCK_BYTES):
        block = data[start : start + _BLOCK_BYTES]
        is_last = start + len(block) == len(data)
        out += [(len(block) << 3 | is_last).to_bytes(3, "little"), block]
    return b"".join(out)

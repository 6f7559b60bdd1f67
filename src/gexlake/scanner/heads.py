"""The first bytes of a file, unpacked: enough to tell what it is, and never more than that."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

from gexlake.models.source import Compression
from gexlake.scanner.refusals import Refusal

HEAD_BYTES = 64 << 10
"""How much text is looked at. A record of several hundred strikes is shorter."""

ZSTD_BLOCK_BYTES = 128 << 10
"""A zstd block is unpacked whole or not at all, and can be this long when it does not compress."""

RETRY_BYTES = 256
GZIP_WINDOW_BITS = 31

MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}
"""First bytes of a packed file (RFC 1952 2.3.1, RFC 8878 3.1.1)."""


class Head(NamedTuple):
    """The start of a file's text. `is_whole` means that nothing follows it."""

    compression: Compression
    text: bytes
    is_whole: bool


class Unpacker(Protocol):
    """What the decompressors of zlib and zstd have in common once zlib's is wrapped."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def read_head(descriptor: int, size_bytes: int) -> Head | Refusal:
    """Read and unpack the start of an open file; raises OSError."""
    packed = _read(descriptor, HEAD_BYTES, size_bytes)
    if compression_of(packed) is Compression.ZSTD and len(packed) < size_bytes:
        packed += _read(descriptor, ZSTD_BLOCK_BYTES, size_bytes)
    return unpack_head(packed, is_whole=len(packed) >= size_bytes)


def unpack_head(packed: bytes, *, is_whole: bool) -> Head | Refusal:
    """Unpack the start of a file, by its magic bytes. A stream cut short is normal, one without any text is not."""
    compression = compression_of(packed)
    if compression is Compression.NONE:
        return Head(compression, packed, is_whole)
    start = _gzip if compression is Compression.GZIP else _zstd_start()
    text, problem, is_end = _unpack(packed, start, len(packed))
    if problem:
        text, *_ = _unpack(packed, start, RETRY_BYTES)
    if not text and (problem or not is_end):
        return Refusal("compression_damaged", f"Its {compression} stream {problem or 'ends before any content'}.")
    return Head(compression, text, is_whole and is_end)


def compression_of(packed: bytes) -> Compression:
    """Compression by the first bytes; a name says nothing."""
    return next((found for magic, found in MAGIC.items() if packed.startswith(magic)), Compression.NONE)

"""LZ4 blocks, as Parquet has them as LZ4_RAW: neither a frame around them nor their size in front."""

from __future__ import annotations

from lz4.block import compress


def pack_block(content: bytes | memoryview) -> bytes:
    """The block of some content."""
    packed: bytes = compress(content, store_size=False)
    return packed

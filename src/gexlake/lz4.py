"""LZ4 blocks, as Parquet has them as LZ4_RAW: neither a frame around them nor their size in front."""

from __future__ import annotations

from lz4.block import compress, decompress


def pack_block(content: bytes | memoryview) -> bytes:
    """The block of some content."""
    packed: bytes = compress(content, store_size=False)
    return packed


def unpack_block(block: bytes, most_bytes: int) -> bytes:
    """The content of a block, of at most so many bytes. Raises `lz4.block.LZ4BlockError`."""
    content: bytes = decompress(block, uncompressed_size=most_bytes)
    return content

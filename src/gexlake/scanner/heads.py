"""The first bytes of a file, unpacked: enough to tell what it is, and never more than that."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gexlake.archive import archive_kind
from gexlake.models.encoding import Utf16
from gexlake.packing import MAGIC, Compression, codec_of, sniff_compression
from gexlake.scanner.refusals import Refusal

HEAD_BYTES = 64 << 10
"""How much text is looked at. The first records of a file fit many times over."""

BLOCK_BYTES = {Compression.ZSTD: 128 << 10, Compression.BZIP2: 1 << 20}
"""A block is unpacked whole or not at all, and can be this long where it does not compress."""


Read = Callable[[int], bytes]
"""Reads on in a file: up to so many bytes."""


class Head(NamedTuple):
    """The start of a file's text. `is_whole` means that nothing follows it."""

    compression: Compression
    text: bytes
    is_whole: bool

    @property
    def is_archive(self) -> bool:
        """Whether it is that of an archive which can be read like a folder."""
        kind = archive_kind(self.text)
        return kind == "tar" or (kind is not None and self.compression is Compression.NONE)


def read_head(read: Read, size_bytes: int) -> Head | Refusal:
    """Read and unpack the start of an open file. Raises what `read` does."""
    packed = _read(read, HEAD_BYTES, size_bytes)
    if (more := bytes_behind(packed)) and len(packed) < size_bytes:
        packed += _read(read, more, size_bytes)
    return unpack_head(packed, is_whole=len(packed) >= size_bytes)


def bytes_behind(packed: bytes) -> int:
    """How many bytes behind the first `HEAD_BYTES` it may take to unpack some of a file; 0 where these are enough."""
    return BLOCK_BYTES.get(sniff_compression(packed), 0)


def unpack_head(packed: bytes, *, is_whole: bool) -> Head | Refusal:
    """Unpack the start of a file, if its first bytes say that it is packed.

    A stream that is cut short or breaks later on is fine here: it holds records. One without any text is refused.
    """
    compression = sniff_compression(packed)
    if compression is Compression.NONE:
        return _decoded(Head(compression, packed[:HEAD_BYTES], is_whole and len(packed) <= HEAD_BYTES))
    unpacked = _unpack(packed, compression, len(packed))
    if unpacked.problem:
        unpacked = _unpack(packed, compression, 1)  # a failing call keeps what it had: lose one byte's worth only
    if not unpacked.text and not unpacked.is_end:
        problem = unpacked.problem or "ends before any content"
        return Refusal("compression_damaged", f"Its {compression} stream is damaged from the start: {problem}.")
    return _decoded(Head(compression, unpacked.text, is_whole and unpacked.is_end))


def _decoded(head: Head) -> Head:
    """The same, as UTF-8."""
    utf16 = Utf16.of(head.text)
    return head if utf16 is None else head._replace(text=utf16.to_utf8(head.text, is_end=head.is_whole))


def _read(read: Read, wanted: int, size_bytes: int) -> bytes:
    """Up to so many bytes; network and FUSE file systems may give them in chunks."""
    data = read(wanted)
    while len(data) < min(wanted, size_bytes) and (more := read(wanted - len(data))):
        data += more
    return data


class _Unpacked(NamedTuple):
    text: bytes
    is_end: bool
    problem: str = ""


def _unpack(packed: bytes, compression: Compression, step: int) -> _Unpacked:
    """At most `HEAD_BYTES` of text, fed `step` bytes at a time; members may follow each other."""
    codec = codec_of(compression)
    unpacker, text, at = codec.begin(), bytearray(), 0
    while at < len(packed) and len(text) < HEAD_BYTES:
        chunk = packed[at : at + step]
        try:
            text += unpacker.decompress(chunk, HEAD_BYTES - len(text))
        except codec.damage as error:
            return _Unpacked(bytes(text), is_end=False, problem=str(error))
        at += len(chunk)
        if unpacker.eof:
            at -= len(unpacker.unused_data)
            if not packed.startswith(MAGIC[compression], at):
                return _Unpacked(bytes(text), is_end=True)
            unpacker = codec.begin()
    return _Unpacked(bytes(text), is_end=False)

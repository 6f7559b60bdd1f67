"""Packed files: how they are told, and what unpacks them, all in the shape that `bz2` gave decompressors."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, Protocol


class Compression(StrEnum):
    """How a file's bytes are packed, by magic bytes and never by name."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"


MAGIC: dict[Compression, bytes] = {
    Compression.GZIP: b"\x1f\x8b",
    Compression.ZSTD: b"\x28\xb5\x2f\xfd",
    Compression.BZIP2: b"BZh",
    Compression.XZ: b"\xfd7zX",
}
"""First bytes of a packed file (RFC 1952 2.3.1, RFC 8878 3.1.1, The .xz File Format 2.1.1.1), as many as tell."""
MAGIC_BYTES = max(map(len, MAGIC.values()))


def sniff_compression(head: bytes) -> Compression:
    """Compression by the first bytes; a name says nothing."""
    return next((compression for compression, magic in MAGIC.items() if head.startswith(magic)), Compression.NONE)


GZIP_WINDOW_BITS = 31
GZIP_SIZE_BYTES = 4
GZIP_SIZE_TOLERANCE = 1 << 16
"""Damage near the end changes the size by less; of files cut short, 1 in 30,000 ends with such a number by chance."""
XZ_MEMORY_BYTES = 128 << 20
"""What unpacking may take: `xz -9` needs 65 MiB, and a file can ask for 4 GiB."""
XZ_END = b"YZ"


class Decompressor(Protocol):
    """Unpacks one member of a file: a gzip member, a zstd frame, a bzip2 or xz stream. At its end checksums agree."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class Codec(NamedTuple):
    """How files of one compression are unpacked.

    `begin` makes a decompressor of one member, `damage` is what it raises, and `padding` may stand behind members.
    """

    begin: Callable[[], Decompressor]
    damage: type[Exception]
    padding: bytes = b""


def codec_of(compression: Compression) -> Codec:
    """The codec of a packed file; a library is loaded only when a file needs it."""
    match compression:
        case Compression.GZIP:
            return Codec(GzipMember, zlib.error, padding=b"\0")
        case Compression.ZSTD:
            from gexlake.zstd import ZstdDecompressor, ZstdError

            return Codec(ZstdDecompressor, ZstdError)
        case Compression.BZIP2:
            import bz2

            return Codec(bz2.BZ2Decompressor, OSError)
        case Compression.XZ:
            import lzma

            return Codec(XzStream, lzma.LZMAError, padding=b"\0")
        case Compression.NONE:
            raise ValueError("it is not packed")


class DamagedMemberError(Exception):
    """The member that begins at byte `start` of the file is not what was packed."""

    def __init__(self, start: int, reason: Exception) -> None:
        super().__init__(str(reason))
        self.start = start


class Unpacker:
    """The text of a packed file: members, each with a checksum of its own, one behind the other.

    `read_packed` gives the next bytes of the file, b"" at its end. `on_later` is called with the place of each member
    but the first, before any of it is delivered.
    """

    def __init__(
        self, codec: Codec, read_packed: Callable[[], bytes], on_later: Callable[[int], None] | None = None
    ) -> None:
        self._codec = codec
        self._read_packed = read_packed
        self._on_later = on_later
        self._packed = b""
        """Read, and not yet given to a member."""
        self.packed_bytes = 0
        """Read so far."""
        self._start = 0
        self._member: Decompressor | None = None

    def read(self, size: int) -> bytes:
        """Up to so many bytes, b"" at the end.

        Raises `EOFError` where the file ends within a member, `DamagedMemberError` where one cannot be unpacked.
        """
        while self._member or self._begin_member():
            member = self._member
            assert member is not None
            packed = self._next_packed() if member.needs_input else b""
            is_end = not packed and member.needs_input
            try:
                data = member.decompress(packed, size)
            except self._codec.damage as error:
                raise DamagedMemberError(self._start, error) from error
            if member.eof:
                self._packed, self._member = member.unused_data, None
            elif is_end and not data:
                raise EOFError
            if data:
                return data
        return b""

    def _begin_member(self) -> bool:
        while packed := self._next_packed():
            self._packed = packed.lstrip(self._codec.padding) if self._codec.padding else packed
            if self._packed:
                self._start = self.packed_bytes - len(self._packed)
                if self._start and self._on_later is not None:
                    self._on_later(self._start)
                self._member = self._codec.begin()
                return True
        return False

    def _next_packed(self) -> bytes:
        packed, self._packed = self._packed, b""
        if not packed:
            packed = self._read_packed()
            self.packed_bytes += len(packed)
        return packed


class _Watched:
    """What is passed on of a decompressor whose end is watched."""

    _stream: Any

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        """What was given of the bytes behind the member."""
        return bytes(self._stream.unused_data)


class GzipMember(_Watched):
    """A member of a gzip file.

    Damage near the end can make the checksum and size behind the text be taken for text, so that the file seems cut
    short. It is not where its last bytes are that size, as near as damage leaves it.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(GZIP_WINDOW_BITS)
        self._unpacked_bytes = 0
        self._last = b""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of what was given."""
        return not self._stream.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so many bytes of text; no `data` where more is needed means that there is none."""
        is_end = not data and self.needs_input
        text: bytes = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self._unpacked_bytes += len(text)
        self._last = (self._last + data[-GZIP_SIZE_BYTES:])[-GZIP_SIZE_BYTES:]
        if is_end and not text and self._unpacked_bytes and self._ends_with_size():
            raise zlib.error("the end of the text is not where it should be")
        return text

    def _ends_with_size(self) -> bool:
        size = int.from_bytes(self._last, "little")
        return abs(size - self._unpacked_bytes % (1 << 8 * GZIP_SIZE_BYTES)) <= GZIP_SIZE_TOLERANCE


class XzStream(_Watched):
    """A stream of an xz file.

    As with gzip, damage can make what stands behind the text be taken for text, and the file seem cut short. It is not
    where its last bytes are those of an xz file.
    """

    def __init__(self) -> None:
        import lzma

        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY_BYTES)
        self._broken = lzma.LZMAError
        self._last = b""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of what was given."""
        return bool(self._stream.needs_input)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so many bytes of text; no `data` where more is needed means that there is none."""
        is_end = not data and self.needs_input
        text: bytes = self._stream.decompress(data, max_length)
        self._last = (self._last + data.rstrip(b"\0"))[-len(XZ_END) :]
        if is_end and not text and self._last == XZ_END:
            raise self._broken("the end of the text is not where it should be")
        return text

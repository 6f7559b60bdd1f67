"""The bytes of a source file, read once: unpacked for the decoder and hashed as they stand on disk."""

from __future__ import annotations

import hashlib
import io
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from gexlake.errors import SourceError
from gexlake.models.source import Compression, path_text, sniff_compression
from gexlake.validation.rules import Rule

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

READ_BYTES = 1 << 20
PACKED_BYTES = 1 << 16
GZIP_WINDOW_BITS = 31
DRAIN_BYTES = 1 << 16
MAX_EXPANSION_RATIO = 300
"""Real GEX history packs 4 to 12 times; deflate can reach 1,032 and zstd far more in a bomb."""
EXPANSION_ALLOWANCE_BYTES = 64 << 20
"""Expansion is not questioned below this many unpacked bytes: small files may be repetitive."""


class DamagedStreamError(Exception):
    """The packed stream cannot be unpacked any further; all that came before has been delivered."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


class SourceStream:
    """Unpacked bytes of one file, with the SHA-256 and size of the file itself.

    Opening raises `SourceError` when the file cannot be read. Digest and size are those of the whole file once
    `readinto` has returned 0, or after `drain`.
    """

    def __init__(self, path: Path, *, on_bytes: Callable[[int], None] | None = None) -> None:
        self._raw = _HashedFile(path, on_bytes)
        self.compression = sniff_compression(self._raw.peek(4))
        self._unpacked = _unpacked(self._raw, self.compression)
        self._unpacked_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    @property
    def sha256(self) -> str:
        """Hex digest of the file's bytes read so far."""
        return self._raw.digest.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes read from the file so far, packed as they are."""
        return self._raw.read_bytes

    def readinto(self, target: memoryview) -> int:
        """Fill `target` with unpacked bytes and return how many; 0 at the end.

        Raises `DamagedStreamError` where a packed stream is cut short, broken, or expands beyond reason.
        """
        if self._unpacked is None:
            return self._raw.readinto(target)
        try:
            # read1, not readinto: that would drop what it had unpacked when the stream then ends early.
            data = self._unpacked.read1(len(target))
        except EOFError as error:
            raise DamagedStreamError(Rule.STREAM_TRUNCATED, f"the {self.compression} stream ends early") from error
        except (zlib.error, _zstd_error()) as error:
            message = f"the {self.compression} stream is damaged within its first {self.size_bytes:,} bytes: {error}"
            raise DamagedStreamError(Rule.COMPRESSION_DAMAGED, message) from error
        self._unpacked_bytes += len(data)
        if self._unpacked_bytes > max(EXPANSION_ALLOWANCE_BYTES, self.size_bytes * MAX_EXPANSION_RATIO):
            message = f"{self.size_bytes:,} packed bytes expand more than {MAX_EXPANSION_RATIO} times"
            raise DamagedStreamError(Rule.EXPANSION_LIMIT, message)
        target[: len(data)] = data
        return len(data)

    def drain(self) -> None:
        """Read on to the end of the file, so that digest and size are those of the whole."""
        scratch = memoryview(bytearray(DRAIN_BYTES))
        while self._raw.readinto(scratch):
            pass


class _HashedFile(io.RawIOBase):
    """A file that is hashed as it is read; the first bytes can be peeked at."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None] | None) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self.digest = hashlib.sha256()
        self.read_bytes = 0
        self._head = b""
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(path, error) from error

    def readable(self) -> bool:
        return True

    def peek(self, count: int) -> bytes:
        scratch = memoryview(bytearray(count))
        self._head = bytes(scratch[: self.readinto(scratch)])
        return self._head

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        if self._head:
            count = min(len(self._head), len(target))
            target[:count], self._head = self._head[:count], self._head[count:]
            return count
        try:
            count = self._file.readinto(target) or 0
        except OSError as error:
            raise _unreadable(self._path, error) from error
        self._count(target[:count])
        return count

    def _count(self, data: ReadableBuffer) -> None:
        view = memoryview(data)
        self.digest.update(view)
        self.read_bytes += len(view)
        if self._on_bytes is not None and view.nbytes:
            self._on_bytes(len(view))

    def close(self) -> None:
        self._file.close()
        super().close()


class _Unpacker(Protocol):
    """Unpacked bytes, up to `size` at a time and b"" at the end; EOFError where the packed ones end early."""

    def read1(self, size: int, /) -> bytes: ...


class _GzipReader:
    """gzip members one behind the other, zeros between and behind them.

    `gzip.GzipFile` loses up to a buffer of text when it comes to damage; this gives all that can be unpacked first.
    """

    def __init__(self, packed: io.BufferedIOBase) -> None:
        self._source = packed
        self._packed = b""
        self._member: zlib._Decompress | None = None
        self._damage: zlib.error | None = None

    def read1(self, size: int, /) -> bytes:
        while True:
            if self._damage is not None:
                raise self._damage
            self._packed = self._packed or self._source.read1(PACKED_BYTES)
            if self._member is None:
                if not self._packed:
                    return b""
                self._packed = self._packed.lstrip(b"\0")
                self._member = zlib.decompressobj(GZIP_WINDOW_BITS) if self._packed else None
                continue
            is_end = not self._packed
            data = self._unpack(self._member, size)
            if data:
                return data
            if is_end and self._member is not None:
                raise EOFError

    def _unpack(self, member: zlib._Decompress, size: int) -> bytes:
        before = member.copy()
        try:
            data = member.decompress(self._packed, size)
        except zlib.error as damage:
            self._damage = damage
            return _up_to_damage(before, self._packed)
        if member.eof:
            self._member, self._packed = None, member.unused_data
        else:
            self._packed = member.unconsumed_tail
        return data


def _up_to_damage(member: zlib._Decompress, packed: bytes) -> bytes:
    """What the bytes before the damaged one unpack to."""
    text = bytearray()
    try:
        for at in range(len(packed)):
            text += member.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(text)


def hash_file(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 (hex) of a file's bytes; raises `SourceError` when it cannot be read."""
    with SourceStream(path, on_bytes=on_bytes) as stream:
        stream.drain()
        return stream.sha256


def _unpacked(raw: _HashedFile, compression: Compression) -> _Unpacker | None:
    if compression is Compression.NONE:
        return None
    buffered = io.BufferedReader(raw, READ_BYTES)
    if compression is Compression.GZIP:
        return _GzipReader(buffered)
    from gexlake.zstd import ZstdFile

    return ZstdFile(buffered, "rb")


def _zstd_error() -> type[Exception]:
    module = sys.modules.get("gexlake.zstd")
    return module.ZstdError if module else zlib.error


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{path_text(path)} cannot be read: {error.strerror or error}.",
        hint="Check its permissions and the disk, then import again.",
    )

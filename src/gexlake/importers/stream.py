"""The bytes of a source file, read once: unpacked for the decoder and hashed as they stand on disk."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gexlake.archive import ArchiveError, MemberFile
from gexlake.errors import SourceError, StorageError
from gexlake.models.encoding import HEAD_BYTES, Utf16
from gexlake.models.location import ObjectUrl
from gexlake.models.source import SourceFile, SourcePlace
from gexlake.packing import MAGIC_BYTES, Codec, Compression, DamagedMemberError, Unpacker, codec_of, sniff_compression
from gexlake.unpacked_file import MAX_EXPANSION_RATIO, is_bomb
from gexlake.validation.rules import Rule

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

READ_BYTES = 1 << 20
PACKED_BYTES = 1 << 16
DRAIN_BYTES = 1 << 16


class DamagedStreamError(Exception):
    """The packed stream cannot be unpacked any further; all that came before has been delivered, and stands."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


class AlteredSourceError(SourceError):
    """The packed stream breaks, or its checksum does not match: what was delivered of it may be wrong as well."""


class SourceStream:
    """Unpacked bytes of one file, member of an archive or object, with the SHA-256 and size of the file itself.

    Those of a member are the same as when it is taken out of the archive. An object is fetched first, whole, to a file
    without a name in the temporary folder. Opening raises `SourceError` when the file cannot be read, and where it is
    an object `StoreError` when its store is away, `StorageError` when there is no room for it.
    Digest and size are those of the whole file once `readinto` has returned 0, or after `drain`.
    """

    def __init__(
        self,
        source: Path | SourcePlace | SourceFile,
        *,
        on_bytes: Callable[[int], None] | None = None,
        limit_bytes: int | None = None,
    ) -> None:
        self._place = _place_of(source)
        self._raw = _HashedFile(self._place, on_bytes, limit_bytes)
        self.compression = sniff_compression(self._raw.peek(MAGIC_BYTES))
        self._unpacked = None
        if self.compression is not Compression.NONE:
            self._unpacked = _Members(self._raw, codec_of(self.compression))
        self._unpacked_bytes = 0
        self._utf16: Utf16 | None = None
        self._text = b""
        """Of the start, or turned into UTF-8, and not yet handed out."""
        self._has_begun = False
        self._damage: DamagedStreamError | None = None
        """Met within the first bytes; what came before it is handed out first."""

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

    @property
    def etag(self) -> str | None:
        """Of the version of an object that is read here."""
        return self._raw.etag

    @property
    def findings(self) -> list[tuple[Rule, str]]:
        """What is to be noted of how the bytes were read."""
        return [(Rule.UTF16, "the text is UTF-16, and was read as such")] if self._utf16 else []

    def readinto(self, target: memoryview) -> int:
        """Fill `target` with unpacked bytes, as UTF-8, and return how many; 0 at the end.

        Raises `DamagedStreamError` where a packed stream is cut short, expands beyond reason, or goes on with damage;
        `AlteredSourceError` where damage shows only behind text that was delivered.
        """
        if not self._has_begun:
            self._begin()
        if self._utf16 and not self._text:
            self._transcode(self._utf16, len(target))
        elif not self._text:
            return self._unpacked_into(target)
        count = min(len(self._text), len(target))
        target[:count], self._text = self._text[:count], self._text[count:]
        return count

    def _begin(self) -> None:
        """Read the first bytes of the text, which say how it is encoded."""
        self._has_begun = True
        start = memoryview(bytearray(HEAD_BYTES))
        try:
            while len(self._text) < HEAD_BYTES and (count := self._unpacked_into(start[len(self._text) :])):
                self._text += start[len(self._text) :][:count]
        except DamagedStreamError as damage:
            self._damage = damage
        self._utf16 = Utf16.of(self._text)
        if self._utf16:
            self._text = self._utf16.to_utf8(self._text, is_end=False)

    def _transcode(self, utf16: Utf16, size: int) -> None:
        scratch = memoryview(bytearray(size))
        count = -1
        while count and not self._text:
            count = self._unpacked_into(scratch)
            self._text = utf16.to_utf8(scratch[:count].tobytes(), is_end=not count)

    def _unpacked_into(self, target: memoryview) -> int:
        if self._damage:
            raise self._damage
        if self._unpacked is None:
            return self._raw.readinto(target)
        try:
            data = self._unpacked.read(len(target))
        except EOFError as error:
            raise DamagedStreamError(Rule.STREAM_TRUNCATED, f"the {self.compression} stream ends early") from error
        except DamagedMemberError as damage:
            raise self._damaged(damage) from damage
        self._unpacked_bytes += len(data)
        if is_bomb(self._unpacked_bytes, self.size_bytes):
            message = f"{self.size_bytes:,} packed bytes expand more than {MAX_EXPANSION_RATIO} times"
            raise DamagedStreamError(Rule.EXPANSION_LIMIT, message)
        target[: len(data)] = data
        return len(data)

    def _damaged(self, damage: DamagedMemberError) -> DamagedStreamError | AlteredSourceError:
        if damage.start:
            message = f"the {self.compression} stream is damaged from byte {damage.start:,} on: {damage}"
            return DamagedStreamError(Rule.COMPRESSION_DAMAGED, message)
        return AlteredSourceError(
            f"{self._place.name} is damaged, so nothing of it is imported: its {self.compression} stream does "
            f"not unpack to what was packed ({damage}).",
            hint="Download it again while the vendor keeps it, or restore it from a copy; then import again.",
        )

    def drain(self) -> None:
        """Read on to the end of the file, so that digest and size are those of the whole."""
        scratch = memoryview(bytearray(DRAIN_BYTES))
        while self._raw.readinto(scratch):
            pass


class _HashedFile(io.RawIOBase):
    """A file or member that is hashed as it is read; the first bytes can be peeked at."""

    def __init__(
        self, place: SourcePlace, on_bytes: Callable[[int], None] | None, limit_bytes: int | None = None
    ) -> None:
        self._place = place
        self._on_bytes = on_bytes
        self._limit_bytes = sys.maxsize if limit_bytes is None else limit_bytes
        self.digest = hashlib.sha256()
        self.read_bytes = 0
        self._head = b""
        self._ahead: _Ahead | None = None
        self.etag: str | None = None
        self._file: io.FileIO | MemberFile
        if isinstance(place.path, ObjectUrl):
            self._file, self.etag = _fetched(place.path, self._tick)
        else:
            self._file = _open(place)

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
        with _translated(self._place):
            count = self._file.readinto(target[: self._limit_bytes - self.read_bytes]) or 0
        self._count(target[:count])
        return count

    def peek_at(self, offset: int, count: int) -> bytes:
        """Up to so many bytes from there, without moving on or hashing them; never from before an earlier place."""
        count = max(0, min(count, self._limit_bytes - offset))
        with _translated(self._place):
            if isinstance(self._file, io.FileIO):
                return os.pread(self._file.fileno(), count, offset)
            self._ahead = self._ahead or _Ahead(self._place)
            return self._ahead.read_at(offset, count)

    def _tick(self) -> None:
        if self._on_bytes is not None:
            self._on_bytes(0)

    def _count(self, data: ReadableBuffer) -> None:
        view = memoryview(data)
        self.digest.update(view)
        self.read_bytes += len(view)
        if self._on_bytes is not None and view.nbytes:
            self._on_bytes(len(view))

    def close(self) -> None:
        self._file.close()
        if self._ahead is not None:
            self._ahead.close()
        super().close()


class _Ahead:
    """A second look at a member of an archive, which has no random access: it only moves on.

    The last chunk is kept, for a look may begin within the one where the look before ended.
    """

    def __init__(self, place: SourcePlace) -> None:
        self._file = _open(place)
        self._start = 0
        self._piece = b""

    def read_at(self, offset: int, count: int) -> bytes:
        assert offset >= self._start, "a member is read in one direction"
        while offset >= self._start + len(self._piece):
            self._start += len(self._piece)
            self._piece = self._file.read(PACKED_BYTES) or b""
            if not self._piece:
                return b""
        return self._piece[offset - self._start :][:count]

    def close(self) -> None:
        self._file.close()


# ---- unpacking -----------------------------------------------------------------------------------------------------


class _Members:
    """The text of a packed file, with the file's first member, as a rule its only one, delivered as it is unpacked, so
    that its damage comes too late. Each later one is read twice: it is checked to its end before any of it is
    delivered, and what came before stands.
    """

    def __init__(self, raw: _HashedFile, codec: Codec) -> None:
        self._raw = raw
        self._codec = codec
        file = io.BufferedReader(raw, READ_BYTES)
        self.read = Unpacker(codec, lambda: file.read1(PACKED_BYTES), self._check).read

    def _check(self, start: int) -> None:
        """Unpack the member that begins there as far as it goes, and keep nothing."""
        member, offset, unpacked_bytes = self._codec.begin(), start, 0
        while not member.eof and not is_bomb(unpacked_bytes, offset - start):
            packed = self._raw.peek_at(offset, PACKED_BYTES) if member.needs_input else b""
            is_end = not packed and member.needs_input
            offset += len(packed)
            try:
                text = member.decompress(packed, READ_BYTES)
            except self._codec.damage as error:
                raise DamagedMemberError(start, error) from error
            if is_end and not text:
                return
            unpacked_bytes += len(text)


# ---- the file ------------------------------------------------------------------------------------------------------


def hash_file(source: Path | SourcePlace | SourceFile, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 (hex) of a file's bytes; raises `SourceError` when it cannot be read."""
    with SourceStream(source, on_bytes=on_bytes) as stream:
        stream.drain()
        return stream.sha256


def _place_of(source: Path | SourcePlace | SourceFile) -> SourcePlace:
    if isinstance(source, Path):
        return SourcePlace(source)
    return source.place if isinstance(source, SourceFile) else source


def _open(place: SourcePlace) -> io.FileIO | MemberFile:
    assert isinstance(place.path, Path)
    with _translated(place):
        return place.path.open("rb", buffering=0) if place.member is None else MemberFile(place.path, place.member)


def _fetched(url: ObjectUrl, on_tick: Callable[[], None]) -> tuple[io.FileIO, str | None]:
    """A copy of an object, and the ETag of the version that it is of."""
    from gexlake.bucket.client import ObjectError
    from gexlake.bucket.objects import fetch

    try:
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile(buffering=0, prefix="gexlake-"))
            found = fetch(url, file, on_tick=on_tick)
            file.seek(0)
            stack.pop_all()
    except ObjectError as error:
        raise SourceError(f"{url} cannot be read: {error}.", hint="Import it again.") from error
    except OSError as error:
        raise StorageError(
            f"{url} cannot be copied to {tempfile.gettempdir()}: {error.strerror or error}.",
            hint="Free some space there, or name another folder in TMPDIR.",
        ) from error
    return file, found.etag


@contextmanager
def _translated(place: SourcePlace) -> Iterator[None]:
    """Faults of the file system and of the archive as `SourceError`."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"{place.name} cannot be read: {error.strerror or error}.",
            hint="Check its permissions and the disk, then import again.",
        ) from error
    except ArchiveError as error:
        raise AlteredSourceError(
            f"{place.name} is damaged, so nothing of it is imported: {error}.",
            hint="Get the archive once more, or restore it from a copy; then import again.",
        ) from error

"""What a downloaded body is: a whole JSON array, plain or packed, or why it is none.

Names say nothing: servers pack what is called `.json`, and unpack what is called `.json.gz`. An error page with
status 200 is no array, and a body that was cut does not end as one. Only its two ends are looked at, and where it is
packed the checksums; what each record is worth, the import says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from gexlake.archive import ArchiveError, MemberFile, archive_kind, read_directory
from gexlake.packing import MAGIC_BYTES, Compression, DamagedMemberError, Unpacker, codec_of, sniff_compression
from gexlake.vendor.trouble import NotHistoryError

READ_BYTES = 1 << 20
PACKED_BYTES = 1 << 18
END_BYTES = 256
SUFFIXES = {
    Compression.NONE: ".json",
    Compression.GZIP: ".json.gz",
    Compression.ZSTD: ".json.zst",
    Compression.BZIP2: ".json.bz2",
    Compression.XZ: ".json.xz",
}
"""How a file is named by its first bytes."""

_BLANKS = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_END_OF_ARRAY = re.compile(rb"(?:\}|^\[)[ \t\r\n]*\][ \t\r\n]*\Z")
"""A record ends with `}`, and none has `}]` within: an array that stops elsewhere was cut. `[]` is whole."""


class Body(NamedTuple):
    """A whole body as it lies on disk."""

    size_bytes: int
    sha256: str
    compression: Compression


def inspect_array(path: Path) -> Body:
    """What lies there, if it is a whole JSON array of records. Raises `NotHistoryError`, `OSError`."""
    digest = hashlib.sha256()
    size_bytes = 0
    with path.open("rb", buffering=0) as file:

        def read(size: int) -> bytes:
            nonlocal size_bytes
            data = file.read(size) or b""
            digest.update(data)
            size_bytes += len(data)
            return data

        compression = _check_array(read)
    return Body(size_bytes, digest.hexdigest(), compression)


def inspect_archive(path: Path) -> Body:
    """What lies there, if it is a ZIP of nothing but whole JSON arrays. Raises `NotHistoryError`, `OSError`."""
    with path.open("rb") as file:
        head = file.read(READ_BYTES)
        if archive_kind(head) != "ZIP":
            raise NotHistoryError(f"It is no ZIP archive; it begins with {_beginning(head)}.")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = file.tell()
    try:
        members = read_directory(path).members
    except ArchiveError as error:
        raise NotHistoryError(f"The ZIP archive is not whole: {error}.") from error
    if not members:
        raise NotHistoryError("The ZIP archive is empty.")
    for name in members:
        try:
            with MemberFile(path, name) as member:
                _check_array(member.read)
        except ArchiveError as error:
            raise NotHistoryError(f"{name} in the ZIP archive is damaged: {error}.") from error
        except NotHistoryError as error:
            raise NotHistoryError(f"{name} in the ZIP archive: {error.message}") from error
    return Body(size_bytes, digest, Compression.NONE)


def ends_as_array(path: Path) -> bool:
    """Whether a file that is not packed ends as an array does; True for a packed one, of which it cannot be seen."""
    with path.open("rb") as file:
        if sniff_compression(file.read(MAGIC_BYTES)) is not Compression.NONE:
            return True
        file.seek(max(path.stat().st_size - END_BYTES, 0))
        return bool(_END_OF_ARRAY.search(file.read()))


Read = Callable[[int], bytes]


def _check_array(read: Read) -> Compression:
    """How the text is packed, all of it read. Raises `NotHistoryError` for anything but a whole array."""
    head = read(READ_BYTES)
    compression = sniff_compression(head)
    texts = _iter_chunks(head, read) if compression is Compression.NONE else _iter_text(compression, head, read)
    _check_ends(texts)
    while read(READ_BYTES):  # padding behind the last packed member
        pass
    return compression


def _iter_chunks(head: bytes, read: Read) -> Iterator[bytes]:
    chunk = head
    while chunk:
        yield chunk
        chunk = read(READ_BYTES)


def _iter_text(compression: Compression, head: bytes, read: Read) -> Iterator[bytes]:
    waiting = [head]
    unpacker = Unpacker(codec_of(compression), lambda: waiting.pop() if waiting else read(PACKED_BYTES))
    try:
        while text := unpacker.read(READ_BYTES):
            yield text
    except EOFError:
        raise NotHistoryError(f"The {compression} stream is cut short.") from None
    except DamagedMemberError as error:
        raise NotHistoryError(f"The {compression} stream is damaged: {error}.") from error


def _check_ends(texts: Iterable[bytes]) -> None:
    start, end, length = b"", b"", 0
    for text in texts:
        if len(start) < END_BYTES:
            start = (start + text).removeprefix(_BOM).lstrip(_BLANKS)[:END_BYTES]
        end = text[-END_BYTES:] if len(text) >= END_BYTES else (end + text)[-END_BYTES:]
        length += len(text)
    if not length:
        raise NotHistoryError("It is empty.")
    if not start.startswith(b"["):
        raise NotHistoryError(f"It is no JSON array; it begins with {_beginning(start)}.")
    if not _END_OF_ARRAY.search(end if length > END_BYTES else start):
        raise NotHistoryError(f"The JSON array does not close: it was cut behind {length:,} bytes.")


def _beginning(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "replace"))

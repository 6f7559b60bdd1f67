"""Archives that are read like folders: ZIP, and tar, packed or not. Nothing is ever unpacked to disk.

A member is read by itself and in little memory: the directory is read once (at most `MAX_DIRECTORY_BYTES` of a ZIP's),
a member's bytes as they are asked for. A packed tar is unpacked for its directory, which checks it to its end, and
again for its members, mostly once for all of them, see `unpacked_file`. A member that cannot be read, or should not be,
says so in its `problem`. Archives inside archives are not opened.
"""

from __future__ import annotations

import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from gexlake.packing import Compression, sniff_compression
from gexlake.unpacked_file import MAX_EXPANSION_RATIO, UnpackedFile, UnpackError, give_back, is_bomb, take_unpacked

if TYPE_CHECKING:  # loaded where they are needed: most sources are no archives
    import tarfile
    import zipfile

    from _typeshed import WriteableBuffer

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
"""Of an archive with members, of an empty one, of one that was to span several disks."""
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
TAR_BLOCK_BYTES = 512

MAX_DIRECTORY_BYTES = 16 << 20
"""Of a ZIP's directory: some 150,000 members. Of a tar, the most that one header may take."""
MAX_MEMBERS = 500_000
CHUNK_BYTES = 1 << 16
LOCAL_HEADER_BYTES = 30
_LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:[/\\]|(?:^|[/\\])\.\.(?:[/\\]|$)")
"""A name that is absolute, or has `..` in it. Names are only shown and looked at, but nobody wants such files."""
STORED, DEFLATED = 0, 8
_ENCRYPTED, _UTF8_NAME = 0x1, 0x800
_METHODS = {1: "shrink", 6: "implode", 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "zstd", 95: "xz", 98: "PPMd"}


class ArchiveError(Exception):
    """The archive, or a member of it, is damaged; the text says how, without the path."""


class Member(NamedTuple):
    """A file in an archive; `size_bytes` is its own size, as it would lie on disk."""

    name: str
    size_bytes: int
    problem: str = ""
    """Why it is not read, in words."""
    packed_bytes: int = 0
    offset: int = 0
    """Of its header in a ZIP, of its bytes in a tar."""
    method: int = STORED
    checksum: int | None = None
    """CRC-32, which only a ZIP has."""
    spelling: str = ""
    """Its name in the ZIP's directory, as it stands there."""
    compression: Compression = Compression.NONE
    """Of the whole tar."""


class Directory(NamedTuple):
    """The files of an archive by name, in its order; `damage` says, in words, why it may lack some."""

    members: dict[str, Member]
    damage: str = ""


def archive_kind(head: bytes) -> str | None:
    """`ZIP` or `tar` by the first bytes of a file; None for anything else."""
    if head.startswith(ZIP_MAGIC):
        return "ZIP"
    return "tar" if head.startswith(TAR_MAGIC, TAR_MAGIC_AT) else None


def names_in_head(head: bytes) -> list[str]:
    """Names of files whose headers stand in the first bytes of an archive; not all, and only to guess by."""
    if archive_kind(head) == "ZIP":
        starts = [found.end() for found in re.finditer(re.escape(ZIP_MAGIC[0]), head)]
        lengths = [int.from_bytes(head[at + 22 : at + 24], "little") for at in starts]
        return [_text(head[at + 26 : at + 26 + length]) for at, length in zip(starts, lengths, strict=True)]
    blocks = range(0, len(head) - TAR_BLOCK_BYTES + 1, TAR_BLOCK_BYTES)
    headers = [at for at in blocks if head.startswith(TAR_MAGIC, at + TAR_MAGIC_AT)]
    return [_text(head[at : at + 100].rstrip(b"\0")) for at in headers]


# ---- the directory -------------------------------------------------------------------------------------------------


def read_directory(path: Path) -> Directory:
    """The directory of an archive; raises `ArchiveError` where there is none to be had, `OSError`."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
    return _read_directory(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=8)
def _read_directory(path: Path, *_identity: int) -> Directory:
    """Cached, because each member of an archive is looked for in it."""
    with path.open("rb") as file:
        head = file.read(TAR_BLOCK_BYTES)
        file.seek(0)
        kind = archive_kind(head)
        if kind is not None:
            return _zip_directory(file) if kind == "ZIP" else _tar_directory(file, Compression.NONE)
    compression = sniff_compression(head)
    if compression is not Compression.NONE:
        try:
            with UnpackedFile(path, compression) as unpacked:
                return _tar_directory(unpacked, compression)
        except UnpackError as error:
            raise ArchiveError(f"{error}, so any value in it may be wrong") from error
    raise ArchiveError("It is neither ZIP nor tar")


class _Bounded(io.RawIOBase):
    """A file of which nobody reads more at a time than a directory may take."""

    def __init__(self, file: BinaryIO | UnpackedFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(min(size, MAX_DIRECTORY_BYTES + 1) if size >= 0 else MAX_DIRECTORY_BYTES + 1)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise ArchiveError(f"its directory takes more than {MAX_DIRECTORY_BYTES >> 20} MiB")
        return data


def _zip_directory(file: BinaryIO) -> Directory:
    import zipfile

    try:
        with zipfile.ZipFile(_Bounded(file)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except ArchiveError:
        raise
    except OSError:
        raise
    except Exception as error:  # zipfile meets damage with a dozen kinds of error
        raise ArchiveError(f"its directory is missing or damaged ({_words(error)})") from error
    overlapping = _overlapping(entries)
    members = (_zip_member(entry, entry.header_offset in overlapping) for entry in entries)
    return Directory(_by_name(members))


def _overlapping(entries: Iterable[zipfile.ZipInfo]) -> set[int]:
    """Where members begin that share bytes with another: how one bomb unpacks many times over."""
    spans = sorted((e.header_offset, e.header_offset + LOCAL_HEADER_BYTES + e.compress_size) for e in entries)
    found, end = set[int](), 0
    for (start, stop), (next_start, _) in pairwise(spans):
        end = max(end, stop)
        if next_start < end:
            found |= {start, next_start}
    return found


def _zip_member(entry: zipfile.ZipInfo, is_overlapping: bool) -> Member:
    problem = ""
    if entry.flag_bits & _ENCRYPTED:
        problem = "it is encrypted; unpack the archive with its password"
    elif entry.compress_type not in (STORED, DEFLATED):
        method = _METHODS.get(entry.compress_type, f"method {entry.compress_type}")
        problem = f"it is packed by {method}, which is not read; unpack the archive"
    elif is_overlapping:
        problem = "it shares bytes with another member, as no archive made in earnest does"
    elif is_bomb(entry.file_size, entry.compress_size):
        problem = f"{entry.compress_size:,} packed bytes would expand more than {MAX_EXPANSION_RATIO} times"
    return Member(
        entry.filename,
        entry.file_size,
        problem,
        packed_bytes=entry.compress_size,
        offset=entry.header_offset,
        method=entry.compress_type,
        checksum=entry.CRC,
        spelling=entry.orig_filename,
    )


def _tar_directory(file: BinaryIO | UnpackedFile, compression: Compression) -> Directory:
    import tarfile

    members: list[Member] = []
    damage = ""
    try:
        with tarfile.open(fileobj=_Bounded(file), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
            for entry in _iter_entries(archive):
                if not entry.isdir():
                    members.append(_tar_member(entry, compression))
            end = archive.offset
        damage = _damage_behind(file, end)
    except (OSError, UnpackError):
        raise
    except Exception as error:  # tarfile meets damage with errors of any kind too
        if not members:
            raise ArchiveError(f"its first header is damaged ({_words(error)})") from error
        damage = f"it breaks off or is damaged behind {members[-1].name!r} ({_words(error)})"
    size = file.seek(0, os.SEEK_END) if compression is Compression.NONE else _size_of(file)
    return Directory(_by_name(_within(member, size) for member in members), damage)


def _within(member: Member, archive_bytes: int) -> Member:
    if member.problem or member.offset + member.size_bytes <= archive_bytes:
        return member
    return member._replace(problem="the archive ends before it does")


def _size_of(file: BinaryIO | UnpackedFile) -> int:
    """Of a packed archive, which is read to its end, so that all checksums have been looked at."""
    while file.read(CHUNK_BYTES):
        pass
    return file.tell()


def _iter_entries(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for _ in range(MAX_MEMBERS):
        entry = archive.next()
        if entry is None:
            return
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
        yield entry
    raise ArchiveError(f"it has more than {MAX_MEMBERS:,} members")


def _damage_behind(file: BinaryIO | UnpackedFile, end: int) -> str:
    """A tar ends with blocks of zeros, or else something is amiss that `tarfile` passes over."""
    file.seek(end)
    block = file.read(TAR_BLOCK_BYTES)
    if len(block) < TAR_BLOCK_BYTES:
        return "it is cut short: its end mark is missing"
    if any(block):
        return f"it is damaged from byte {end:,} on"
    while chunk := file.read(CHUNK_BYTES):
        if any(chunk):
            return f"something follows behind its end mark at byte {end:,}"
    return ""


def _tar_member(entry: tarfile.TarInfo, compression: Compression) -> Member:
    name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
    problem = ""
    if not entry.isreg():
        problem = "it is a link, pipe or device, which is never followed or opened"
    elif entry.issparse():
        problem = "it is stored as a sparse file, which is not read; unpack the archive"
    return Member(name, entry.size, problem, packed_bytes=entry.size, offset=entry.offset_data, compression=compression)


def _by_name(members: Iterable[Member]) -> dict[str, Member]:
    """Members by a name that says where they would lie, each name once."""
    named = [(_plain_name(member.name), member) for member in members]
    if len(named) > MAX_MEMBERS:
        raise ArchiveError(f"it has more than {MAX_MEMBERS:,} members")
    counts = Counter(name for name, _ in named)
    result = {}
    for name, member in named:
        problem = member.problem
        if _LEADS_OUT.search(member.name):
            problem = "its name leads out of the archive"
        elif counts[name] > 1:
            problem = f"{counts[name]} members have this name, and nothing says which is meant; unpack the archive"
        result[name] = member._replace(name=name, problem=problem)
    return result


def _plain_name(name: str) -> str:
    """Without empty parts; as text that can be written as UTF-8."""
    parts = name.encode("utf-8", "backslashreplace").decode().split("/")
    return "/".join(part for part in parts if part not in ("", ".")) or "/"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


# ---- a member ------------------------------------------------------------------------------------------------------


def find_member(path: Path, name: str) -> Member | None:
    """The member of that name; None where the archive or the member is not there, or cannot be read."""
    try:
        return read_directory(path).members.get(name)
    except (OSError, ValueError, ArchiveError):
        return None


class MemberFile(io.RawIOBase):
    """The bytes of a member, in order. Opening raises `OSError` or `ArchiveError`, reading as well.

    At its end size and checksum are compared with those that the archive gives, and a difference is an error.
    """

    def __init__(self, path: Path, name: str) -> None:
        member = read_directory(path).members.get(name)
        if member is None:
            raise ArchiveError("the archive does not hold it any more")
        if member.problem:
            raise ArchiveError(member.problem)
        self._member = member
        self._file = _open_at(path, member)
        self._end = self._file.tell() + member.packed_bytes
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
        self._checksum = 0
        self._given = 0

    @property
    def size_bytes(self) -> int:
        """Its own size, as the archive gives it."""
        return self._member.size_bytes

    def readable(self) -> bool:
        return True

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        """Up to so many bytes, b"" at the end."""
        data = self._inflated(size) if self._inflate else self._packed(size)
        self._given += len(data)
        if self._member.checksum is not None:
            self._checksum = zlib.crc32(data, self._checksum)
        if self._given > self.size_bytes or (not data and self._given < self.size_bytes):
            raise ArchiveError(f"it is not of the {self.size_bytes:,} bytes that the archive gives for it")
        if self._given == self.size_bytes and self._member.checksum not in (None, self._checksum):
            raise ArchiveError("its checksum is not the one that the archive gives for it")
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        data = self.read(len(target))
        target[: len(data)] = data
        return len(data)

    def _packed(self, size: int) -> bytes:
        try:
            return self._file.read(min(size, self._end - self._file.tell())) or b""
        except UnpackError as error:
            raise ArchiveError(str(error)) from error

    def _inflated(self, size: int) -> bytes:
        inflate = self._inflate
        assert inflate is not None
        while not inflate.eof:
            packed = inflate.unconsumed_tail or self._packed(CHUNK_BYTES)
            try:
                data = inflate.decompress(packed, size)
            except zlib.error as error:
                raise ArchiveError(f"its packed bytes are damaged ({error})") from error
            if data or not packed:
                return data
        return b""

    def close(self) -> None:
        if not self.closed:
            give_back(self._file) if isinstance(self._file, UnpackedFile) else self._file.close()
        super().close()


def _open_at(path: Path, member: Member) -> io.FileIO | UnpackedFile:
    """The archive, where the bytes of a member begin."""
    if member.compression is not Compression.NONE:
        try:
            return take_unpacked(path, member.compression, member.offset)
        except UnpackError as error:
            raise ArchiveError(str(error)) from error
    file = path.open("rb", buffering=0)
    try:
        file.seek(member.offset if member.checksum is None else _start_of(file, member))
    except BaseException:
        file.close()
        raise
    return file


def _start_of(file: io.FileIO, member: Member) -> int:
    """Where the bytes of a ZIP's member begin: behind a header that must be its own."""
    header = os.pread(file.fileno(), LOCAL_HEADER_BYTES, member.offset)
    flags = int.from_bytes(header[6:8], "little")
    name_bytes, extra_bytes = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
    name = os.pread(file.fileno(), name_bytes, member.offset + LOCAL_HEADER_BYTES)
    spelling = name.decode("utf-8" if flags & _UTF8_NAME else "cp437", "replace")
    if not header.startswith(ZIP_MAGIC[0]) or spelling != member.spelling:
        raise ArchiveError("its header is damaged, or another's")
    return member.offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes

"""Record texts -> a file: the forms a history is found in, its compression, and the atomic write."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from gexlake.sample.feeds import FeedLike
from gexlake.sample.text import record_timestamp

RECORDS_PER_WRITE = 256
GZIP_LEVEL = 1
ZSTD_LEVEL = 3
XZ_PRESET = 1


@dataclass(frozen=True, slots=True)
class Form:
    """How records are laid out in a file; with `one_per_file` each record has a file of its own."""

    suffix: str
    opening: bytes = b""
    separator: bytes = b""
    closing: bytes = b""
    enveloped: bool = False
    one_per_file: bool = False


FORMS = {
    "array": Form(".json", b"[", b",", b"]"),
    "jsonl": Form(".jsonl", b"", b"\n", b"\n"),
    "objects": Form(".json", one_per_file=True),
    "snapshots": Form(".json", b'{"snapshots":[', b",", b"]}"),
    "enveloped": Form(".jsonl", b"", b"\n", b"\n", enveloped=True),
}
"""Option value -> form. `array` is the vendor's; the others were written by bridges."""


class Compressor(Protocol):
    """A running compression, as all libraries shape theirs."""

    def compress(self, data: bytes, /) -> bytes:
        """The part of the output that is ready."""

    def flush(self) -> bytes:
        """The rest of the output."""


class NoCompressor:
    """Passes bytes through."""

    def compress(self, data: bytes, /) -> bytes:
        """The data as they are."""
        return data

    def flush(self) -> bytes:
        """Nothing is kept back."""
        return b""


def _gzip() -> Compressor:
    return zlib.compressobj(GZIP_LEVEL, wbits=31)  # its header holds no time and no name: reproducible


def _zstd() -> Compressor:
    from gexlake.zstd import ZstdCompressor

    return ZstdCompressor(level=ZSTD_LEVEL)


def _bzip2() -> Compressor:
    import bz2

    return bz2.BZ2Compressor()


def _xz() -> Compressor:
    import lzma

    return lzma.LZMACompressor(preset=XZ_PRESET)


COMPRESSIONS: dict[str, tuple[str, Callable[[], Compressor]]] = {
    "none": ("", NoCompressor),
    "gzip": (".gz", _gzip),
    "zstd": (".zst", _zstd),
    "bzip2": (".bz2", _bzip2),
    "xz": (".xz", _xz),
}
"""Option value -> what is added to the file name, and the compressor."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file: its records, and its bytes as they are on disk."""

    records: int
    size_bytes: int
    sha256: str


def form_chunks(records: Iterable[bytes], form: Form) -> Iterator[tuple[bytes, int]]:
    """The bytes of a file in chunks, each with the number of records it holds."""
    remaining = iter(records)
    lead = form.opening
    empty = True
    while some := list(islice(remaining, RECORDS_PER_WRITE)):
        yield lead + form.separator.join(some), len(some)
        lead, empty = form.separator, False
    yield (form.opening if empty else b"") + form.closing, 0


def form_bytes(records: Iterable[bytes], form: Form) -> bytes:
    """The whole file at once, for small ones."""
    return b"".join(chunk for chunk, _ in form_chunks(records, form))


def compressed(data: bytes, compression: str) -> bytes:
    """All data in one go; `compression` is a key of `COMPRESSIONS`."""
    compressor = COMPRESSIONS[compression][1]()
    return compressor.compress(data) + compressor.flush()


def envelope(record: bytes, feed: FeedLike) -> bytes:
    """The record inside the wrapper some bridges stored, received 0.25 s after its timestamp."""
    kind = f"{feed.package}_{feed.category}"
    endpoint = f"/{feed.ticker}/{feed.package}/{feed.category.removeprefix('gex_')}"
    received = datetime.fromtimestamp(record_timestamp(record), UTC).strftime("%Y-%m-%dT%H:%M:%S.250Z")
    head = f'{{"ticker":"{feed.ticker}","kind":"{kind}","endpoint":"{endpoint}","received_at":"{received}",'
    return head.encode() + b'"payload":' + record + b"}"


def write_file(path: Path, chunks: Iterable[tuple[bytes, int]], compression: str = "none") -> Written:
    """Write all chunks under a hidden temporary name, then rename. Raises FileExistsError if it is taken."""
    refuse_existing([path])
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    compressor = COMPRESSIONS[compression][1]()
    digest, records, size_bytes = hashlib.sha256(), 0, 0
    try:
        with temporary.open("xb") as file:
            for data, count in _with_flush(chunks, compressor):
                file.write(data)
                digest.update(data)
                records += count
                size_bytes += len(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Written(records, size_bytes, digest.hexdigest())


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise FileExistsError, naming the first path that is taken."""
    for path in paths:
        if path.exists():
            raise FileExistsError(f"{path} exists already; a sample never replaces a file, choose another folder")


def _with_flush(chunks: Iterable[tuple[bytes, int]], compressor: Compressor) -> Iterator[tuple[bytes, int]]:
    for data, count in chunks:
        yield compressor.compress(data), count
    yield compressor.flush(), 0

"""The seal of a Parquet file: a checksum over every byte of it, in its own footer.

    PAR1 · pages · indexes                          the body
    footer · length of the footer · PAR1            the end, which holds the seal

The seal is 64 hex digits under the key `gexlake_seal`: XXH3-128 of the body, then XXH3-128 of the end, in which those
last 32 digits count as zeros. So a footer can be trusted by itself, for the price of reading it, and the last 32 digits
stand for the whole file. A copy of the file under any name, in any place, can be checked without anything else.

Files of lakes from before there were seals have none; `gexlake_sealed` tells them from one whose seal was lost.
"""

from __future__ import annotations

import os
from pathlib import Path

import xxhash

SEAL_KEY = "gexlake_seal"
SEALED_KEY = "gexlake_sealed"
DIGITS = 32
BLANK = "0" * (2 * DIGITS)
MAGIC = b"PAR1"
PARQUET_SUFFIX = ".parquet"
TAIL = 8
"""Bytes behind the footer: its length and the magic."""
SEARCHED = 4096
"""At least so much of the end is searched for the seal, should the length of the footer be wrong."""
CHUNK_BYTES = 1 << 20

_BEFORE_DIGITS = SEAL_KEY.encode() + bytes([0x18, len(BLANK)])
"""The key, and how Thrift begins a text of this length behind it."""


class BrokenSealError(ValueError):
    """The bytes of a file are not those that were written."""


def blank_seal() -> dict[str, str]:
    """Entries of the footer of a file that `seal_file` is going to complete."""
    return {SEALED_KEY: "1", SEAL_KEY: BLANK}


def seal_file(path: Path) -> str:
    """Fill the seal in and sync the file to disk; the checksum of the file. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        end = _read_end(descriptor)
        start = os.fstat(descriptor).st_size - len(end)
        sealed = seal_end(_digest(descriptor, start), end)
        at = _place(end)
        os.pwrite(descriptor, sealed[at : at + len(BLANK)], start + at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sealed[at + DIGITS : at + len(BLANK)].decode()


def seal_end(body: str, end: bytes) -> bytes:
    """The end of a file with its seal filled in; `body` is the digest of the bytes before it."""
    at = _place(end)
    half = end[:at] + body.encode() + BLANK[DIGITS:].encode() + end[at + len(BLANK) :]
    return half[: at + DIGITS] + xxhash.xxh3_128_hexdigest(half).encode() + half[at + len(BLANK) :]


def read_seal(descriptor: int) -> str | None:
    """The checksum that a file says it has, where its footer is sound; None for a file without a seal.

    Raises `BrokenSealError` where the footer is not what was written.
    """
    seal, _ = _sound_end(descriptor)
    return seal[DIGITS:] if seal else None


def check_seal(descriptor: int) -> str | None:
    """The same for the whole file: every byte is looked at."""
    seal, length = _sound_end(descriptor)
    if seal is None:
        return None
    if _digest(descriptor, os.fstat(descriptor).st_size - length) != seal[:DIGITS]:
        raise BrokenSealError("its bytes are not those that were written")
    return seal[DIGITS:]


def checksum_of(path: Path) -> str:
    """The checksum of a file as it is said to be: its seal, or that of all its bytes where it has none.

    Raises `BrokenSealError`, `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_seal(descriptor) or _digest(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def content_checksum(path: Path) -> str:
    """The checksum of any file, as it is: its seal where it is sealed Parquet, else that of all its bytes.

    Raises `BrokenSealError` for sealed Parquet that is not as it was written, `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sealed = check_seal(descriptor) if path.suffix == PARQUET_SUFFIX else None
        return sealed or _digest(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def check_file(path: Path) -> str | None:
    """`check_seal` by path. Raises `BrokenSealError`, `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return check_seal(descriptor)
    finally:
        os.close(descriptor)


def is_sealed(path: Path) -> bool:
    """Whether a file has a seal; raises `BrokenSealError` where its footer is not what was written."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_seal(descriptor) is not None
    finally:
        os.close(descriptor)


def _sound_end(descriptor: int) -> tuple[str | None, int]:
    """The seal, and the length of the end that holds it."""
    end = _read_end(descriptor)
    at = _place(end)
    if at < 0:
        size = os.fstat(descriptor).st_size
        searched = min(size, max(len(end), SEARCHED))
        tail = os.pread(descriptor, searched, size - searched)
        if SEALED_KEY.encode() in tail or SEAL_KEY.encode() in tail:
            raise BrokenSealError("its seal is damaged")
        return None, len(end)
    body = end[at : at + DIGITS].decode("latin-1")
    if seal_end(body, end) != end:
        raise BrokenSealError("its footer is not what was written")
    return end[at : at + len(BLANK)].decode("latin-1"), len(end)


def _read_end(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, TAIL, max(0, size - TAIL))
    length = int.from_bytes(tail[:4], "little") + TAIL
    if tail[4:] != MAGIC or length + len(MAGIC) > size:
        raise BrokenSealError("it does not end as a Parquet file does")
    return os.pread(descriptor, length, size - length)


def _place(end: bytes) -> int:
    """Where the seal's digits are, -1 where there is none; texts of the footer stand behind all that a user gives."""
    at = end.rfind(_BEFORE_DIGITS)
    return at + len(_BEFORE_DIGITS) if at >= 0 else -1


def _digest(descriptor: int, count: int) -> str:
    """XXH3-128 of the first `count` bytes."""
    digest = xxhash.xxh3_128()
    buffer = memoryview(bytearray(min(CHUNK_BYTES, max(count, 1))))
    done = 0
    while done < count:
        got = os.preadv(descriptor, [buffer[: min(len(buffer), count - done)]], done)
        if not got:
            raise BrokenSealError("it ends too early")
        digest.update(buffer[:got])
        done += got
    return digest.hexdigest()

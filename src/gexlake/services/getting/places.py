"""Where files go below the directory: as in the vendor's own report of a day, under the vendor's names.

    NQ_NDX/classic/gex_zero/2025-11-14_NQ_NDX_classic_gex_zero.json.gz
    NQ_NDX/eod_report_NQ_NDX_2025-11-14.zip
    .gexlake-get.jsonl                                                   the manifest, hidden from scans

What is under way has `.part` at its end and is locked (flock(2)) by who writes it; the system lets go of it for a
process that dies. The rename to the full name is the one moment at which a file is there.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

from gexlake.db.layout import sync_directory
from gexlake.errors import StorageError
from gexlake.models.feed import SessionKey
from gexlake.packing import Compression
from gexlake.vendor.body import SUFFIXES
from gexlake.vendor.names import history_name, report_name
from gexlake.vendor.trouble import TroubleError

MANIFEST_NAME = ".gexlake-get.jsonl"
PART_SUFFIX = ".part"
POLL_SECONDS = 0.05
IDLE_SECONDS = 900.0
"""A process that holds a part, and lets it lie for so long, hangs: no wait for the vendor is as long as that."""


def session_path(directory: Path, session: SessionKey, compression: Compression) -> Path:
    """Where a body of a session lies, by how it is packed."""
    return _stem(directory, session, SUFFIXES[compression])


def session_paths(directory: Path, session: SessionKey) -> list[Path]:
    """Wherever it can lie."""
    return [_stem(directory, session, suffix) for suffix in SUFFIXES.values()]


def part_path(directory: Path, session: SessionKey) -> Path:
    """Where it lies until it is whole."""
    return _stem(directory, session, PART_SUFFIX)


def eod_path(directory: Path, ticker: str, day: date) -> Path:
    """Where the report of a day lies."""
    return directory / ticker / report_name(ticker, day)


def eod_part_path(directory: Path, ticker: str) -> Path:
    """Where it lies until it is whole: of which day it is, the answer says."""
    return directory / ticker / f"eod_report_{ticker}{PART_SUFFIX}"


def _stem(directory: Path, session: SessionKey, suffix: str) -> Path:
    name = history_name(session).removesuffix(SUFFIXES[Compression.GZIP])
    return directory.joinpath(*session.feed, f"{name}{suffix}")


@asynccontextmanager
async def held_part(
    path: Path, is_done: Callable[[], bool], *, idle_seconds: float = IDLE_SECONDS
) -> AsyncIterator[int | None]:
    """A descriptor of a file under way, which nobody else writes within the block; None where `is_done` by then.

    Waits for as long as another process writes it. A file that is empty at the end is taken away. Raises
    `StorageError` where it cannot be made, `TroubleError` where the other has not written for `idle_seconds`.
    """
    descriptor, size_bytes, since = _try_to_hold(path), -1, time.monotonic()
    while descriptor is None:
        if (found := _size(path)) != size_bytes:
            size_bytes, since = found, time.monotonic()
        elif time.monotonic() - since >= idle_seconds:
            raise TroubleError(f"Another process holds {path} and does not go on with it.")
        await asyncio.sleep(POLL_SECONDS)
        descriptor = _try_to_hold(path)
    try:
        if is_done():
            path.unlink(missing_ok=True)
            yield None
            return
        try:
            yield descriptor
        finally:
            if not os.fstat(descriptor).st_size and _is_at(path, descriptor):
                with suppress(OSError):
                    path.unlink()
    finally:
        os.close(descriptor)


def _try_to_hold(path: Path) -> int | None:
    """The locked file, None where another has it, or has just renamed or removed it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise storage_error(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, descriptor):
            return descriptor
    except BlockingIOError:
        pass
    except OSError as error:
        os.close(descriptor)
        raise storage_error(path, error) from error
    os.close(descriptor)
    return None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def place_part(part: Path, target: Path) -> None:
    """Give a whole body, which is durable by now, its name. Raises `StorageError`."""
    try:
        part.replace(target)
        sync_directory(target.parent)
    except OSError as error:
        raise storage_error(target, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """A failed write into the directory."""
    return StorageError(
        f"{path} cannot be written: {error.strerror}.",
        hint="Free some space or mend the permissions, and run the same command again: it goes on from there.",
    )

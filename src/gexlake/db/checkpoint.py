"""Checkpoints of the database that a crash cannot tear.

DuckDB writes data into blocks that nothing refers to, and its catalog partly over blocks that the last checkpoint still
needs: 256 KiB that a kill, a power cut or a full disk can leave half written. The database is then refused as corrupt,
though its log has everything. So DuckDB makes no checkpoint by itself here. Before one is made, what it may write over
is kept beside the database, the before-image; whoever opens the database next puts that back, unless the checkpoint
was completed.

The format of a database file: three headers of 4096 bytes, of which the second and third take turns, the newer of them
being the database; then blocks of `PRAGMA database_size`. Writing one of these two headers completes a checkpoint.
Source: https://duckdb.org/docs/stable/internals/storage
"""

from __future__ import annotations

import errno
import json
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from gexlake.db.layout import LakeLayout, sync_directory, sync_file

if TYPE_CHECKING:
    import duckdb

HEADER_BYTES = 4096
HEADERS = slice(HEADER_BYTES, 3 * HEADER_BYTES)
"""The two that take turns."""
LOG_BYTES = 16 << 20
"""A log that is longer is taken into the database: DuckDB reads all of it when it opens the database."""
_LENGTH = struct.Struct("<Q")

_under_way: set[Path] = set()
"""Databases of which this process makes a checkpoint at this moment."""


def checkpoint(connection: duckdb.DuckDBPyConnection, layout: LakeLayout, *, log_bytes: int = 0) -> None:
    """Take the log into the database where it is longer than so many bytes. A database that is in use is left as it is.

    Raises what DuckDB raises, and `OSError` where the disk refuses; the database is sound nevertheless.
    """
    import duckdb

    try:
        if layout.log.stat().st_size <= log_bytes:
            return
    except FileNotFoundError:
        return
    path = layout.database.absolute()
    _under_way.add(path)
    try:
        _write_image(connection, layout)
        with suppress(duckdb.TransactionException):  # others are at it: the log stays, and nothing was written
            connection.execute("CHECKPOINT")
        layout.before_image.unlink(missing_ok=True)
    finally:
        _under_way.discard(path)


def needs_undoing(layout: LakeLayout) -> bool:
    """Whether a checkpoint was begun by a process that is no more, or is being made by another."""
    return layout.before_image.exists() and layout.database.absolute() not in _under_way


def undo_checkpoint(layout: LakeLayout, descriptor: int) -> None:
    """Put back what a checkpoint that was not completed has written over.

    `descriptor` is of the database, which nobody may have open. Raises `OSError` where the disk refuses.
    """
    image = _read_image(layout)
    if image is not None:
        headers, blocks = image
        if os.pread(descriptor, len(headers), HEADERS.start) == headers:
            for offset, block in blocks:
                _write_all(descriptor, block, offset)
            os.fsync(descriptor)
    layout.before_image.unlink(missing_ok=True)  # were it to come back, it would be of no harm


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, memoryview(data)[done:], offset + done)


# ---- the before-image ----------------------------------------------------------------------------------------------


def _write_image(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    """Keep the headers and the blocks of the catalog: it has its name once it is whole and on the disk."""
    size = connection.execute("SELECT block_size FROM pragma_database_size()").fetchone()
    blocks = connection.execute("SELECT block_id FROM pragma_metadata_info()").fetchall()
    assert size is not None
    offsets = sorted({HEADERS.stop + int(size[0]) * int(number) for (number,) in blocks})
    descriptor = _own_descriptor(layout)
    headers = os.pread(descriptor, HEADERS.stop - HEADERS.start, HEADERS.start)
    parts = [(offset, os.pread(descriptor, int(size[0]), offset)) for offset in offsets]
    content = b"".join((headers, *(block for _, block in parts)))
    head = {
        "headers": len(headers),
        "blocks": [(offset, len(block)) for offset, block in parts],
        "xxh3_128": xxhash.xxh3_128_hexdigest(content),
    }
    text = json.dumps(head).encode()
    new = layout.staging / f"{layout.before_image.name}-{os.getpid()}"
    try:
        new.write_bytes(b"%b%b%b" % (_LENGTH.pack(len(text)), text, content))
        sync_file(new)
        new.replace(layout.before_image)
    finally:
        new.unlink(missing_ok=True)
    sync_directory(layout.root)


def _own_descriptor(layout: LakeLayout) -> int:
    """The one by which DuckDB has the database open in this process.

    To open the file once more would do harm: when that is closed, the system drops the lock that DuckDB has on it.
    """
    wanted = layout.database.stat()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            status = entry.stat()
            if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
                return int(entry.name)
    raise FileNotFoundError(errno.ENOENT, "it is not open in this process", str(layout.database))


def _read_image(layout: LakeLayout) -> tuple[bytes, list[tuple[int, bytes]]] | None:
    """The headers, and the blocks by their places; None for one that is not whole: nothing was written over then."""
    try:
        data = layout.before_image.read_bytes()
        (length,) = _LENGTH.unpack_from(data)
        head: dict[str, Any] = json.loads(data[_LENGTH.size : _LENGTH.size + length])
        content = data[_LENGTH.size + length :]
        if xxhash.xxh3_128_hexdigest(content) != head["xxh3_128"]:
            return None
        place, blocks = head["headers"], []
        for offset, size in head["blocks"]:
            blocks.append((offset, content[place : place + size]))
            place += size
    except (FileNotFoundError, struct.error, ValueError, KeyError, TypeError):
        return None
    return content[: head["headers"]], blocks

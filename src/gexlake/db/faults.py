"""What DuckDB and the system say is wrong, in our words."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gexlake.db.layout import LakeLayout
from gexlake.errors import GexlakeError, LakeError, LakeLockedError, LakeVersionError, StorageError

LOCK_WAIT_SECONDS = 10.0
"""Other imports hold the database for tens of milliseconds at a time; what holds it longer is something else."""
POLL_SECONDS = 0.02
FULL_HINT = "Free some space or mend the permissions and run the same command again: what is committed stays."
NOT_WRITABLE_HINT = (
    "This has to write into the lake: mend the permissions, or be a user who may write there, and run the same command "
    "again; what is committed stays. Of a lake that can only be read, `gexlake status`, `query` and `verify` answer."
)

NOT_WRITABLE = re.compile(r"Permission denied|Read-only file system|Operation not permitted")
_DAMAGED = re.compile(r"not a valid DuckDB database|Corrupt database|Could not read enough bytes|Serialization Error")
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


@contextmanager
def translated_faults(layout: LakeLayout) -> Iterator[None]:
    """Turn DuckDB's and the system's faults into ours, at this one point."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise translated(layout, error) from error
    except OSError as error:
        raise storage_error(layout, error) from error
    except RuntimeError as error:
        if "interrupted" in str(error):  # what DuckDB makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise


def storage_error(layout: LakeLayout, error: OSError) -> StorageError:
    """A failed write into the lake."""
    where = error.filename or layout.root
    hint = NOT_WRITABLE_HINT if is_not_writable(error) else FULL_HINT
    return StorageError(f"{where}: {error.strerror or error}.", hint=hint)


def is_not_writable(error: OSError) -> bool:
    """Whether a write failed because it is not allowed, and not for want of space or by a fault of the disk."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def locked_error(layout: LakeLayout, pid: int | None, program: str = "") -> LakeLockedError:
    """Another process holds the database; `program` is its name where its command line cannot be read."""
    who = f"process {pid} ({_command_of(pid) or program or 'unknown'})" if pid else "another process"
    is_stopped = pid is not None and is_stopped_process(pid)
    do = f"Let it go on with `kill -CONT {pid}`, or end it," if is_stopped else "Close it there"
    return LakeLockedError(
        f"The lake's database {layout.database} is held by {who}{', which is stopped' if is_stopped else ''}.",
        hint=f"{do} and run the same command again; what an import has staged is kept and committed then.",
    )


def translated(layout: LakeLayout, error: Exception) -> GexlakeError:
    """A fault of DuckDB on the lake's database."""
    text = str(error).splitlines()[0]
    holder = _HOLDER.search(text)
    if "Could not set lock" in text:
        return locked_error(layout, int(holder["pid"]) if holder else None, holder["program"] if holder else "")
    if "Unique file handle conflict" in text:
        return LakeLockedError(
            f"The lake's database {layout.database} is open in this process, by a connection of its own.",
            hint="Close that, and do the same again.",
        )
    if _DAMAGED.search(text):
        return LakeError(
            f"{layout.database} is damaged or not a DuckDB database: {text}.",
            hint="Run `gexlake rebuild`: the Parquet files hold everything.",
        )
    if re.search(r"newer version|storage version|version number", text):
        return LakeVersionError(
            f"{layout.database} was written by a newer DuckDB.", hint="Upgrade gexlake, and with it DuckDB."
        )
    if re.search(r"No space|space left|disk|Could not write|Cannot open file|Permission|File too large|fsync", text):
        hint = NOT_WRITABLE_HINT if NOT_WRITABLE.search(text) else FULL_HINT
        return StorageError(f"The database {layout.database} cannot be written: {text}", hint=hint)
    return LakeError(f"DuckDB failed on {layout.database}: {text}", hint="Run `gexlake verify`.")


def is_stopped_process(pid: int) -> bool:
    """Whether a process was stopped, by Ctrl-Z or SIGSTOP, and so goes on with nothing until SIGCONT."""
    try:
        status = Path("/proc", str(pid), "stat").read_text(errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] in {"T", "t"}


def _command_of(pid: int) -> str:
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return " ".join(words).strip()[:120]

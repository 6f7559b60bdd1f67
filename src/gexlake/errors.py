"""Every fault gexlake raises, under one root.

Findings (a damaged record, a file of another type) are data in a report; only what stops the work is an exception:

    GexlakeError
    ├── UsageError               the call or option cannot be carried out as given        exit 2
    ├── SourceError              a source path cannot be read
    ├── LakeError                the lake directory or its files are unusable
    │   ├── DamagedSessionError  a published file is not as it was written
    │   ├── LakeVersionError     written by a newer gexlake
    │   └── LakeLockedError      another process holds the database      worth trying again
    ├── StorageError             no space, no permission or an I/O error while writing    worth trying again
    ├── StoreError               an object store does not answer, or not as it should     worth trying again
    ├── QueryError               the SQL statement is not valid or not allowed
    ├── NoSnapshotError          no snapshot is near enough to the instant asked for
    ├── VendorError              the vendor does not take the key or the request
    ├── CatalogError             a catalog of open tables does not do what is asked       worth trying again
    └── WorkerError              a worker process ended without a result                  worth trying again
"""

from __future__ import annotations


class GexlakeError(Exception):
    """Root of all gexlake faults: `message` says what happened and where, `hint` what to do next."""

    exit_status = 1
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only fields do not survive default pickling, and workers raise these across processes.
        return (_restore, (type(self), self.message, self.hint))


def _restore(kind: type[GexlakeError], message: str, hint: str) -> GexlakeError:
    return kind(message, hint=hint)


class UsageError(GexlakeError):
    """The call or an option cannot be carried out as given."""

    exit_status = 2


class SourceError(GexlakeError):
    """A source path does not exist or cannot be read."""


class LakeError(GexlakeError):
    """The lake directory or one of its files is unusable."""


class DamagedSessionError(LakeError):
    """A published file of a session is not as it was written, so nothing is answered from it."""


class LakeVersionError(LakeError):
    """The lake was written by a newer gexlake than this one."""


class LakeLockedError(LakeError):
    """Another process holds the lake's database."""

    retryable = True


class StorageError(GexlakeError):
    """Writing failed: no space, no permission or an I/O error."""

    retryable = True


class StoreError(GexlakeError):
    """An object store does not answer, or not as it should."""

    retryable = True


class QueryError(GexlakeError):
    """The SQL statement is not valid, not allowed, or ran into a bound."""


class NoSnapshotError(GexlakeError):
    """No snapshot is near enough to the instant that was asked for."""


class VendorError(GexlakeError):
    """The vendor does not take the key, or the request as it is made."""


class WorkerError(GexlakeError):
    """A worker process ended without a result."""

    retryable = True


class CatalogError(GexlakeError):
    """The catalog of open tables does not do what is asked of it, or a table in it is not ours to write."""

    retryable = True


def fault_document(error: GexlakeError) -> dict[str, str]:
    """What a caller needs to raise the same fault."""
    return {"fault": type(error).__name__, "message": error.message, "hint": error.hint}

"""Open one file, read its start, and say what it is."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from gexlake.models.source import RefusedFile, SourceFile
from gexlake.scanner.classify import classify
from gexlake.scanner.heads import read_head
from gexlake.scanner.names import parse_path
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.walk import SPECIAL_FILE, FileId, FoundFile, unreadable

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put there since the folder was listed must not hold us up
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class Examined(NamedTuple):
    """What a file is, and its identity whatever path led to it (None if it could not be opened)."""

    file: SourceFile | RefusedFile
    file_id: FileId | None


def examine(found: FoundFile) -> Examined:
    """Say what a file is. It is opened once, for reading; whatever is wrong with it becomes a refusal."""
    path = found.path
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        return Examined(_refused(found, 0, unreadable(error)), None)
    size_bytes = 0
    file_id = None
    try:
        status = os.fstat(descriptor)
        size_bytes, file_id = status.st_size, (status.st_dev, status.st_ino)
        head = read_head(descriptor, size_bytes) if stat.S_ISREG(status.st_mode) else SPECIAL_FILE
    except OSError as error:
        head = unreadable(error)
    finally:
        os.close(descriptor)
    result = head if isinstance(head, Refusal) else classify(parse_path(found.folders, path.name), head)
    if isinstance(result, Refusal):
        return Examined(_refused(found, size_bytes, result), file_id)
    source = SourceFile(
        path,
        result.record_type,
        result.session,
        size_bytes,
        result.compression,
        result.form,
        claims_date=result.claims_date,
    )
    return Examined(source, file_id)


def _refused(found: FoundFile, size_bytes: int, refusal: Refusal) -> RefusedFile:
    return RefusedFile(found.path, size_bytes, refusal.code, refusal.reason)

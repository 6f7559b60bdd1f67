"""Open one file, read its start, and say what it is; an archive, what each file in it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from gexlake.models.source import Identity, RefusedFile, SourceFile, file_identity
from gexlake.scanner.classify import classify, source_of
from gexlake.scanner.heads import Head, read_head
from gexlake.scanner.members import iter_members
from gexlake.scanner.names import parse_path
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.walk import SPECIAL_FILE, FoundFile, unreadable

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put there since the folder was listed must not hold us up
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class Examined(NamedTuple):
    """What a file is, and its identity whatever path led to it (None if it could not be opened)."""

    file: SourceFile | RefusedFile | None
    """None for a file in an archive that is passed over, as a hidden one is in a folder."""
    identity: Identity | None


def examine(found: FoundFile) -> Iterator[Examined]:
    """Say what a file is. It is opened once, for reading; whatever is wrong with it becomes a refusal."""
    path = found.path
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except OSError as error:
        yield Examined(_refused(found, 0, unreadable(error)), None)
        return
    size_bytes = 0
    identity = None
    head: Head | Refusal
    try:
        status = os.fstat(descriptor)
        size_bytes, identity = status.st_size, file_identity(found.real, status)
        is_regular = stat.S_ISREG(status.st_mode)
        head = read_head(partial(os.read, descriptor), size_bytes) if is_regular else SPECIAL_FILE
    except OSError as error:
        head = unreadable(error)
    finally:
        os.close(descriptor)
    if isinstance(head, Head) and head.is_archive:
        for member in iter_members(found, size_bytes):
            name = member.member if member else None
            yield Examined(member, (*identity, name) if identity and name else identity)
        return
    result = head if isinstance(head, Refusal) else classify(parse_path(found.folders, path.name), head)
    if isinstance(result, Refusal):
        yield Examined(_refused(found, size_bytes, result), identity)
        return
    yield Examined(source_of(path, size_bytes, result), identity)


def _refused(found: FoundFile, size_bytes: int, refusal: Refusal) -> RefusedFile:
    return RefusedFile(found.path, size_bytes, refusal.code, refusal.reason)

"""Published files are looked at before an answer rests on them: every byte, once in a process for each file.

`check_published` is the door: frames, exports, rendering, staging and SQL call it with the files that they are about to
read. What it finds is left as a mark in `cache/damaged`, which status and readiness read; a mark counts for as long as
the file is the one that was found.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout, partition_values, session_folder
from gexlake.db.parquet import UNKNOWN_VERSION, published_session, read_footer
from gexlake.errors import DamagedSessionError, LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, check_file, check_seal
from gexlake.models.feed import Feed, SessionKey

MARKS = "cache/damaged"
REPAIR = "Run `gexlake verify --repair`: it makes the session anew from its sources where those are still there."

FileKey = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of change of content and of inode."""

_sound: dict[Path, FileKey] = {}
"""Files that this process has looked at, by absolute path."""


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A published file whose bytes are not those that were written."""

    session: str
    path: str
    problem: str
    size: int
    mtime_ns: int


def check_published(files: Iterable[Path]) -> None:
    """Raise `DamagedSessionError` where a published file is not as it was written, or is not there.

    Each is read from end to end once in a process, and again when it has changed. A file of a lake from before there
    were seals is held to the checksum of its session's content instead. Safe in threads.
    """
    for file in files:
        path = file.absolute()
        try:
            key = file_key(path.stat())
            if _sound.get(path) == key:
                continue
            _check(path)
        except (BrokenSealError, OSError) as error:
            raise damaged_file(path, str(error)) from error
        _sound[path] = key
        _unmark(path)


def sound_footer(file: Path) -> dict[str, Any]:
    """The document in the footer of a published file that was looked at. Raises `DamagedSessionError`."""
    check_published([file])
    return read_footer(file)


def check_opened(path: Path, descriptor: int) -> None:
    """The same for a published file that is open already, so that what is read is what was looked at."""
    absolute = path.absolute()
    key = file_key(os.fstat(descriptor))
    if _sound.get(absolute) == key:
        return
    try:
        if check_seal(descriptor) is None:
            _check_content(absolute)
    except (BrokenSealError, OSError) as error:
        raise damaged_file(absolute, str(error)) from error
    _sound[absolute] = key
    _unmark(absolute)


def find_damaged(layout: LakeLayout) -> list[DamagedFile]:
    """The files that processes have found damaged and that are still as they were."""
    found = []
    for mark in sorted((layout.root / MARKS).glob("*.json")):
        try:
            damaged = DamagedFile(**json.loads(mark.read_text()))
        except (OSError, ValueError, TypeError):
            continue
        path = layout.root / damaged.path
        size, mtime_ns = _facts(path)
        if (size, mtime_ns) == (damaged.size, damaged.mtime_ns) and not _was_replaced(layout, path):
            found.append(damaged)
        else:
            with suppress(OSError):
                mark.unlink()
    return sorted(found, key=lambda one: (one.session, one.path))


def _was_replaced(layout: LakeLayout, path: Path) -> bool:
    """Whether a file is of a version that is not live any more, as far as what globs find tells it."""
    record_type, files = session_files(path)
    published = published_session(layout, record_type, session_of(path))
    return published is not None and published.version != UNKNOWN_VERSION and published.files != files


def damaged_session(layout: LakeLayout, pinned: str, problem: str) -> DamagedSessionError:
    """What to say of a file of which a reader elsewhere, by a path of its own, has found that it is damaged."""
    name, session = Path(pinned).name, session_of(Path(pinned))
    for record_type, importer in IMPORTERS.items():
        for dataset in importer.datasets:
            path = layout.versions.joinpath(record_type, dataset.name, session_folder(session), name)
            try:
                if path.exists():
                    check_published([path])  # which leaves word of it
            except DamagedSessionError as error:
                return error
    return DamagedSessionError(f"The session {session} is damaged: {problem}.", hint=REPAIR)


def session_of(path: Path) -> SessionKey:
    """The session of a published file, from its path. Raises `ValueError` for a path that is none."""
    names = partition_values(path.parent.parts[-4:])
    return SessionKey(Feed(*names[:3]), date.fromisoformat(names[3]))


def session_files(path: Path) -> tuple[str, dict[str, Path]]:
    """Record type of a published file, and all files of its version by data set name."""
    top, (dataset, *place) = path.parents[5], path.relative_to(path.parents[5]).parts
    ending = path.name.removeprefix(dataset)
    names = [one.name for one in IMPORTERS[top.name].datasets]
    return top.name, {name: top.joinpath(name, *place[:-1], f"{name}{ending}") for name in names}


def root_of(path: Path) -> Path:
    """The lake of a published file, be it by the name of its version or by that for globs."""
    return path.parents[6 if path.stem == path.parents[4].name else 7]


def file_key(status: os.stat_result) -> FileKey:
    """What changes whenever a file does."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


# ---- looking ---------------------------------------------------------------------------------------------------------


def _check(path: Path) -> None:
    if check_file(path) is None:
        _check_content(path)
        return
    footer = read_footer(path)
    session = session_of(path)
    if footer["session"] != [*session.feed, session.session_date.isoformat()]:
        raise BrokenSealError(f"it is a file of another session: {'/'.join(footer['session'])}")


def _check_content(path: Path) -> None:
    """A file without a seal, as older lakes have them: decode its session, and hold that to the footer."""
    record_type, files = session_files(path)
    for problem in content_problems(record_type, files):
        raise BrokenSealError(problem)


def content_problems(record_type: str, files: dict[str, Path]) -> Iterator[str]:
    """What is wrong with a session's files by what they hold; nothing of a library's comes out of it."""
    from polars.exceptions import PanicException

    try:
        footers = {name: read_footer(file) for name, file in files.items()}
        versions = {footer["version"] for footer in footers.values()}
        if len(versions) != 1:
            yield "its files are of different versions"
            return
        problems = IMPORTERS[record_type].check_files(files, footers["snapshots"])
        yield from (words for _, words in problems)
    except LakeError as error:
        yield error.message
    except (PanicException, Exception) as error:  # whatever a reader of Parquet makes of bytes that mean nothing
        yield f"it cannot be read: {str(error).partition(chr(10))[0][:200]}"


# ---- what was found --------------------------------------------------------------------------------------------------


def damaged_file(path: Path, problem: str) -> DamagedSessionError:
    """What to say of a published file that has turned out to be damaged; leaves word of it."""
    path = path.absolute()
    _sound.pop(path, None)
    session = str(session_of(path))
    _mark(path, session, problem)
    return DamagedSessionError(f"The session {session} is damaged: {path.name}: {problem}.", hint=REPAIR)


def _mark(path: Path, session: str, problem: str) -> None:
    """Leave word of a damaged file; a lake that may not be written is answered all the same."""
    root = root_of(path)
    if not root.is_dir():  # an unmounted disk is no damage, and no lake may come to be in its place
        return
    size, mtime_ns = _facts(path)
    document = asdict(DamagedFile(session, str(path.relative_to(root)), problem, size, mtime_ns))
    mark = _mark_of(path)
    temporary = mark.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(document))
        temporary.replace(mark)


def _unmark(path: Path) -> None:
    with suppress(OSError):
        _mark_of(path).unlink(missing_ok=True)


def _mark_of(path: Path) -> Path:
    root = root_of(path)
    name = hashlib.blake2b(str(path.relative_to(root)).encode(), digest_size=12).hexdigest()
    return root / MARKS / f"{name}.json"


def _facts(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns

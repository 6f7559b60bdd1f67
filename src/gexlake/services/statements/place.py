"""The private directory of one asker: all that its workers see of the machine.

    files/<view>/ticker=…/…/*.parquet    links to the files of versions: what `gc` removes meanwhile stays here
    tables/<state>/<table>.parquet       small tables, exported by the owner of the database
    spill/<number>/                      where one worker may write

It lies in the lake's cache, because links do not reach across file systems, and is locked for as long as its owner
lives: whoever makes one removes those that were left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gexlake.db.layout import LakeLayout, try_lock
from gexlake.services.statements.names import FILES, SPILL, TABLES

LOCK_NAME = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one statement may take; None is no limit of ours.

    `more_bytes` is memory beyond that of a worker at rest, all of it; `memory` what DuckDB plans with, as it writes it.
    """

    rows: int | None = None
    bytes: int | None = None
    memory: str | None = None
    more_bytes: int | None = None
    spill_bytes: int | None = None
    threads: int | None = None
    readable: Sequence[str] = ()
    """Directories beyond the private place, where links cannot be made in it."""
    hide: bool = True
    landlock: bool = True
    """False only where a test stands in for a kernel without it."""


@contextmanager
def private_place(layout: LakeLayout) -> Iterator[Path]:
    """A directory for one asker, removed at the end; in the system's temporary one where the lake cannot be written."""
    place, lock = _make(layout)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _make(layout: LakeLayout) -> tuple[Path, int]:
    try:
        return _make_in(layout.statements)
    except OSError:  # of another user, on a medium that is read-only, or full
        return _make_in(Path(tempfile.gettempdir(), f"gexlake-{os.getuid()}"))


def _make_in(parent: Path) -> tuple[Path, int]:
    parent.mkdir(parents=True, exist_ok=True)
    everyone = os.open(parent / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(everyone, fcntl.LOCK_EX)  # nobody takes one that is not locked yet for one that was left
        _sweep(parent)
        place = parent / uuid.uuid4().hex
        place.mkdir(mode=0o700)
        lock = os.open(place / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in (FILES, TABLES, SPILL):
            (place / name).mkdir()
        _share_with_owner(parent, place)
    finally:
        os.close(everyone)
    return place, lock


def _share_with_owner(parent: Path, place: Path) -> None:
    """Root asks beside a service of another user, which has to write here."""
    if os.geteuid() == 0:
        owner = parent.parent.parent.stat() if parent.parent.name == "cache" else parent.stat()
        for path in (parent.parent, parent, parent / LOCK_NAME, place, *place.iterdir()):
            with suppress(OSError):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sweep(parent: Path) -> None:
    """Remove what processes left that were killed: nobody holds its lock."""
    for path in parent.iterdir():
        if not path.is_dir():
            continue
        try:
            lock = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            shutil.rmtree(path, ignore_errors=True)
            continue
        except OSError:
            continue
        try:
            if try_lock(lock):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def confined_to(place: Path, layout: LakeLayout, limits: Limits) -> Limits:
    """The limits of a worker in this place.

    Where the file system has no links for us, those in the place lead by name to the published files: the worker has
    to see these too, where they are.
    """
    files = layout.versions.rglob("*.parquet")
    published = next(files, place / LOCK_NAME)
    probe = place / uuid.uuid4().hex
    try:
        os.link(published, probe)
        probe.unlink()
    except OSError:
        versions = layout.versions.resolve()
        return replace(limits, readable=(str(versions),) if versions.is_dir() else (), hide=False)
    return limits

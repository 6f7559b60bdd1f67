"""What a kill at each point of an import would leave on the disk, kept from a single run: each different state once.

A process that dies by SIGKILL loses its memory and its locks, and nothing that it has told the system to write. So a
copy of the lake, taken while the process stands at a point, is what its death there would leave. Reading the database
lets go of the lock that the process holds on it, which is why nothing else may use the lake meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import xxhash

Item = TypeVar("Item")
Files = dict[str, bytes | None]
"""Path below the lake -> content; None is a directory."""


class Copies:
    """Takes copies of a lake into folders named after the point; what was seen at an earlier point is not kept."""

    def __init__(self, lake: Path, target: Path) -> None:
        self._lake = lake
        self._target = target
        self._seen: set[bytes] = set()
        self._busy = False

    def take(self, point: int) -> None:
        """Copy the lake as it is at the point, unless it is as it was at another."""
        if self._busy:  # the audit hook sees what is opened here
            return
        self._busy = True
        try:
            files = self._read()
            digest = digest_of(files)
            if digest not in self._seen:
                self._seen.add(digest)
                lay_out(files, self._target / str(point))
        finally:
            self._busy = False

    def _read(self) -> Files:
        files: Files = {}
        for folder, folders, names in os.walk(self._lake):
            place = Path(folder)
            for name in folders:
                files[str((place / name).relative_to(self._lake))] = None
            for name in names:
                files[str((place / name).relative_to(self._lake))] = (place / name).read_bytes()
        return files


def digest_of(files: Files, *more: str) -> bytes:
    """What is the same for the same files, and the same words beside them."""
    facts = [(name, content and xxhash.xxh3_128_digest(content)) for name, content in sorted(files.items())]
    return xxhash.xxh3_128_digest(repr((facts, more)).encode())


def lay_out(files: Files, target: Path) -> None:
    """Make them: a folder comes before what is in it."""
    target.mkdir(parents=True)
    for name, content in files.items():
        if content is None:
            (target / name).mkdir()
        else:
            (target / name).write_bytes(content)


def states(target: Path, *, beside: str = "") -> list[tuple[int, Path]]:
    """The points whose states were kept, in their order, and where; see `apart`. What is in the folder `beside` may
    differ."""
    return apart(sorted((int(path.name), path) for path in target.iterdir()), lambda state: _files_of(state[1], beside))


def apart(items: Sequence[Item], files_of: Callable[[Item], object]) -> list[Item]:
    """Of states in a row with the same files the last: folders that are empty come one by one, and are much alike."""
    files = [files_of(item) for item in items]
    return [item for item, own, next_ in zip(items, files, [*files[1:], None], strict=True) if own != next_]


def _files_of(folder: Path, beside: str) -> dict[Path, bytes]:
    """Path and hash of each that is not in the folder `beside`."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: xxhash.xxh3_128_digest(path.read_bytes()) for name, path in files.items() if name.parts[0] != beside}

"""Find the files below the given paths: in a stable order, each folder once, and nothing opened.

Symbolic links are followed last, so that what is reached both directly and by a link shows under its own path. A folder
is entered once, by device and inode, which ends every loop of links too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gexlake.errors import SourceError
from gexlake.models.source import SYNTHETIC_NOTE, RefusedFile
from gexlake.scanner.refusals import Refusal

UNFINISHED_SUFFIXES = (".part", ".tmp", ".partial", ".crdownload")
"""What programs append to the name of a download that is not complete."""

FileId = tuple[int, int]
"""Device and inode: what a file or folder is, whatever path led to it."""


class FoundFile(NamedTuple):
    """A regular file, or a link to one; `folders` are those of its absolute path, outermost first."""

    path: Path
    folders: tuple[str, ...]


class _Place(NamedTuple):
    """A path as it is shown, and the parts of its absolute path."""

    path: Path
    parts: tuple[str, ...]

    def below(self, name: str) -> _Place:
        return _Place(self.path / name, (*self.parts, name))


class Walk:
    """One pass over the sources. `ignored` and `refused` are complete once `iter_files` has ended.

    Raises SourceError if a source does not exist or is an excluded folder.
    """

    def __init__(
        self, sources: Iterable[Path], *, exclude: Iterable[Path] = (), within: Iterable[Path] | None = None
    ) -> None:
        self.ignored = 0
        """Hidden files and folders, unfinished downloads, and notes that call a folder synthetic."""
        self.refused: list[RefusedFile] = []
        self._excluded = {found for path in exclude if (found := _file_id(path))}
        self._within = None if within is None else [path.resolve() for path in within]
        self._entered: set[FileId] = set()
        self._links: list[_Place] = []
        self._sources = [(self._checked(path), path) for path in dict.fromkeys(sources)]

    def iter_files(self) -> Iterator[FoundFile]:
        """All files to look at, those reached through links last."""
        for status, path in self._sources:
            yield from self._iter_place(_Place(path, _absolute_parts(path)), status)
        while self._links:
            links, self._links = self._links, []
            for link in links:
                try:
                    status = link.path.stat()
                except OSError as error:
                    self._refuse(link.path, unreadable(error))
                else:
                    if self._may_follow(link.path):
                        yield from self._iter_place(link, status)
                    else:
                        self._refuse(link.path, OUTSIDE)

    def _may_follow(self, link: Path) -> bool:
        if self._within is None:
            return True
        target = link.resolve()
        return any(target.is_relative_to(root) for root in self._within)

    def _checked(self, source: Path) -> os.stat_result:
        try:
            status = source.stat()
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            why = "does not exist" if missing else f"cannot be read: {getattr(error, 'strerror', error)}"
            hint = "Name a file or folder that holds GEX history."
            raise SourceError(f"The source {str(source)!r} {why}.", hint=hint) from error
        if (status.st_dev, status.st_ino) in self._excluded:
            raise SourceError(
                f"The source {str(source)!r} is the lake itself or another folder that is left out.",
                hint="Name the folder that holds the history, outside or below it.",
            )
        return status

    def _iter_place(self, place: _Place, status: os.stat_result) -> Iterator[FoundFile]:
        """A source or a followed link, by what it turned out to be."""
        if stat.S_ISDIR(status.st_mode):
            yield from self._iter_folder(place)
        elif is_left_out(place.path.name):
            self.ignored += 1
        elif stat.S_ISREG(status.st_mode):
            yield FoundFile(place.path, place.parts[:-1])
        else:
            self._refuse(place.path, SPECIAL_FILE)

    def _iter_folder(self, top: _Place) -> Iterator[FoundFile]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = self._entries(folder.path)
            except OSError as error:
                self._refuse(folder.path, unreadable(error))
                continue
            below = []
            for entry in entries:
                if entry.name.startswith("."):
                    self.ignored += 1
                elif entry.is_symlink():
                    self._links.append(folder.below(entry.name))
                elif entry.is_dir(follow_symlinks=False):
                    below.append(folder.below(entry.name))
                elif is_left_out(entry.name):
                    self.ignored += 1
                elif entry.is_file(follow_symlinks=False):
                    yield FoundFile(folder.path / entry.name, folder.parts)
                else:
                    self._refuse(folder.path / entry.name, SPECIAL_FILE)
            waiting.extend(reversed(below))

    def _entries(self, path: Path) -> Sequence[os.DirEntry[str]]:
        """What is in a folder, by name; nothing if it was entered before or is left out. Raises OSError."""
        status = path.stat()
        found = (status.st_dev, status.st_ino)
        if found in self._entered or found in self._excluded:
            return ()
        self._entered.add(found)
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)

    def _refuse(self, path: Path, refusal: Refusal) -> None:
        self.refused.append(RefusedFile(path, 0, refusal.code, refusal.reason))


OUTSIDE = Refusal("outside", "It is a link that leads out of the folders that may be imported.")
SPECIAL_FILE = Refusal("not_a_file", "It is a pipe, socket or device, which is never opened.")


def unreadable(error: OSError) -> Refusal:
    """The operating system's refusal, in its own words but without the path."""
    return Refusal("unreadable", f"It cannot be read: {error.strerror or type(error).__name__}.")


def is_left_out(name: str) -> bool:
    """Whether a file's name is that of an unfinished download, or of the note that calls a folder synthetic."""
    return name.lower().endswith(UNFINISHED_SUFFIXES) or name == SYNTHETIC_NOTE


def _file_id(path: Path) -> FileId | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _absolute_parts(path: Path) -> tuple[str, ...]:
    """Parts of the absolute path, so that a file is judged alike from wherever it is named."""
    return Path(os.path.abspath(path)).parts  # noqa: PTH100  # Path.absolute() would leave `..` in

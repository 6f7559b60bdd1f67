"""Find the files below the given paths: in a stable order, each folder once, and nothing opened.

Symbolic links are followed last, so that what is reached both directly and by a link shows under its own path. A folder
is entered once, by its real path, which ends every loop of links too. Device and inode would not do: network and FUSE
file systems may give the same number to all that is in them. Whatever is not followed is counted or named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gexlake.errors import SourceError
from gexlake.models.source import SYNTHETIC_NOTE, RefusedFile
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.unfinished import (
    UNFINISHED,
    has_control_file,
    is_unfinished,
    is_unfinished_folder,
    names_of_unfinished,
)


class FoundFile(NamedTuple):
    """A regular file, or a link to one; `folders` are those of its absolute path, outermost first."""

    path: Path
    folders: tuple[str, ...]
    real: str
    """Its path without links: what file it is, whatever path led to it."""


class _Place(NamedTuple):
    """A path as it is shown, the parts of its absolute path, and its path without links."""

    path: Path
    parts: tuple[str, ...]
    real: str

    def below(self, name: str) -> _Place:
        return _Place(self.path / name, (*self.parts, name), self._real_below(name))

    def file(self, name: str) -> FoundFile:
        return FoundFile(self.path / name, self.parts, self._real_below(name))

    def _real_below(self, name: str) -> str:
        return f"{self.real.rstrip(os.sep)}{os.sep}{name}"


class Walk:
    """One pass over the sources. `ignored` and `refused` are complete once `iter_files` has ended.

    Raises SourceError if a source does not exist or is an excluded folder.
    """

    def __init__(
        self, sources: Iterable[Path], *, exclude: Iterable[Path] = (), within: Iterable[Path] | None = None
    ) -> None:
        self.ignored = 0
        """Hidden files and folders, and notes that call a folder synthetic."""
        self.refused: list[RefusedFile] = []
        self._excluded = {_real(path) for path in exclude}
        self._within = None if within is None else [path.resolve() for path in within]
        self._entered: set[str] = set()
        self._links: list[_Place] = []
        self._sources = [(self._checked(path), path) for path in dict.fromkeys(sources)]

    def iter_files(self) -> Iterator[FoundFile]:
        """All files to look at, those reached through links last."""
        for status, path in self._sources:
            yield from self._iter_place(_Place(path, _absolute_parts(path), _real(path)), status)
        while self._links:
            links, self._links = self._links, []
            for link in links:
                try:
                    status = link.path.stat()
                except OSError as error:
                    self._refuse(link.path, unreadable(error))
                else:
                    if self._may_follow(link.path):
                        yield from self._iter_place(link._replace(real=_real(link.path)), status)
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
        if _real(source) in self._excluded:
            raise SourceError(
                f"The source {str(source)!r} is the lake itself or another folder that is left out.",
                hint="Name the folder that holds the history, outside or below it.",
            )
        return status

    def _iter_place(self, place: _Place, status: os.stat_result) -> Iterator[FoundFile]:
        """A source or a followed link, by what it turned out to be."""
        if stat.S_ISDIR(status.st_mode):
            yield from self._iter_folder(place)
        elif place.path.name == SYNTHETIC_NOTE:
            self.ignored += 1
        elif is_unfinished(place.path.name) or has_control_file(place.path):
            self._refuse(place.path, UNFINISHED, status.st_size)
        elif stat.S_ISREG(status.st_mode):
            yield FoundFile(place.path, place.parts[:-1], place.real)
        else:
            self._refuse(place.path, SPECIAL_FILE)

    def _iter_folder(self, top: _Place) -> Iterator[FoundFile]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = self._entries(folder)
            except OSError as error:
                self._refuse(folder.path, unreadable(error))
                continue
            unfinished = names_of_unfinished([entry.name for entry in entries])
            below = []
            for entry in entries:
                if entry.name.startswith("."):
                    self.ignored += 1
                elif _says(entry.is_symlink):
                    self._links.append(folder.below(entry.name))
                elif _says(partial(entry.is_dir, follow_symlinks=False)):
                    if is_unfinished_folder(entry.name):
                        self._refuse(folder.path / entry.name, UNFINISHED)
                    else:
                        below.append(folder.below(entry.name))
                elif entry.name == SYNTHETIC_NOTE:
                    self.ignored += 1
                elif entry.name in unfinished:
                    self._refuse(folder.path / entry.name, UNFINISHED, _size(entry))
                elif problem := _problem(entry):
                    self._refuse(folder.path / entry.name, problem)
                else:
                    yield folder.file(entry.name)
            waiting.extend(reversed(below))

    def _entries(self, folder: _Place) -> Sequence[os.DirEntry[str]]:
        """What is in a folder, by name; nothing if it was entered before or is left out. Raises OSError."""
        if folder.real in self._entered or folder.real in self._excluded:
            return ()
        self._entered.add(folder.real)
        with os.scandir(folder.path) as entries:
            return sorted(entries, key=lambda entry: entry.name)

    def _refuse(self, path: Path, refusal: Refusal, size_bytes: int = 0) -> None:
        self.refused.append(RefusedFile(path, size_bytes, refusal.code, refusal.reason))


OUTSIDE = Refusal("outside", "It is a link that leads out of the folders that may be imported.")
SPECIAL_FILE = Refusal("not_a_file", "It is a pipe, socket or device, which is never opened.")


def unreadable(error: OSError) -> Refusal:
    """The operating system's refusal, in its own words but without the path."""
    return Refusal("unreadable", f"It cannot be read: {error.strerror or type(error).__name__}.")


def is_left_out(name: str) -> bool:
    """Whether a file's name is that of an unfinished download, or of the note that calls a folder synthetic."""
    return is_unfinished(name) or name == SYNTHETIC_NOTE


def _says(asked: Callable[[], bool]) -> bool:
    """What an entry says of itself; False as well where the file system would not say."""
    try:
        return asked()
    except OSError:
        return False


def _problem(entry: os.DirEntry[str]) -> Refusal | None:
    """Why it is no file to look at; None where it is one. Some file systems tell only when they are asked of each."""
    try:
        if entry.is_file(follow_symlinks=False):
            return None
        entry.stat(follow_symlinks=False)  # gone, or not to be asked?
    except OSError as error:
        return unreadable(error)
    return SPECIAL_FILE


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _real(path: Path) -> str:
    return os.path.realpath(path)  # Path.resolve() raises for loops of links


def _absolute_parts(path: Path) -> tuple[str, ...]:
    """Parts of the absolute path, so that a file is judged alike from wherever it is named."""
    return Path(os.path.abspath(path)).parts  # noqa: PTH100  # Path.absolute() would leave `..` in

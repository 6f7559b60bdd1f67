"""Find the GEX history below some paths: which feed and session each file holds, or why it cannot be imported.

    walk      which files there are
    names     what a path says of feed and date
    heads     the first bytes of a file, unpacked
    sniff     what that text is; `first_record` what its first record says
    classify  all of it weighed: importable, or refused with a code of `REFUSALS`
    members   the same for the files in an archive, which is read like a folder
    objects   the same for what lies in buckets
    find      a source again, by its name in lineage

Files are judged by content and name together and are only ever read; a few dozen kilobytes of each are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gexlake.models.feed import SessionKey
from gexlake.models.location import Location, ObjectUrl
from gexlake.models.session_filter import SessionFilter
from gexlake.models.source import ReadObject, RefusedFile, SourceFile
from gexlake.scanner.examine import Examined, examine
from gexlake.scanner.objects import Listing, ObjectWalk
from gexlake.scanner.refusals import REFUSALS
from gexlake.scanner.walk import Walk

__all__ = ["REFUSALS", "ScanResult", "scan"]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What was found below the sources: every file is in one of these four."""

    files: tuple[SourceFile, ...]
    """Importable and wanted, by session, then by path."""
    refused: tuple[RefusedFile, ...]
    """Not importable, by path; a folder that cannot be read is here too."""
    filtered: int
    """Importable, but left out by a filter."""
    ignored: int
    """Hidden files and folders, notes that call a folder synthetic: not looked at."""
    listing: Listing = field(default_factory=Listing)
    """What was listed of buckets."""


def scan(
    sources: Sequence[Location],
    *,
    tickers: Sequence[str] = (),
    packages: Sequence[str] = (),
    categories: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    exclude: Sequence[Path] = (),
    within: Sequence[Path] | None = None,
    read_before: Mapping[str, ReadObject] | None = None,
) -> ScanResult:
    """Look at every file and object below `sources`; both dates are included, folders in `exclude` are never entered.

    With `within`, links that lead out of these folders are refused. Objects in `read_before`, by name, are not opened
    where their store has them unchanged.

    A file counts once, whichever paths and links lead to it. Only where one file has names of different sessions
    does it count once for each: the name decides the session, and tools that save space link equal files, such as
    empty days, to one another.

    Raises SourceError if a source does not exist, StoreError if the store of a bucket does not answer, UsageError if a
    filter can never fit.
    """
    wanted = SessionFilter.of(tickers=tickers, packages=packages, categories=categories, since=since, until=until)
    walk = Walk([path for path in sources if isinstance(path, Path)], exclude=exclude, within=within)
    objects = ObjectWalk((url for url in sources if isinstance(url, ObjectUrl)), read_before or {})
    importable: dict[tuple[object, SessionKey], SourceFile] = {}
    refused: dict[object, RefusedFile] = {}
    ignored = 0
    for file, identity in _iter_examined(walk, objects):
        if file is None:
            ignored += 1
        elif isinstance(file, SourceFile):
            importable.setdefault((identity, file.session), file)
        else:
            refused.setdefault(identity or (file.path, file.member), file)
    for key, _ in importable if refused else ():
        if key:
            refused.pop(key, None)  # a name that says more makes up for one that says too little
    files = [file for file in importable.values() if wanted.admits(file.session)]
    return ScanResult(
        files=tuple(sorted(files, key=lambda file: (file.session, *_place(file)))),
        refused=_by_path([*refused.values(), *walk.refused]),
        filtered=len(importable) - len(files),
        ignored=walk.ignored + objects.ignored + ignored,
        listing=objects.listing,
    )


def _iter_examined(walk: Walk, objects: ObjectWalk) -> Iterator[Examined]:
    for found in walk.iter_files():
        yield from examine(found)
    for file in objects.iter_files():
        yield Examined(file, (file.name,))


def _by_path(files: Iterable[RefusedFile]) -> tuple[RefusedFile, ...]:
    once = {(file.path, file.member): file for file in files}
    return tuple(sorted(once.values(), key=_place))


def _place(file: SourceFile | RefusedFile) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sorts by path, then by the path in an archive."""
    return file.path.parts, tuple((file.member or "").split("/"))

"""Published sessions as Polars frames, read from their Parquet files: no database, no lock.

Which version of a session is live is told by the footer of a file that globs find; what is read are the files of that
version, which stay what they are whatever is committed meanwhile, and stay there as `db.collect` says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from gexlake.db.layout import LakeLayout, partition_folders, partition_values
from gexlake.db.parquet import read_footer
from gexlake.db.published import check_published
from gexlake.db.readers import reading
from gexlake.db.schema import TABLES, VIEWS
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, is_sealed
from gexlake.models.block import Ints
from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.record_types import kind_of, record_type_of
from gexlake.services.asking.moments import Moment, Zone, parse_bound

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 1 << 17
"""Rows of one batch where a range is read in batches."""


def published_feeds(layout: LakeLayout) -> list[Feed]:
    """Every feed of which a session is published."""
    files = (
        file for name in IMPORTERS for file in (layout.root / name / "snapshots").glob("*/*/*/*/snapshots.parquet")
    )
    return [Feed(*key) for key in sorted({_partition(file)[:3] for file in files})]


def session_days(layout: LakeLayout, feed: Feed) -> list[str]:
    """The session dates (ISO text) of a feed, in order; none of a feed that the lake does not hold."""
    return [session.day for session in _iter_shown(layout, feed)]


def published_days(layout: LakeLayout, feed: Feed, bounds: Bounds) -> list[str]:
    """The session dates (ISO text) of a feed that may hold something in the range, in order."""
    return [session.day for session in _iter_admitted(layout, feed, bounds)]


def published_files(layout: LakeLayout, dataset: str, feed: Feed, bounds: Bounds | None = None) -> list[Path]:
    """The files of a data set of one feed by date, of the sessions that may hold something in the range.

    They are the files of versions, all of which stay what they are. One that is lost while another of its session is
    left is among them.
    """
    return [session.file(layout, dataset, feed) for session in _iter_admitted(layout, feed, bounds or Bounds())]


def files_of_range(layout: LakeLayout, dataset: str, feed: Feed, bounds: Bounds) -> list[Path]:
    """The same of a feed of which a session is published; raises `LakeError` where the lake's files are gone."""
    return [session.files[dataset] for session in sessions_of_range(layout, [dataset], feed, bounds)]


class SessionFiles(NamedTuple):
    """The files of one version of a session by data set, and its first and last instant; None where it is empty."""

    files: dict[str, Path]
    span: tuple[int, int] | None


def sessions_of_range(layout: LakeLayout, datasets: Sequence[str], feed: Feed, bounds: Bounds) -> list[SessionFiles]:
    """The sessions of a feed that may hold something in the range, by date; raises as `files_of_range` does."""
    found = [
        SessionFiles({name: session.file(layout, name, feed) for name in datasets}, session.told().span)
        for session in _iter_admitted(layout, feed, bounds)
    ]
    if not found:
        _any_shown(layout, feed)
    return found


def are_in_order(sessions: Sequence[SessionFiles]) -> bool:
    """Whether each session ends before the next begins.

    An older lake may have records under the date in their file's name, until they are put right.
    """
    return all(before[1] < after[0] for before, after in pairwise(session.span for session in sessions if session.span))


class _Shown(NamedTuple):
    """A session by the names that globs find, of which one is there at least: its folder, in those of data sets.

    state  of the first that is there
    """

    folder: str
    roots: dict[str, str]
    state: _State

    @property
    def day(self) -> str:
        return _day_of(self.folder)

    def states(self) -> dict[str, _State]:
        """Of all that are there, by data set."""
        found = {name: _state_of(_path_of(root, self.folder, name)) for name, root in self.roots.items()}
        return {name: state for name, state in found.items() if state is not None}

    def told(self) -> _Told:
        """What the first of the files that tells it says of the session."""
        try:
            return _read_told(self.state)
        except LakeError:
            for state in self.states().values():
                with suppress(LakeError):
                    return _read_told(state)
            raise

    def file(self, layout: LakeLayout, dataset: str, feed: Feed) -> Path:
        """The file of a data set of the version; of a lake that an older gexlake wrote, the one for globs."""
        session, version = SessionKey(feed, date.fromisoformat(self.day)), self.told().version
        file = layout.version_file(kind_of(feed).name, dataset, session, version)
        if not file.exists():
            shown = self.states().get(dataset)
            if shown is not None and _read_told(shown).version == version:
                return Path(shown.path)
        return file


def _iter_shown(layout: LakeLayout, feed: Feed, bounds: Bounds | None = None) -> Iterator[_Shown]:
    """The sessions of a feed by date, of those dates that the range may hold.

    There may be thousands, for each question: a glob, or a `Path` for each, would take ten times as long.
    """
    if record_type_of(feed.category) is None:
        return
    bounds = bounds or Bounds()
    roots = {name: str(_feed_folder(layout, name, feed)) for name in datasets_of(feed)}
    folders = {name: _folders(root) for name, root in roots.items()}
    for folder in sorted(set().union(*folders.values())):
        if not bounds.may_admit_day(_day_of(folder)):
            continue
        for name, root in roots.items():
            state = _state_of(_path_of(root, folder, name)) if folder in folders[name] else None
            if state is not None:
                yield _Shown(folder, roots, state)
                break


def _any_shown(layout: LakeLayout, feed: Feed) -> _Shown:
    for session in _iter_shown(layout, feed):
        return session
    raise LakeError(
        f"The lake {layout.root} has no file of {feed} any more.", hint="Put it back, or run `gexlake verify`."
    )


def _iter_admitted(layout: LakeLayout, feed: Feed, bounds: Bounds) -> Iterator[_Shown]:
    for session in _iter_shown(layout, feed, bounds):
        if not bounds.has_instants or bounds.may_admit_span(session.told().span):
            yield session


def _path_of(root: str, folder: str, name: str) -> str:
    return f"{root}/{folder}/{name}.parquet"


def _day_of(folder: str) -> str:
    return folder.partition("=")[2]


def _folders(root: str) -> set[str]:
    try:
        return set(os.listdir(root))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise _unreadable(error) from error


def _feed_folder(layout: LakeLayout, dataset: str, feed: Feed) -> Path:
    return layout.root.joinpath(kind_of(feed).name, dataset, *partition_folders(*feed))


def datasets_of(feed: Feed) -> list[str]:
    """The names of the data sets that a session of the feed has."""
    return [dataset.name for dataset in IMPORTERS[kind_of(feed).name].datasets]


def _columns(dataset: str, feed: Feed) -> list[str]:
    return [column.name for column in (TABLES | VIEWS)[f"{kind_of(feed).name}_{dataset}"]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of time, both ends included: of session dates (ISO text), of Unix microseconds, or of one of each."""

    first_day: str | None = None
    first_us: int | None = None
    last_day: str | None = None
    last_us: int | None = None

    @classmethod
    def of(cls, start: Moment | None, end: Moment | None, *, tz: Zone | None = None) -> Self:
        """The range between two moments, `tz` that of those without a zone; raises `UsageError` for what is none."""
        return cls.between(_parsed(start, "start", tz), _parsed(end, "end", tz))

    @classmethod
    def between(cls, start: date | int | None, end: date | int | None) -> Self:
        """The range between two bounds, each a session date or an instant in Unix microseconds."""
        return cls(*_split(start), *_split(end))

    @property
    def has_instants(self) -> bool:
        """Whether a bound is an instant, and not the date of a session."""
        return self.first_us is not None or self.last_us is not None

    def may_admit_day(self, day: str) -> bool:
        """Whether a session can hold anything in the range, by its date."""
        return not ((self.first_day and day < self.first_day) or (self.last_day and day > self.last_day))

    def may_admit_span(self, span: tuple[int, int] | None) -> bool:
        """The same by its first and last instant, None where it has none."""
        return bool(
            span
            and (self.first_us is None or span[1] >= self.first_us)
            and (self.last_us is None or span[0] <= self.last_us)
        )

    def snapshots_of(self, timestamps: Ints) -> tuple[int, int]:
        """The first of a session's snapshots in the range and the one behind the last, by their times."""
        first = 0 if self.first_us is None else int(timestamps.searchsorted(self.first_us, "left"))
        stop = len(timestamps) if self.last_us is None else int(timestamps.searchsorted(self.last_us, "right"))
        return first, stop

    def predicates(self) -> list[pl.Expr]:
        """The instants among the bounds, as conditions on `timestamp`; dates have chosen the files already."""
        import polars as pl

        timestamp, instant = pl.col("timestamp"), pl.Datetime("us", "UTC")
        conditions = []
        if self.first_us is not None:
            conditions.append(timestamp >= pl.lit(self.first_us).cast(instant))
        if self.last_us is not None:
            conditions.append(timestamp <= pl.lit(self.last_us).cast(instant))
        return conditions


def scan_range(
    layout: LakeLayout, dataset: str, feed: Feed, bounds: Bounds, *, strikes: Sequence[float] | None = None
) -> pl.LazyFrame:
    """The rows of a feed in a range, with the columns of the table or view; `strikes` picks some of a ladder.

    The feed has to be one of which a session is published; raises `LakeError` where the lake's files are gone.
    """
    files = files_of_range(layout, dataset, feed, bounds)
    if files:
        return scan_files(files, dataset, feed, bounds, strikes=strikes)
    any_file = _any_shown(layout, feed).file(layout, dataset, feed)  # it has the columns
    return scan_files([any_file], dataset, feed, bounds).head(0)


def scan_files(
    files: Sequence[Path], dataset: str, feed: Feed, bounds: Bounds, *, strikes: Sequence[float] | None = None
) -> pl.LazyFrame:
    """The same of some of the `published_files` of the feed."""
    check_published(files)
    return _narrowed(_scan(files).select(_columns(dataset, feed)), bounds, strikes)


def iter_batches(frame: pl.LazyFrame, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """The rows in batches, so that memory does not grow with their number; one empty batch where there are none.

    Raises as `collect_rows` does.
    """
    empty = True
    with _readable():
        for batch in frame.collect_batches(chunk_size=rows, maintain_order=True):
            if batch.height:
                empty = False
                yield batch
    if empty:
        yield collect_rows(frame.head(0))


def collect_rows(frame: pl.LazyFrame) -> pl.DataFrame:
    """All rows of published files; raises `LakeError` where one is damaged or has gone."""
    with _readable():
        return frame.collect()


@contextmanager
def _readable() -> Iterator[None]:
    """Turn faults of Polars and the system, while they read published files, into ours; no file goes meanwhile."""
    import polars as pl

    try:
        with reading():
            yield
    except (pl.exceptions.ComputeError, pl.exceptions.PanicException, OSError) as error:
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> LakeError:
    words = str(error).partition("\n")[0]
    return LakeError(f"A published file cannot be read: {words}.", hint="Run `gexlake verify --repair`.")


def _narrowed(frame: pl.LazyFrame, bounds: Bounds, strikes: Sequence[float] | None) -> pl.LazyFrame:
    import polars as pl

    frame = frame.filter(*bounds.predicates())
    return frame if strikes is None else frame.filter(pl.col("strike").is_in([float(value) for value in strikes]))


def _parsed(bound: Moment | None, parameter: str, tz: Zone | None) -> date | int | None:
    return None if bound is None else parse_bound(bound, parameter=parameter, tz=tz)


def _split(bound: date | int | None) -> tuple[str | None, int | None]:
    """A bound as a session date (ISO text) or as Unix microseconds."""
    return (bound.isoformat(), None) if isinstance(bound, date) else (None, bound)


class _Told(NamedTuple):
    """What a file says of its session: the version, and the first and last instant, None where it is empty."""

    version: str
    span: tuple[int, int] | None


class _State(NamedTuple):
    """A file as it is now: one that was replaced is another one."""

    path: str
    inode: int
    mtime_ns: int


def _state_of(path: str) -> _State | None:
    """None where no file is there."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(error) from error
    return _State(path, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=1 << 14)
def _read_told(state: _State) -> _Told:
    file = Path(state.path)
    try:
        with _readable():
            trusted = is_sealed(file)
    except BrokenSealError:
        trusted = False
    if not trusted:  # the file says what it is about to be trusted for; say what is wrong with it, if anything is
        check_published([file])
    footer = read_footer(file)
    summary = footer["summary"]
    span = (summary["first_us"], summary["last_us"]) if summary["snapshots"] else None
    return _Told(footer["version"], span)


def _scan(files: Sequence[Path]) -> pl.LazyFrame:
    import polars as pl

    # A schema is not given: it would have to name every `key=value` folder above the lake as well.
    return pl.scan_parquet(list(files), hive_partitioning=True).cast({"session_date": pl.Date})


def _partition(file: Path) -> tuple[str, str, str, str]:
    """Ticker, package, category and session date, from the path of a published file."""
    folders = file.parent.parts[-len(PARTITION_COLUMNS) :]
    ticker, package, category, day = partition_values(folders)
    return ticker, package, category, day

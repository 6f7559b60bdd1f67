"""Where everything lies in a lake."""

from __future__ import annotations

import fcntl
import os
import re
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import SessionKey

SYNCED_AT_ONCE = 4
"""More make it little faster, and keep the answers of a service waiting: each wants the interpreter again and again."""
PARTITION_NAMES = [column.name for column in PARTITION_COLUMNS]
_SET_APART = re.compile(r"""[\x00-\x1f\x7f"#%'*/:=?\\{}\[\]^]""")


@dataclass(frozen=True, slots=True)
class LakeLayout:
    """Paths below a lake's root; see the contract in docs/architecture.md."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "gexlake.duckdb"

    @property
    def log(self) -> Path:
        """What DuckDB has committed and not yet taken into the database; there while it has something."""
        return self.root / "gexlake.duckdb.wal"

    @property
    def before_image(self) -> Path:
        """What a checkpoint may write over; there while one is made, see `db.checkpoint`."""
        return self.root / "gexlake.duckdb.before"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def server_file(self) -> Path:
        """Where the server that holds the lake says how to reach it."""
        return self.root / "server.json"

    @property
    def last_get(self) -> Path:
        """How the last `gexlake get` went; see `db.last_get`."""
        return self.root / "last_get.json"

    @property
    def imports(self) -> Path:
        """Lineage, quarantine and report of each import as Parquet, so that the database can be rebuilt."""
        return self.root / "imports"

    @property
    def quarantine(self) -> Path:
        """Refused records that are too large for a table, a file each."""
        return self.root / "quarantine"

    @property
    def versions(self) -> Path:
        """The Parquet files of every version of a session, each under a name that never means another."""
        return self.root / "versions"

    @property
    def followers(self) -> Path:
        """Who carries the lake's commits elsewhere, a file each; see `db.followers`."""
        return self.root / "followers"

    @property
    def catalog(self) -> Path:
        """The open tables of a lake that has its own catalog: the catalog, and the tables' metadata."""
        return self.root / "catalog"

    @property
    def mirrors(self) -> Path:
        """How far each mirror of the lake is, a file each; see `db.mirrors`."""
        return self.root / "mirrors"

    @property
    def notes(self) -> Path:
        """What users wrote at seconds of sessions, a file for each session date; see `db.notes`."""
        return self.root / "notes"

    @property
    def replica_file(self) -> Path:
        """Of a lake that follows a published one: which, and how far; nobody but `pull` writes such a lake."""
        return self.root / "replica.json"

    @property
    def live(self) -> Path:
        """What was recorded live, a folder for each session date; see `db.segments`."""
        return self.root / "live"

    @property
    def statements(self) -> Path:
        """What users' statements may see, a directory for each process that has some run; of no lasting use."""
        return self.root / "cache" / "statements"

    def version_file(self, record_type: str, dataset: str, session: SessionKey, version: str) -> Path:
        """The Parquet file of a version of a session; whatever its name, it stays that file until `gc` removes it."""
        folder = self.versions / record_type / dataset / session_folder(session)
        return folder / f"{dataset}-{self.version_label(version)}.parquet"

    @staticmethod
    def version_label(version: str) -> str:
        """A version as it stands in the names of its files."""
        return version.replace("/", ".")

    def dataset_file(self, record_type: str, dataset: str, session: SessionKey) -> Path:
        """The name by which globs find the version of a session that is live."""
        return self.root / record_type / dataset / session_folder(session) / f"{dataset}.parquet"

    def dataset_glob(self, record_type: str, dataset: str) -> str:
        """Pattern of all live files of a data set, for DuckDB and Polars."""
        root = glob_escape(str(self.root.absolute()))
        return f"{root}/{record_type}/{dataset}/*/*/*/*/{dataset}.parquet"

    def dataset_files(self, record_type: str, dataset: str) -> list[Path]:
        """All live files of a data set, by the names for globs."""
        return sorted((self.root / record_type / dataset).glob(f"*/*/*/*/{dataset}.parquet"))


def session_folder(session: SessionKey) -> Path:
    """The folders of a session, in the form that readers of partitioned data sets know."""
    return Path(*partition_folders(*session.feed, session.session_date.isoformat()))


def partition_folders(*values: str) -> list[str]:
    """Folders `ticker=…`, `package=…` and so on for as many values: a path cannot lead anywhere else.

    Characters that Hive sets apart stand as %XX: DuckDB, Polars and Spark write and read them so.
    """
    texts = (_SET_APART.sub(lambda found: f"%{ord(found[0]):02X}", value) for value in values)
    return [f"{name}={text}" for name, text in zip(PARTITION_NAMES, texts, strict=False)]


def partition_values(folders: Iterable[str]) -> list[str]:
    """The values of such folders."""
    return [unquote(folder.partition("=")[2]) for folder in folders]


def sync_directory(directory: Path) -> None:
    """Make renames in a directory durable (fsync(2) of the file alone does not)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directories(directories: Iterable[Path]) -> None:
    """The same for several at once: a journal takes together what waits for it, so many take little longer than one."""
    once = set(directories)
    with ThreadPoolExecutor(min(len(once), SYNCED_AT_ONCE) or 1) as threads:
        deque(threads.map(sync_directory, once), maxlen=0)  # to its end, for what it raises


def make_directories(directory: Path) -> None:
    """`mkdir -p`, with every new entry made durable."""
    for changed in make_unsynced(directory):
        sync_directory(changed)


def make_unsynced(directory: Path) -> set[Path]:
    """`mkdir -p`; the directories that have a new entry, which are to be synced."""
    missing = list(takewhile(lambda path: not path.exists(), (directory, *directory.parents)))
    if missing:
        directory.mkdir(parents=True, exist_ok=True)
    # Entries may be made where they may not be listed.
    return {path.parent for path in missing if os.access(path.parent, os.R_OK)}


def sync_log(layout: LakeLayout) -> None:
    """Make the entry of DuckDB's log durable: it syncs the file, and the directory never, where it may be a new one.

    To be called after a commit, before anything outside the database rests on it.
    """
    sync_directory(layout.root)


def stamps_of(files: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """Size and time of change, in nanoseconds, of those that are there: others than before, once one has changed."""
    found = []
    for file in files:
        with suppress(FileNotFoundError):
            status = file.stat()
            found.append((status.st_size, status.st_mtime_ns))
    return tuple(found)


def place_new(source: Path, target: Path) -> bool:
    """Give a finished file its name unless that is taken; whether it was free. Unlike a rename, it never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    sync_directory(target.parent)
    return True


def try_lock(descriptor: int) -> bool:
    """Take the lock on a file or directory that is open, without waiting; whether nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def replace_durably(file: Path, new: Path, data: bytes) -> None:
    """Have a file hold these bytes, as a whole or not at all; `new` is the name that they have on the way."""
    with new.open("wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    sync_directory(file.parent)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def glob_escape(text: str) -> str:
    """A pattern that matches this text alone."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)

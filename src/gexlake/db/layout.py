"""Where everything lies in a lake."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from gexlake.models.column import PARTITION_COLUMNS
from gexlake.models.feed import SessionKey

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
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def server_file(self) -> Path:
        """Where the server that holds the lake says how to reach it."""
        return self.root / "server.json"

    @property
    def imports(self) -> Path:
        """Lineage, quarantine and report of each import as Parquet, so that the database can be rebuilt."""
        return self.root / "imports"

    @property
    def quarantine(self) -> Path:
        """Refused records that are too large for a table, a file each."""
        return self.root / "quarantine"

    def dataset_file(self, record_type: str, dataset: str, session: SessionKey) -> Path:
        """The published Parquet file of a session."""
        folders = partition_folders(*session.feed, session.session_date.isoformat())
        return self.root.joinpath(record_type, dataset, *folders, f"{dataset}.parquet")

    def dataset_glob(self, record_type: str, dataset: str) -> str:
        """Pattern of all published files of a data set, for DuckDB and Polars."""
        root = glob_escape(str(self.root.absolute()))
        return f"{root}/{record_type}/{dataset}/*/*/*/*/{dataset}.parquet"

    def dataset_files(self, record_type: str, dataset: str) -> list[Path]:
        """All published files of a data set."""
        return sorted((self.root / record_type / dataset).glob(f"*/*/*/*/{dataset}.parquet"))


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


def place_new(source: Path, target: Path) -> bool:
    """Give a finished file its name unless that is taken; whether it was free. Unlike a rename, it never replaces."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    sync_directory(target.parent)
    return True


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def glob_escape(text: str) -> str:
    """A pattern that matches this text alone."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)

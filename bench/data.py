"""The files that are measured: synthetic sessions by `gexlake.sample`, made once and kept in the work directory.

Nothing in them was observed in any market. A set is whole when its manifest is there and every file has the size
that the manifest says; anything else is made again. Sets are made in a process of their own, see `bench.timing`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

MOST_SESSIONS = 8
BIG_BYTES = 2_000_000_000
SMALL_RECORDS = 2000
SECONDS_PER_DAY = 86_400
MANIFEST = "manifest.json"
FILES = "files"
TIMESTAMP = re.compile(rb'(?<="timestamp":)\d{10}')


class DataSets:
    """The sets of one work directory; each method returns a folder of source files and nothing else."""

    def __init__(self, work: Path, say: Callable[[str], None]) -> None:
        self._sources = work / "sources"
        self._say = say

    def sessions(self, count: int) -> Path:
        """`count` sessions of one array file each, about 120 MB a file."""
        return self._ensure(f"sessions-{count}")

    def of_category(self, category: str) -> Path:
        """One session of that category, of another record type than GEX."""
        return self._ensure(f"category-{category}")

    def compressed(self, compression: str, count: int) -> Path:
        """The same sessions, as gzip or zstd files."""
        return self._ensure(f"{compression}-{count}")

    def big(self) -> Path:
        """One array file of 2 GB: one session over and over, a day later each time, under the name of the first."""
        return self._ensure("big")

    def one_record_files(self) -> Path:
        """The first 2,000 records of a session, a file each."""
        return self._ensure("objects")

    def same_records_array(self) -> Path:
        """The records of `one_record_files` as one array file."""
        return self._ensure("array")

    def _ensure(self, name: str) -> Path:
        folder = self._sources / name
        if not is_whole(folder):
            self._say(f"making the source files {name}")
            subprocess.run([sys.executable, "-m", __name__, str(folder)], check=True)
        return folder / FILES


def bytes_below(folder: Path, pattern: str = "*") -> int:
    """Bytes of all files below a folder whose names match."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


def is_whole(folder: Path) -> bool:
    """Whether all files of the manifest are there in their sizes."""
    try:
        sizes = json.loads((folder / MANIFEST).read_text())
        return all((folder / FILES / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def make(folder: Path) -> None:
    """Make the set that the folder's name asks for, from nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    files = folder / FILES
    files.mkdir(parents=True)
    kind, _, count = folder.name.partition("-")
    if kind == "pool":
        _write_sample(files, sessions=MOST_SESSIONS)
    elif kind == "sessions":
        for path in _pool(folder)[: int(count)]:
            os.link(path, files / path.name)
    elif kind == "big":
        _write_big(_pool(folder)[0], files)
    elif kind == "category":
        _write_sample(files, sessions=1, categories=[count])
    elif kind in ("objects", "array"):
        _write_sample(files, sessions=1, snapshots=SMALL_RECORDS, form=kind)
    else:
        _write_sample(files, sessions=int(count), compression=kind)
    sizes = {str(path.relative_to(files)): path.stat().st_size for path in files.rglob("*") if path.is_file()}
    (folder / MANIFEST).write_text(json.dumps(sizes, indent=1))


def _pool(folder: Path) -> list[Path]:
    """The sessions that sets beside `folder` link to, in order of date."""
    pool = folder.with_name("pool")
    if not is_whole(pool):
        make(pool)
    return sorted((pool / FILES).iterdir())


def _write_sample(files: Path, **options: int | str | list[str]) -> None:
    from gexlake.sample import NOTE_NAME, write_sample

    write_sample(files, **options)  # type: ignore[arg-type]
    (files / NOTE_NAME).rename(files.parent / NOTE_NAME)  # it says that the files are synthetic


def _write_big(session: Path, files: Path) -> None:
    records = session.read_bytes().strip()[1:-1]
    with (files / session.name).open("wb") as file:
        opening, shift = b"[", 0
        while file.tell() < BIG_BYTES:
            file.write(opening + TIMESTAMP.sub(lambda found: b"%d" % (int(found[0]) + shift), records))  # noqa: B023
            opening, shift = b",", shift + SECONDS_PER_DAY
        file.write(b"]")


if __name__ == "__main__":
    make(Path(sys.argv[1]))

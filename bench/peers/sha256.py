"""Plain hashing: SHA-256 of each file by hashlib, one process per core."""

from __future__ import annotations

import hashlib
import os
import sys
from multiprocessing import Pool
from pathlib import Path


def digest(path: Path) -> str:
    """Hex digest of one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """SOURCE."""
    paths = sorted(Path(sys.argv[1]).glob("*.json"))
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for line in pool.imap(digest, paths):
            print(line)


if __name__ == "__main__":
    main()

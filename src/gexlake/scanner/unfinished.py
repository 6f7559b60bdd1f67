"""Names of downloads that are not complete."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from gexlake.scanner.names import DATA_SUFFIXES
from gexlake.scanner.refusals import Refusal

UNFINISHED_SUFFIXES = (
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".opdownload",
    ".download",
    ".tmp",
    ".temp",
    ".incomplete",
    ".unfinished",
    ".!ut",
    ".!qb",
    ".aria2",
)
"""What programs append to the name of a download until it is complete."""

CONTROL_SUFFIX = ".aria2"
"""Of a file that stands beside an unfinished one, which has its full name already."""

FOLDER_SUFFIX = ".download"
"""Of a folder in which Safari keeps an unfinished file."""

UNFINISHED = Refusal(
    "unfinished_download", "It is an unfinished download, by its name. Once that is complete, import it."
)


def is_unfinished(name: str) -> bool:
    """Whether a file's name alone says so."""
    return name.lower().endswith(UNFINISHED_SUFFIXES)


def has_control_file(path: Path) -> bool:
    """Whether a file that was named by itself has one beside it that says so."""
    return os.path.lexists(f"{path}{CONTROL_SUFFIX}")


def is_unfinished_folder(name: str) -> bool:
    """Whether a folder is an unfinished file; `history.download` may be anything."""
    stem = name.lower()
    return stem.endswith(FOLDER_SUFFIX) and stem.removesuffix(FOLDER_SUFFIX).rpartition(".")[2] in DATA_SUFFIXES


def names_of_unfinished(names: Collection[str]) -> set[str]:
    """Those of the files in one folder that are not complete, by their own names or those beside them."""
    found = {name for name in names if is_unfinished(name)}
    return found | {name.removesuffix(CONTROL_SUFFIX) for name in found if name.endswith(CONTROL_SUFFIX)}

"""Synthetic history is called so wherever it shows: a note beside it is read with it, and lineage remembers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gexlake.archive import find_member
from gexlake.models.location import ObjectUrl
from gexlake.models.source import SYNTHETIC_NOTE, SourceFile


def has_synthetic_note(source: Path) -> bool:
    """Whether a note in the folder of a file, or in one above it, calls the file synthetic."""
    return any((folder / SYNTHETIC_NOTE).is_file() for folder in source.absolute().parents)


def has_note_inside(source: SourceFile) -> bool:
    """Whether the source is in an archive, and a note in its folder there, or in one above it, calls it synthetic."""
    if source.member is None or isinstance(source.path, ObjectUrl):
        return False
    folders = source.member.split("/")[:-1]
    names = ("/".join((*folders[:depth], SYNTHETIC_NOTE)) for depth in range(len(folders) + 1))
    return any(find_member(source.path, name) for name in names)


class SyntheticNotes:
    """Says of sources whether a note calls them synthetic; each folder is looked at once."""

    def __init__(self) -> None:
        self._noted: dict[Path, bool] = {}

    def cover(self, source: SourceFile) -> bool:
        """Whether there is one for this source."""
        if isinstance(source.path, ObjectUrl):
            return bool(source.synthetic)
        folder = source.path.parent
        if folder not in self._noted:
            self._noted[folder] = has_synthetic_note(source.path)
        return self._noted[folder] or has_note_inside(source)


def synthetic_folders(source_files: Iterable[str]) -> list[str]:
    """The folders of synthetic files, as they stand in lineage."""
    return sorted({source_file.rpartition("/")[0] or "/" for source_file in source_files})

"""Versions of sessions that were replaced or removed: kept for a while, so that they can be brought back."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout, glob_escape, make_directories, sync_directory
from gexlake.db.parquet import dataset_paths, read_footer
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.models.feed import Feed, SessionKey


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """A version of a session that another took the place of: its files by data set name, and its footer."""

    record_type: str
    session: SessionKey
    files: dict[str, Path]
    footer: dict[str, Any]


def keep_previous(layout: LakeLayout, record_type: str, session: SessionKey, version: str, *, count: int) -> None:
    """Keep the published files, which `version` is about to replace, and of those before the latest `count` in all.

    The files get a second name, so that readers find them in their place until the new ones are moved there.
    """
    published = dataset_paths(layout, record_type, session)
    place = layout.previous_versions(record_type, session)
    if count > 0 and all(file.exists() for file in published.values()) and _version_of(published) != version:
        folder = place / _folder_name(version)
        make_directories(folder)
        for file in published.values():
            _give_second_name(file, folder / file.name)
        sync_directory(folder)
    if place.is_dir():
        for folder in sorted(place.iterdir())[: -count or None]:
            shutil.rmtree(folder, ignore_errors=True)


def remove_published(layout: LakeLayout, record_type: str, session: SessionKey) -> None:
    """Take a session's published files away."""
    for file in dataset_paths(layout, record_type, session).values():
        if file.exists():
            file.unlink()
            sync_directory(file.parent)


def versions_replaced_by(layout: LakeLayout, import_id: str) -> list[PreviousVersion]:
    """The versions that are kept and were replaced by an import, or those whose ids begin so; the oldest first.

    What is damaged is left out.
    """
    found = []
    for record_type, importer in IMPORTERS.items():
        folders = (layout.previous / record_type).glob(f"*/*/*/*/{glob_escape(import_id)}*")
        for folder in sorted(folders, key=lambda folder: folder.name):
            files = {dataset.name: folder / f"{dataset.name}.parquet" for dataset in importer.datasets}
            try:
                footer = read_footer(files["snapshots"])
            except LakeError:
                continue
            *feed, day = footer["session"]
            session = SessionKey(Feed(*feed), date.fromisoformat(day))
            found.append(PreviousVersion(record_type, session, files, footer))
    return found


def _version_of(files: dict[str, Path]) -> str | None:
    try:
        return str(read_footer(files["snapshots"])["version"])
    except (LakeError, KeyError):
        return None


def _folder_name(version: str) -> str:
    """Names are in the order of time, as versions are: they begin with the id of their import."""
    return version.replace("/", "+")


def _give_second_name(file: Path, second: Path) -> None:
    second.unlink(missing_ok=True)
    try:
        os.link(file, second)
    except OSError:  # not every file system has hard links
        shutil.copyfile(file, second)
        with second.open("rb") as copy:
            os.fsync(copy.fileno())

"""The files of a session's versions: each gets its name before the commit, and keeps it for as long as it is there.

What is live is said by the table `sessions` alone. For globs, which cannot ask it, `show_version` gives the files of
the live version a second name, one by one, once the commit is done; `recovery` does it again when a crash came between.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gexlake.db.layout import LakeLayout, make_directories, make_unsynced, sync_directories, sync_directory, sync_file
from gexlake.db.parquet import UNKNOWN_VERSION, dataset_paths, told_version, version_paths
from gexlake.importers import IMPORTERS
from gexlake.importers.seal import BrokenSealError, check_file, checksum_of
from gexlake.models.feed import SessionKey
from gexlake.models.staged import StagedSession


def staged_files(staged: StagedSession) -> dict[str, Path]:
    """The Parquet files of staged work by data set name, where its worker has left them."""
    assert staged.directory is not None, "a dry run has no files"
    return {d.name: staged.directory / f"{d.name}.parquet" for d in IMPORTERS[staged.record_type].datasets}


def place_version(layout: LakeLayout, staged: StagedSession) -> dict[str, Path]:
    """Move staged files to the names that they are going to keep, those that are not there yet; by data set name.

    Nothing refers to them until they are committed.
    """
    sync_directories(place_unsynced(layout, staged))
    return version_paths(layout, staged.record_type, staged.session, staged.version)


def place_unsynced(layout: LakeLayout, staged: StagedSession) -> set[Path]:
    """The same without making it durable; the directories that are to be synced for that."""
    files = version_paths(layout, staged.record_type, staged.session, staged.version)
    changed = set[Path]()
    for name, source in staged_files(staged).items():
        if source.exists():
            changed |= make_unsynced(files[name].parent)
            source.replace(files[name])
            changed.add(files[name].parent)
    return changed


def name_version(layout: LakeLayout, record_type: str, session: SessionKey, version: str) -> None:
    """Give the files that globs find the names of this version where they have none, as an older gexlake left them.

    A file that tells another version is left as it is; one that tells none is taken for this, so that it can be found
    damaged.
    """
    shown = dataset_paths(layout, record_type, session)
    for name, file in version_paths(layout, record_type, session, version).items():
        if shown[name].exists() and not file.exists() and told_version(shown[name]) in (version, UNKNOWN_VERSION):
            give_second_name(shown[name], file)


def discard_version(layout: LakeLayout, staged: StagedSession) -> None:
    """Remove what `place_version` has put there, of work that is not going to be committed."""
    if staged.changes_data:
        for file in version_paths(layout, staged.record_type, staged.session, staged.version).values():
            file.unlink(missing_ok=True)


def make_places(layout: LakeLayout, record_type: str, session: SessionKey) -> set[Path]:
    """Make the folders of the names for globs ahead of a commit, so that only links are left to do behind it.

    The directories that are to be synced.
    """
    return set().union(*map(make_unsynced, _folders(layout, record_type, session)))


def show_version(layout: LakeLayout, record_type: str, session: SessionKey, version: str) -> set[Path]:
    """Have globs find this version of a session, and no other any more; done again, it does what is left.

    Each file is replaced by one rename, so at any moment there is exactly one under its name. The directories that are
    to be synced: those of all names, because who did this before may have died before it was durable.
    """
    files = version_paths(layout, record_type, session, version)
    for name, target in dataset_paths(layout, record_type, session).items():
        if files[name].exists() and not (target.exists() and target.samefile(files[name])):
            give_second_name(files[name], target, sync=False)
    return {folder for folder in _folders(layout, record_type, session) if folder.exists()}


def hide_session(layout: LakeLayout, record_type: str, session: SessionKey) -> set[Path]:
    """Have globs find no version of a session; the directories that are to be synced."""
    for file in dataset_paths(layout, record_type, session).values():
        file.unlink(missing_ok=True)
    return {folder for folder in _folders(layout, record_type, session) if folder.exists()}


def _folders(layout: LakeLayout, record_type: str, session: SessionKey) -> list[Path]:
    return [target.parent for target in dataset_paths(layout, record_type, session).values()]


def name_problem(shown: Path, file: Path) -> str | None:
    """What is wrong with a name for globs that is to lead to this file, or to a copy of it; None where nothing is."""
    if not shown.exists():
        return "is missing"
    if shown.samefile(file):
        return None
    if told_version(shown) != told_version(file):
        return f"does not lead to {file}"
    try:
        is_copy = (check_file(shown) or checksum_of(shown)) == (check_file(file) or checksum_of(file))
    except BrokenSealError as error:
        return f"is damaged: {error}"
    return None if is_copy else f"is no copy of {file}"


def is_shown(shown: Path, file: Path) -> bool:
    """Whether a name for globs leads to this file of a version, or to a copy of it."""
    try:
        return shown.samefile(file) or told_version(shown) == told_version(file) != UNKNOWN_VERSION
    except OSError:
        return False


def give_second_name(file: Path, target: Path, *, sync: bool = True) -> None:
    """Give a file another name, in place of what has that: a link where the file system has them, else a copy."""
    new = target.with_name(f".{target.name}.new")
    make_directories(target.parent)
    new.unlink(missing_ok=True)
    try:
        os.link(file, new)
    except OSError:
        shutil.copyfile(file, new)
        sync_file(new)
    new.replace(target)
    if sync:
        sync_directory(target.parent)

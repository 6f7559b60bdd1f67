"""The files in an archive, judged as those of a folder are: by where they stand in it, and by their first bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gexlake.archive import ArchiveError, Member, MemberFile, read_directory
from gexlake.models.source import SYNTHETIC_NOTE, RefusedFile, SourceFile
from gexlake.scanner.classify import Importable, classify
from gexlake.scanner.heads import Head, read_head
from gexlake.scanner.names import parse_path
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.unfinished import UNFINISHED, names_of_unfinished
from gexlake.scanner.walk import FoundFile, unreadable

MACOS_NOTES = "__MACOSX"
"""Folder that a Mac adds to the ZIP archives it makes."""


def iter_members(found: FoundFile, size_bytes: int) -> Iterator[SourceFile | RefusedFile | None]:
    """Every file in the archive, None for those passed over; a foreign archive, of which nothing is wanted, whole."""
    try:
        members, damage = read_directory(found.path)
    except (ArchiveError, OSError) as error:
        yield _refused(found, size_bytes, _unreadable(error))
        return
    if damage:
        reason = f"The archive is not whole: {damage}. {_count(members)} before that can be read."
        yield _refused(found, size_bytes, Refusal("archive_damaged", reason))
    if not members:
        yield _refused(found, size_bytes, Refusal("empty_file", "The archive holds no file."))
        return
    unfinished = names_of_unfinished(members.keys())
    files = [_examine(found, member, is_unfinished=member.name in unfinished) for member in members.values()]
    if all(file is None or (isinstance(file, RefusedFile) and file.code == "not_gex") for file in files):
        reason = f"It is an archive of {_count(members)}, none of which is GEX history."
        yield _refused(found, size_bytes, Refusal("not_gex", reason))
    else:
        yield from files


def _examine(found: FoundFile, member: Member, *, is_unfinished: bool) -> SourceFile | RefusedFile | None:
    *folders, name = re.split(r"[/\\]", member.name)  # some programs for Windows write backslashes
    if name == SYNTHETIC_NOTE or any(_is_hidden(part) for part in (*folders, name)):
        return None
    hints = parse_path((*found.folders, _folder_name(found.path.name), *folders), name)
    result: Importable | Refusal | Head
    if is_unfinished:
        result = UNFINISHED
    elif member.problem:
        is_history = hints.claims_history or hints.is_vendor_name
        result = Refusal("member_refused" if is_history else "not_gex", f"It is not read: {member.problem}.")
    else:
        head = _head(found, member)
        result = classify(hints, head) if isinstance(head, Head) else head
    if isinstance(result, Refusal):
        return RefusedFile(found.path, member.size_bytes, result.code, result.reason, member.name)
    return SourceFile(
        found.path,
        result.record_type,
        result.session,
        member.size_bytes,
        result.compression,
        result.form,
        claims_date=result.claims_date,
        member=member.name,
    )


def _is_hidden(part: str) -> bool:
    return (part.startswith(".") and part != "..") or part == MACOS_NOTES


def _head(found: FoundFile, member: Member) -> Head | Refusal:
    try:
        with MemberFile(found.path, member.name) as file:
            return read_head(file.read, member.size_bytes)
    except ArchiveError as error:
        return Refusal("compression_damaged", f"It is damaged in the archive: {error}.")
    except OSError as error:
        return unreadable(error)


def _folder_name(archive: str) -> str:
    """The folder that it would be unpacked to."""
    name = archive.rpartition(".")[0] or archive
    return name.removesuffix(".tar")


def _unreadable(error: ArchiveError | OSError) -> Refusal:
    if isinstance(error, OSError):
        return unreadable(error)
    return Refusal("archive_damaged", f"It is an archive that cannot be read: {error}.")


def _count(members: dict[str, Member]) -> str:
    return f"{len(members):,} file{'' if len(members) == 1 else 's'}"


def _refused(found: FoundFile, size_bytes: int, refusal: Refusal) -> RefusedFile:
    return RefusedFile(found.path, size_bytes, refusal.code, refusal.reason)

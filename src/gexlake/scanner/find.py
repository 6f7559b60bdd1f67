"""Find a source again by the name that lineage has of it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from gexlake.archive import find_member
from gexlake.errors import SourceError
from gexlake.models.location import ObjectUrl
from gexlake.models.source import MEMBER_MARK, Identity, SourcePlace, file_identity


class SourceFacts(NamedTuple):
    """What a source is at the moment: its size, and an identity that no other path to the same bytes changes."""

    place: SourcePlace
    size_bytes: int
    identity: Identity


def find_source(name: str) -> SourceFacts | None:
    """The file, member of an archive, or object that lineage calls by this name; None where it is not there any more.

    Raises `SourceError` where a store will not say, and `StoreError` where it cannot be asked.
    """
    if url := ObjectUrl.parse(name):
        return _object_facts(url)
    path = _path_of(name)
    if facts := _file_facts(path):
        return facts
    at = name.find(MEMBER_MARK)
    while at >= 0:
        archive, member_name = _path_of(name[:at]), name[at + len(MEMBER_MARK) :]
        facts = _file_facts(archive)
        if facts and (member := find_member(archive, member_name)):
            return SourceFacts(SourcePlace(archive, member_name), member.size_bytes, (*facts.identity, member_name))
        at = name.find(MEMBER_MARK, at + 1)
    return None


def _object_facts(url: ObjectUrl) -> SourceFacts | None:
    from gexlake.bucket.client import MissingObjectError, ObjectError
    from gexlake.bucket.objects import look_at

    try:
        found = look_at(url)
    except MissingObjectError:
        return None
    except ObjectError as error:
        raise SourceError(f"{url} cannot be read: {error}.") from error
    return SourceFacts(SourcePlace(url), found.size_bytes, (str(url),))


def _file_facts(path: Path) -> SourceFacts | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    real = os.path.realpath(path)  # Path.resolve() raises for loops of links
    return SourceFacts(SourcePlace(path), status.st_size, file_identity(real, status))


def _path_of(text: str) -> Path:
    r"""The path that `location_text` wrote; \xNN stands for a byte unless a file has that very name."""
    path = Path(text)
    if "\\x" not in text or path.exists():
        return path
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
    return Path(os.fsdecode(raw))

"""Followers of the commit log: until when the readers of each may ask for files that are not live any more.

One small file each, beside the database and not in it: a database that is made anew must not forget that an open table
still names files. Commit numbers only ever grow, so what a lost database wrote down is not mistaken.

What is to be collected is chosen from the log first, and `oldest_retained` asked then; a follower says what it retains
first, and reads the log then. So no file goes that a follower is about to name.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from urllib.parse import quote

from gexlake.db.layout import LakeLayout, make_directories, replace_durably

EVERYTHING = 0
"""Of a follower whose file cannot be read."""


def oldest_retained(layout: LakeLayout) -> int | None:
    """The oldest commit of which a follower's readers may still ask for files; None where nobody follows.

    A version that a later commit than this took the place of has to stay, and so does one of which the log does not
    say when, where the log begins later.
    """
    return min((_read(file) for file in layout.followers.glob("*.json")), default=None)


def retained_by(layout: LakeLayout, follower: str) -> int | None:
    """The same of one follower; None where there is none of this name."""
    file = _file(layout, follower)
    return _read(file) if file.exists() else None


def retain(layout: LakeLayout, follower: str, commit: int) -> None:
    """Write down, durably, that the files of `commit` and of later ones have to stay."""
    make_directories(layout.followers)
    file = _file(layout, follower)
    said = json.dumps({"follower": follower, "retained": commit}).encode()
    replace_durably(file, file.with_suffix(f".{uuid.uuid4().hex}"), said)


def forget_follower(layout: LakeLayout, follower: str) -> None:
    """Nothing has to stay for it any more."""
    _file(layout, follower).unlink(missing_ok=True)


def _read(file: Path) -> int:
    try:
        return int(json.loads(file.read_text())["retained"])
    except (OSError, ValueError, KeyError, TypeError):
        return EVERYTHING


def _file(layout: LakeLayout, follower: str) -> Path:
    return layout.followers / f"{quote(follower, safe='')}.json"

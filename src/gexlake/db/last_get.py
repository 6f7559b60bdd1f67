"""The note of the last `gexlake get`, beside the database: `last_get.json`."""

from __future__ import annotations

import os

from pydantic import ValidationError

from gexlake.db.layout import LakeLayout, sync_directory
from gexlake.models.last_get import LastGet


def write_last_get(layout: LakeLayout, last: LastGet) -> None:
    """Put it in place of the one before. Raises `OSError`."""
    temporary = layout.last_get.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(last.model_dump_json(), encoding="utf-8")
        temporary.replace(layout.last_get)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(layout.root)


def read_last_get(layout: LakeLayout) -> LastGet | None:
    """The last one; None where there was none, or a later version wrote it."""
    try:
        return LastGet.model_validate_json(layout.last_get.read_bytes())
    except (OSError, ValidationError):
        return None

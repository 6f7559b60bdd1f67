"""Published Parquet files: their footer, which says what they are and where every row came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout
from gexlake.errors import LakeError
from gexlake.importers import IMPORTERS
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.seal import is_sealed
from gexlake.models.feed import SessionKey
from gexlake.models.task import Published

UNKNOWN_VERSION = "unknown"
"""Of a session whose files do not tell it."""


def read_footer(path: Path) -> dict[str, Any]:
    """The document in a Parquet footer; raises `LakeError` for a file that is damaged or not of a lake.

    Of a sealed file the whole footer is sound; that says nothing of the pages.
    """
    import polars as pl

    try:
        is_sealed(path)
        document: dict[str, Any] = json.loads(pl.read_parquet_metadata(path)[FOOTER_KEY])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, KeyError, ValueError) as error:
        raise LakeError(
            f"{path} is not a Parquet file that gexlake has written: {error}.",
            hint="Run `gexlake verify --repair`.",
        ) from error
    return document


def dataset_paths(layout: LakeLayout, record_type: str, session: SessionKey) -> dict[str, Path]:
    """Where the published files of a session are, by data set name."""
    return {d.name: layout.dataset_file(record_type, d.name, session) for d in IMPORTERS[record_type].datasets}


def published_session(layout: LakeLayout, record_type: str, session: SessionKey) -> Published | None:
    """A session of the lake as its files have it, None where there are none.

    Where they do not tell its version, it is of an `UNKNOWN_VERSION`.
    """
    files = dataset_paths(layout, record_type, session)
    if not any(file.exists() for file in files.values()):
        return None
    try:
        return Published(str(read_footer(files["snapshots"])["version"]), files)
    except (LakeError, KeyError):
        return Published(UNKNOWN_VERSION, files)

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


def version_paths(layout: LakeLayout, record_type: str, session: SessionKey, version: str) -> dict[str, Path]:
    """Where the files of a version of a session are, by data set name."""
    datasets = IMPORTERS[record_type].datasets
    return {d.name: layout.version_file(record_type, d.name, session, version) for d in datasets}


def dataset_paths(layout: LakeLayout, record_type: str, session: SessionKey) -> dict[str, Path]:
    """The names by which globs find the live files of a session, by data set name."""
    return {d.name: layout.dataset_file(record_type, d.name, session) for d in IMPORTERS[record_type].datasets}


def published_session(layout: LakeLayout, record_type: str, session: SessionKey) -> Published | None:
    """The live version of a session as its names for globs tell it, None where there are none.

    Where their files do not tell the version, it is of an `UNKNOWN_VERSION`, and the files are those, as they are of a
    lake that an older gexlake wrote.
    """
    shown = dataset_paths(layout, record_type, session)
    if not any(file.exists() for file in shown.values()):
        return None
    told = [told_version(file) for file in shown.values()]
    version = next((one for one in told if one != UNKNOWN_VERSION), UNKNOWN_VERSION)
    files = version_paths(layout, record_type, session, version)
    return Published(version, files if any(file.exists() for file in files.values()) else shown)


def told_version(file: Path) -> str:
    """The version that a file says it is of, `UNKNOWN_VERSION` where it tells none."""
    try:
        return str(read_footer(file)["version"])
    except (LakeError, KeyError):
        return UNKNOWN_VERSION

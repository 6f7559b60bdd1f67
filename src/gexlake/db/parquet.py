"""Published Parquet files: their footer, which says what they are and where every row came from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gexlake.errors import LakeError
from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.seal import read_seal


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


def is_sealed(path: Path) -> bool:
    """Whether a file has a seal; raises `BrokenSealError` where its footer is not what was written."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_seal(descriptor) is not None
    finally:
        os.close(descriptor)

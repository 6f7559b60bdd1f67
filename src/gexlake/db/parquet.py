"""Published Parquet files: their footer, which says what they are and where every row came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gexlake.errors import LakeError
from gexlake.importers.base import FOOTER_KEY


def read_footer(path: Path) -> dict[str, Any]:
    """The document in a Parquet footer; raises `LakeError` for a file that is damaged or not of a lake."""
    import polars as pl

    try:
        document: dict[str, Any] = json.loads(pl.read_parquet_metadata(path)[FOOTER_KEY])
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
        raise LakeError(
            f"{path} is not a Parquet file that gexlake has written: {error}.",
            hint="Run `gexlake verify`, then import its sources again with --force.",
        ) from error
    return document

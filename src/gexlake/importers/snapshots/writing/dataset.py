"""One data set of a session as a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.importers.base import FOOTER_KEY
from gexlake.importers.parquet import write_parquet
from gexlake.models.block import ROW_CAPACITY

if TYPE_CHECKING:
    import polars as pl
    from arro3.core import Schema

COMPRESSION_LEVEL = 1
"""zstd 1: 15 % larger than level 3 in 80 % of its time."""


def write_dataset(
    frame: pl.LazyFrame, path: Path, document: Mapping[str, object], *, schema: Schema, appendix: bytes = b""
) -> None:
    """Stream a frame of a numbered schema into a file and sync it.

    `document` goes into its footer, `appendix` stands right before that.

    Raises `OSError` where the disk refuses.
    """
    write_parquet(
        frame,
        path,
        compression_level=COMPRESSION_LEVEL,
        row_group_size=ROW_CAPACITY,
        arrow_schema=schema,
        appendix=appendix,
        texts={FOOTER_KEY: json.dumps(document, default=str)},
    )

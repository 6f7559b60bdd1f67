"""Writing Parquet: durable when it returns, and with the system's own error where the disk refuses."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.importers.seal import TAIL, blank_seal, seal_file

if TYPE_CHECKING:
    import polars as pl

_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


def write_parquet(
    frame: pl.LazyFrame,
    path: Path,
    *,
    texts: Mapping[str, str] | None = None,
    appendix: bytes = b"",
    **options: Any,
) -> None:
    """Stream a frame into a file compressed with zstd, seal it and sync it to disk; `texts` go into its footer.

    `appendix` stands right before the footer, where readers of Parquet, who go by the places in it, pass it over.

    `options` are those of `sink_parquet`.

    Raises `OSError` where the file cannot be written: Polars wraps that in an error of its own, or in none.
    """
    from polars.exceptions import PolarsError

    try:
        frame.sink_parquet(path, compression="zstd", metadata={**(texts or {}), **blank_seal()}, **options)
    except PolarsError as error:
        number = _SYSTEM_ERROR.search(str(error))
        if number is None and "transport error" not in str(error):  # of Thrift, in which footers are written
            raise
        code = int(number[1]) if number else _cause(path)
        raise OSError(code, os.strerror(code), str(path)) from error
    if appendix:
        _insert_before_footer(path, appendix)
    seal_file(path)


def _insert_before_footer(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(-TAIL, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little") + TAIL
        file.seek(-length, os.SEEK_END)
        footer = file.read()
        file.seek(-length, os.SEEK_END)
        file.write(data + footer)


def _cause(path: Path) -> int:
    """What the system says to writing on behind a write that failed; the file is of no use any more."""
    try:
        with path.open("ab") as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        return error.errno or errno.EIO
    return errno.EIO

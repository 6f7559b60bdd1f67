"""What tests of a scan expect of it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from gexlake.models.feed import Feed, SessionKey
from gexlake.models.source import RefusedFile, SourceFile
from gexlake.packing import Compression
from gexlake.scanner import REFUSALS, ScanResult

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MakeRecord = Callable[..., bytes]
Put = Callable[[str, bytes], Path]
VENDOR_NAME = "2025-11-14_NQ_NDX_classic_gex_zero.json"
NQ_ZERO = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 14))
CSV_REASON = "It is not JSON: CSV, a table; import the JSON that it was made from."
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: zstd.compress,
    Compression.BZIP2: bz2.compress,
    Compression.XZ: lzma.compress,
}


def only(result: ScanResult) -> SourceFile:
    assert (result.refused, len(result.files)) == ((), 1)
    return result.files[0]


def refusal(result: ScanResult) -> RefusedFile:
    assert (result.files, len(result.refused)) == ((), 1)
    assert result.refused[0].code in REFUSALS
    return result.refused[0]

"""Zstandard as the standard library has it: `compression.zstd` from Python 3.14 on, its backport before.

Import it where it is used: most sources are not packed.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile, compress
else:
    from backports.zstd import ZstdCompressor, ZstdDecompressor, ZstdError, ZstdFile, compress

__all__ = ["ZstdCompressor", "ZstdDecompressor", "ZstdError", "ZstdFile", "compress"]

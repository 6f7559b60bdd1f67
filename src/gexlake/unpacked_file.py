"""The text of a packed file as a file of its own: read forwards, and from the start again where somebody goes back.

For packed tar archives, in which nothing can be reached but through all that stands in front of it. Whoever asks for
its members in their order has it unpacked once: a file that is let go of is kept where it stands, for the next one.
"""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

from gexlake.packing import Compression, DamagedMemberError, Unpacker, codec_of

PACKED_BYTES = 1 << 16
SKIP_BYTES = 1 << 20
LOOK_BACK_BYTES = 512
"""So far one can go back without beginning anew: a header of tar."""
MOST_IDLE = 2
"""A file that is read a second time, a little ahead of the first, needs two."""
MAX_EXPANSION_RATIO = 300
"""Real GEX history packs 4 to 12 times; deflate can reach 1,032 and zstd far more in a bomb."""
EXPANSION_ALLOWANCE_BYTES = 64 << 20
"""Expansion is not questioned below this many unpacked bytes: small files may be repetitive."""


def is_bomb(unpacked_bytes: int, packed_bytes: int) -> bool:
    """Whether so much cannot have been packed into so little in earnest."""
    return unpacked_bytes > max(EXPANSION_ALLOWANCE_BYTES, packed_bytes * MAX_EXPANSION_RATIO)


class UnpackError(Exception):
    """The packed bytes are damaged, or expand beyond reason; any value in front of that may be wrong as well."""


class UnpackedFile(io.RawIOBase):
    """What a packed file unpacks to. A stream that is cut short ends there.

    Opening raises `OSError`; reading raises `UnpackError`, and `OSError`.
    """

    def __init__(self, path: Path, compression: Compression) -> None:
        self._codec = codec_of(compression)
        self._compression = compression
        self._file = path.open("rb", buffering=0)
        self.is_broken = False
        self.identity = identity_of(os.fstat(self._file.fileno()))
        self._restart()

    def _restart(self) -> None:
        self._file.seek(0)
        self._at = 0
        self._unpacker = Unpacker(self._codec, lambda: self._file.read(PACKED_BYTES) or b"")
        self._is_over = False
        self._last = self._again = b""
        """What was given last, and what of it is to be given once more."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; one behind the end is the end."""
        target = offset + (self._at if whence == os.SEEK_CUR else 0)
        if self._at - len(self._last) <= target < self._at and not self._again:
            cut = target - self._at
            self._last, self._again = self._last[:cut], self._last[cut:]
            self._at = target
        elif target < self._at:
            self._restart()
        while self._at < target and self.read(min(SKIP_BYTES, target - self._at)):
            pass
        return self._at

    def read(self, size: int = SKIP_BYTES, /) -> bytes:
        """Up to so many bytes, fewer only at the end."""
        parts, wanted = [], size
        while wanted and (data := self._unpack(wanted)):
            parts.append(data)
            wanted -= len(data)
        return b"".join(parts)

    def _unpack(self, size: int) -> bytes:
        """Some bytes, none at the end."""
        data, self._again = self._again[:size], self._again[size:]
        if not data:
            data = self._unpack_on(size)
        self._at += len(data)
        self._last = (self._last + data)[-LOOK_BACK_BYTES:] if len(data) < LOOK_BACK_BYTES else data[-LOOK_BACK_BYTES:]
        return data

    def _unpack_on(self, size: int) -> bytes:
        if self._is_over:
            return b""
        try:
            data = self._unpacker.read(size)
        except EOFError:
            data = b""
        except DamagedMemberError as error:
            self.is_broken = True
            raise UnpackError(f"its {self._compression} stream is damaged ({error})") from error
        self._is_over = not data
        packed_bytes = self._unpacker.packed_bytes
        if is_bomb(self._at + len(data), packed_bytes):
            raise UnpackError(f"{packed_bytes:,} packed bytes expand more than {MAX_EXPANSION_RATIO} times")
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


Identity = tuple[int, ...]


def identity_of(status: os.stat_result) -> Identity:
    """Which file it is, and which state of it."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


_idle: list[UnpackedFile] = []
_lock = threading.Lock()


def take_unpacked(path: Path, compression: Compression, offset: int) -> UnpackedFile:
    """The unpacked file, standing at a place; give it back with `give_back`. Raises as `UnpackedFile` does."""
    wanted = identity_of(path.stat())
    with _lock:
        fitting = [file for file in _idle if file.identity == wanted and file.tell() <= offset]
        file = max(fitting, key=UnpackedFile.tell, default=None)
        if file is not None:
            _idle.remove(file)
    file = file or UnpackedFile(path, compression)
    try:
        file.seek(offset)
    except BaseException:
        file.close()
        raise
    return file


def give_back(file: UnpackedFile) -> None:
    """Keep it for whoever asks next, instead of the one that has been idle for longest."""
    with _lock:
        _idle.extend([] if file.is_broken else [file])
        surplus = [*_idle[:-MOST_IDLE], *([file] if file.is_broken else [])]
        del _idle[:-MOST_IDLE]
    for other in surplus:
        other.close()

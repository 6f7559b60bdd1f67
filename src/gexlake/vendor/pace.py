"""At most one request a second of each ticker and metric, whichever process of this user asks.

A file of each name holds when its next turn is, and a lock on it (flock(2)) is held for as long as it takes to read
and write that: a turn is taken before it comes, so nobody waits with the lock, and who dies while waiting loses only
his own. Times are those of the system's own clock since it was started, which no one sets and all processes share.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from gexlake.errors import StorageError

INTERVAL_SECONDS = 1.0
ALL_SHARE = 1 / 10
"""Of that interval lies between any two requests at least: a bound of our own, the vendor names none."""
_MAX_BYTES = 256
_BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")


class Pace:
    """Turns of requests, kept in the files of a folder, which is made where there is none."""

    def __init__(self, folder: Path, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._folder = folder
        self._interval_seconds = interval_seconds
        self._boot = boot_id()

    def take_turn(self, host: str, metric: str) -> float:
        """Take the next turn of a metric at a host; the seconds until then. Raises `StorageError`."""
        if not self._interval_seconds:
            return 0.0
        turn = self._take(host, self._interval_seconds * ALL_SHARE)
        turn = self._take(f"{host} {metric}", self._interval_seconds, not_before=turn)
        return max(turn - _now(), 0.0)

    def _take(self, name: str, interval_seconds: float, *, not_before: float = 0.0) -> float:
        file = self._folder / hashlib.sha256(name.encode()).hexdigest()[:32]
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                turn = max(_now(), not_before, self._next_turn(os.pread(descriptor, _MAX_BYTES, 0)))
                written = os.pwrite(descriptor, f"{self._boot} {turn + interval_seconds:.6f}\n".encode(), 0)
                os.ftruncate(descriptor, written)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(
                f"{file} cannot be written: {error.strerror}.",
                hint="It says when the vendor may be asked next. XDG_CACHE_HOME names another place.",
            ) from error
        return turn

    def _next_turn(self, content: bytes) -> float:
        """0 for what an earlier start of the system left, or nobody can read."""
        boot, _, turn = content.decode("ascii", "replace").strip().partition(" ")
        with suppress(ValueError):
            return float(turn) if boot == self._boot else 0.0
        return 0.0


def pace_folder() -> Path:
    """Where the turns of this user are kept."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "gexlake" / "pace"  # noqa: PTH117


def boot_id() -> str:
    """Which start of the system this is; "" where it does not say."""
    try:
        return _BOOT_FILE.read_text().strip()
    except OSError:
        return ""


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

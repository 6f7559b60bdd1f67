"""A folder that behaves as a bucket: what is published in it can be read by whoever mounts it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gexlake.bucket.client import MISSING, MissingObjectError
from gexlake.errors import StoreError

if TYPE_CHECKING:
    from gexlake.bucket.store import Stored

LOCK_NAME = ".lock"
NEW_PREFIX = ".new-"
"""Of a file that has not got its name yet."""


class FolderStore:
    """See `store.Store`. Files of the same file system are linked, not copied: they never change under their names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def address(self) -> str:
        return str(self._root)

    def make(self) -> None:
        with self._translated():
            self._root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, file: Path) -> None:
        with self._translated(), self._new(key) as new:
            try:
                os.link(file, new)
            except OSError:
                shutil.copyfile(file, new)
                _sync(new)
            new.replace(self._root / key)

    def create(self, key: str, data: bytes) -> bool:
        with self._translated(), self._new(key) as new:
            _write(new, data)
            try:
                os.link(new, self._root / key)
            except FileExistsError:
                return False
        return True

    def replace(self, key: str, data: bytes, etag: str) -> bool:
        with self._translated(), self._locked(), self._new(key) as new:
            there = self.read(key)
            if there is None or there[1] != etag:
                return False
            _write(new, data)
            new.replace(self._root / key)
        return True

    def read(self, key: str) -> tuple[bytes, str] | None:
        with self._translated():
            try:
                data = (self._root / key).read_bytes()
            except FileNotFoundError:
                if not self._root.is_dir():
                    raise
                return None
        return data, hashlib.blake2b(data, digest_size=16).hexdigest()

    def fetch(self, key: str, into: Path) -> None:
        file = self._root / key
        if not file.exists():
            raise MissingObjectError(MISSING)
        with self._translated():
            try:
                os.link(file, into)
            except OSError as error:
                if error.errno == errno.EEXIST:
                    raise
                shutil.copyfile(file, into)
                _sync(into)

    def iter_stored(self, prefix: str) -> Iterator[Stored]:
        from gexlake.bucket.store import Stored

        with self._translated():
            if not self._root.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            for folder, _, names in os.walk(self._root / prefix):
                for name in names:
                    if name.startswith(NEW_PREFIX):
                        continue
                    file = Path(folder, name)
                    with suppress(FileNotFoundError):
                        status = file.stat()
                        # Of the entry, not of the content: a link to a file of last year was made today.
                        changed = datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)
                        yield Stored(file.relative_to(self._root).as_posix(), status.st_size, changed)

    def delete(self, keys: Iterable[str]) -> None:
        with self._translated():
            for key in keys:
                file = self._root / key
                file.unlink(missing_ok=True)
                for folder in file.parents[: len(Path(key).parts) - 1]:
                    with suppress(OSError):  # it is not empty
                        folder.rmdir()

    @contextmanager
    def _new(self, key: str) -> Iterator[Path]:
        """A name beside that of the key, of which nothing is left."""
        if not self._root.is_dir():  # an unmounted disk must not be written beside
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        folder = (self._root / key).parent
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{NEW_PREFIX}{uuid.uuid4().hex}"
        try:
            yield new
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        finally:
            new.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._root / LOCK_NAME).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise StoreError(f"The folder {self._root} cannot be used: {words}.", hint="Is it mounted?") from error


def _write(file: Path, data: bytes) -> None:
    with file.open("xb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())

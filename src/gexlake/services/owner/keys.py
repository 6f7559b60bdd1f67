"""API keys of a lake: who may use its service, and for what.

They lie in `<lake>/keys.json`, readable by the owner alone. A key is text of the form `gexlake_<id>_<secret>`, shown
once when it is made; only its SHA-256 is stored. Revoked keys stay in the file, so that their names stay known, and so
that a lake whose last key was revoked does not become one that has no keys, which would be open.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from gexlake.db.layout import sync_directory
from gexlake.errors import LakeError, StorageError, UsageError

KEYS_FILE = "keys.json"
SECRET_BYTES = 32
ID_BYTES = 4
PREFIX = "gexlake"


class Scope(StrEnum):
    """What a key admits to."""

    READ = "read"
    """Data, lineage, quarantine, metrics."""
    IMPORT = "import"
    """Starting and stopping imports; writing notes."""
    SQL = "sql"
    """One's own SQL statements."""


class Key(BaseModel, frozen=True):
    """One API key, without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked: datetime | None = None
    sha256: str
    """Of the whole key. One round without salt is right here, and would be wrong for passwords: a key is 256 random
    bits, so there is no dictionary to try and no two keys are alike."""


_KEYS = TypeAdapter(list[Key])


def create_key(lake: Path, *, name: str, scopes: Sequence[Scope] = (Scope.READ,)) -> tuple[Key, str]:
    """Make a key and return it with its text, which is nowhere else. The lake's directory is made where there is none.

    Raises `UsageError` for a name that is empty or longer than 100 characters, or without a scope; `StorageError` and
    `LakeError` as the file demands.
    """
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise UsageError(f"{name!r} cannot be the name of a key.", hint="Give 1 to 100 printable characters.")
    if not scopes:
        raise UsageError("A key needs a scope.", hint=f"There are {', '.join(Scope)}.")
    with _changing(lake) as keys:
        taken = {key.id for key in keys}
        key_id = next(word for word in iter(lambda: secrets.token_hex(ID_BYTES), "") if word not in taken)
        text = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        key = Key(
            id=key_id,
            name=name,
            scopes=tuple(dict.fromkeys(scopes)),
            created_at=datetime.now(UTC).replace(microsecond=0),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        keys.append(key)
    return key, text


def list_keys(lake: Path) -> list[Key]:
    """All keys in the order they were made, the revoked ones too. Raises `LakeError` when the file is damaged."""
    return _read(lake / KEYS_FILE)


def revoke_key(lake: Path, key_id: str) -> Key:
    """Take a key out of use, at once also in a running server; one that is revoked stays as it is.

    Raises `UsageError` where no key has this id.
    """
    with _changing(lake) as keys:
        for number, key in enumerate(keys):
            if key.id == key_id:
                keys[number] = key.model_copy(
                    update={"revoked": key.revoked or datetime.now(UTC).replace(microsecond=0)}
                )
                return keys[number]
    raise UsageError(f"The lake {lake} has no key {key_id}.", hint="`gexlake keys list` shows their ids.")


class KeyStore:
    """The keys of a lake for a running server: every call sees the file as it is now.

    Looking costs one stat(2), about 2 microseconds; the file is read again only when it is another one.
    """

    def __init__(self, lake: Path) -> None:
        self._file = str(lake / KEYS_FILE)
        self._version: tuple[int, int, int] | None = None
        self._keys: dict[str, Key] = {}

    @property
    def exist(self) -> bool:
        """Whether the lake has a key, be it a revoked one. Raises `LakeError` when the file is damaged."""
        return bool(self._current())

    @property
    def usable(self) -> bool:
        """Whether a key is there that is not revoked. Raises `LakeError` when the file is damaged."""
        return any(key.revoked is None for key in self._current().values())

    def find(self, text: str) -> Key | None:
        """The key that this is the text of; None where there is none, or it was revoked. Raises `LakeError`."""
        key = self._current().get(text[len(PREFIX) + 1 : len(PREFIX) + 1 + 2 * ID_BYTES])
        if key is None or key.revoked is not None:
            return None
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return key if hmac.compare_digest(digest, key.sha256) else None

    def _current(self) -> dict[str, Key]:
        try:
            status = os.stat(self._file)  # noqa: PTH116 - Path.stat takes twice as long, and this is on every request
        except FileNotFoundError:
            version = None
        except OSError as error:
            raise LakeError(f"{self._file} cannot be read: {error.strerror}.") from error
        else:
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if version != self._version:
            self._keys = {key.id: key for key in _read(Path(self._file))}
            self._version = version
        return self._keys


# ---- the file ------------------------------------------------------------------------------------------------------


def _read(file: Path) -> list[Key]:
    try:
        return _KEYS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return []
    except ValidationError:
        raise LakeError(
            f"{file} is damaged.", hint="Bring it back from a backup, or remove it and make the keys anew."
        ) from None
    except OSError as error:
        raise LakeError(f"{file} cannot be read: {error.strerror}.") from error


@contextmanager
def _changing(lake: Path) -> Iterator[list[Key]]:
    """The keys, to be changed; written when the block is left without an error. One process at a time."""
    try:
        lake.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lake, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{lake} cannot be used: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # on the directory: the file itself is replaced
        keys = _read(lake / KEYS_FILE)
        yield keys
        _write(lake, keys)
    finally:
        os.close(descriptor)


def _write(lake: Path, keys: list[Key]) -> None:
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=lake, prefix=f".{KEYS_FILE}.", delete=False) as file:  # of mode 0600
            temporary = Path(file.name)
            file.write(_KEYS.dump_json(keys, indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(lake / KEYS_FILE)
        sync_directory(lake)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise StorageError(f"{lake / KEYS_FILE} cannot be written: {error.strerror}.") from error

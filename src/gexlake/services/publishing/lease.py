"""The lease of a mirror: one owner writes it at a time, and says so.

It spares two owners the work of finding out. What is published does not rest on it: each publication is created where
nothing is, and of two that are made at once one loses, whatever the clocks of the two machines say.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

from gexlake.bucket.store import Store
from gexlake.errors import LakeError
from gexlake.models.mirror import LEASE

LEASE_SECONDS = 60.0
"""So long is a lease that nobody renews; its owner may be cut off, and not know."""
RENEW_SECONDS = 15.0


class OwnerError(LakeError):
    """The place is written by another owner."""


class Lease:
    """Held by an owner of a mirror; to be renewed while it works, and released at the end."""

    def __init__(self, store: Store, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._etag = ""
        self._renewed = 0.0

    def hold(self) -> None:
        """Take the lease, or renew it where that is due. Raises `OwnerError` where another owner has it."""
        if not self._etag:
            self._take()
        elif time.monotonic() - self._renewed > RENEW_SECONDS:
            if not self._store.replace(LEASE, self._document(), self._etag):
                self._etag = ""
                self._take()
            else:
                self._note()

    def release(self) -> None:
        """Let others have it; done again, it does nothing."""
        if self._etag and self._is_ours(self._store.read(LEASE)):
            self._store.delete([LEASE])
        self._etag = ""

    def _take(self) -> None:
        there = self._store.read(LEASE)
        if there is None:
            taken = self._store.create(LEASE, self._document())
        elif self._is_ours(there) or _age(there[0]) > LEASE_SECONDS:
            taken = self._store.replace(LEASE, self._document(), there[1])
        else:
            raise self._held(there[0])
        self._note()
        if not taken and not self._etag:
            raise OwnerError(
                f"Another owner of the mirror {self._store.address} was quicker this moment.", hint="Run it again."
            )

    def _note(self) -> None:
        """Take down what is there, if it is ours: a request whose answer was lost may have been carried out."""
        there = self._store.read(LEASE)
        self._etag = there[1] if there is not None and self._is_ours(there) else ""
        self._renewed = time.monotonic()

    def _is_ours(self, there: tuple[bytes, str] | None) -> bool:
        return there is not None and _read(there[0]).get("owner") == self._owner

    def _document(self) -> bytes:
        facts = {"owner": self._owner, "host": socket.gethostname(), "process": os.getpid(), "renewed_at": time.time()}
        return json.dumps(facts).encode()

    def _held(self, data: bytes) -> OwnerError:
        found = _read(data)
        return OwnerError(
            f"The mirror {self._store.address} is being written by another owner, process {found.get('process')} on "
            f"{found.get('host')}, last heard of {_age(data):.0f} s ago.",
            hint=f"End that one; a lease that nobody renews is free after {LEASE_SECONDS:.0f} s.",
        )


def _age(data: bytes) -> float:
    """Seconds since it was renewed; one that cannot be read is old."""
    try:
        return abs(time.time() - float(_read(data)["renewed_at"]))
    except (KeyError, TypeError, ValueError):
        return LEASE_SECONDS + 1


def _read(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

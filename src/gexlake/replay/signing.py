"""Signed addresses of files: they say themselves how long they are good for, and need no key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

LIFETIME_SECONDS = 300.0


class Signer:
    """Signs names of files with a secret that dies with the process. `clock` tells Unix time in seconds."""

    def __init__(self, clock: Callable[[], float], *, lifetime_seconds: float = LIFETIME_SECONDS) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self.lifetime_seconds = lifetime_seconds

    def query(self, name: str, owner: str, *, lifetime_seconds: float | None = None) -> str:
        """The query of an address: when it expires, in Unix seconds, whose it is, and the signature over all three."""
        lifetime = self.lifetime_seconds if lifetime_seconds is None else lifetime_seconds
        expiry = f"{self._clock() + lifetime:.3f}"
        return f"se={expiry}&ro={owner}&sig={self._sign(name, owner, expiry)}"

    def admits(self, name: str, owner: str, expiry: str, signature: str) -> bool:
        """Whether a query is of this name, whole, and not expired."""
        if not hmac.compare_digest(signature.encode(), self._sign(name, owner, expiry).encode()):
            return False
        return self._clock() < float(expiry)  # it is one of ours, so it is a number

    def forget(self) -> None:
        """Make all addresses that were given out worthless."""
        self._secret = secrets.token_bytes(32)

    def _sign(self, name: str, owner: str, expiry: str) -> str:
        return hmac.new(self._secret, f"{name}\n{owner}\n{expiry}".encode(), hashlib.sha256).hexdigest()

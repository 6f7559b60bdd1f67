"""Who asks, and what the vendor says to whom it does not know. Keys are never kept, only what tells them apart."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import NamedTuple

NO_KEY = "Authorization header not found."
NO_USER_AGENT = "User-Agent header not found."
TIERS = ("classic", "state", "orderflow", "quant")
"""Each has what those before it have."""
_SECRET = re.compile(r"(?i)\b(access_token|sig|key|awps_reconnection_token)=[^&\s\"']+|(authorization:?\s*)[^\r\n\"']+")
_SALT = secrets.token_bytes(16)


class Caller(NamedTuple):
    """Who asks: what tells its key from others, in this process only, and the tier of the key."""

    key_id: str
    tier: str

    def may(self, tier: str) -> bool:
        """Whether the key has what a tier has."""
        return TIERS.index(self.tier) >= TIERS.index(tier)


ANYBODY = Caller("", "quant")
"""Of routes that need no key."""


def key_of(authorization: str | None, query: Mapping[str, str]) -> str:
    """The key of a request: behind Bearer or Basic (as it is, not in base64), or `key` of the query; "" for none."""
    if authorization:
        scheme, _, rest = authorization.strip().partition(" ")
        return rest.strip() if scheme.lower() in ("bearer", "basic") else ""
    return query.get("key", "").strip()


def caller_of(key: str) -> Caller:
    """Who a key is. Its tier is what stands behind its last hyphen, `quant` where no tier stands there."""
    tier = key.rpartition("-")[2]
    key_id = hashlib.blake2b(key.encode(), digest_size=6, key=_SALT).hexdigest()
    return Caller(key_id, tier if tier in TIERS else "quant")


def redact(text: str) -> str:
    """A text without keys, tokens and signatures."""
    return _SECRET.sub(lambda found: f"{found[1]}=…" if found[1] else f"{found[2]}…", text)

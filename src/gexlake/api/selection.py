"""Some fields of snapshots that are there as text. Pure."""

from __future__ import annotations

import json
from typing import Any

import orjson


def parsed(text: bytes | memoryview) -> Any:
    """The value that a snapshot's or a page's text stands for."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # unknown fields may hold lone surrogates, which orjson refuses
        return json.loads(bytes(text))


def selected(snapshot: dict[str, Any], fields: list[str]) -> bytes:
    """A snapshot with these fields alone, null where it has none of that name."""
    chosen = {name: snapshot.get(name) for name in fields}
    try:
        return orjson.dumps(chosen)
    except TypeError:
        return json.dumps(chosen, separators=(",", ":")).encode()

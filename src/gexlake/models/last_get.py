"""How the last `gexlake get` into a lake went, whichever process ran it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class LastGet(BaseModel):
    """Kept in the lake. Days are those of single feeds; times are UTC."""

    ended_at: datetime
    directory: str
    complete: bool
    """Nothing was missing that may still come, and all that was imported was sound."""
    files_fetched: int
    bytes_fetched: int
    counts: dict[str, int]
    """Days by what they are, as `gexlake get` names it."""
    missing: int
    """Days that are missing and may still come."""
    expires_in_days: int | None
    """For so long the vendor keeps the oldest of those; None where none is missing."""
    incomplete: int
    """Sessions that were fetched and imported, and have holes all the same."""
    notes: list[str]

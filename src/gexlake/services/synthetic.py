"""Synthetic history is called so wherever it shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

NOTE_NAME = "SYNTHETIC.md"
"""The note that `gexlake sample` leaves beside what it writes."""


def synthetic_sources(sources: Iterable[str | Path]) -> list[str]:
    """Those of the files and folders that a note calls synthetic, now that one looks."""
    return sorted({str(source) for source in sources if _has_note(Path(source))})


def _has_note(source: Path) -> bool:
    folder = source if source.is_dir() else source.parent
    return (folder / NOTE_NAME).is_file()

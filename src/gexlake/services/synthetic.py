"""Synthetic history is called so wherever it shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gexlake.models.source import SYNTHETIC_NOTE


def synthetic_sources(sources: Iterable[str | Path]) -> list[str]:
    """Those of the files and folders that a note calls synthetic, now that one looks."""
    return sorted({str(source) for source in sources if _has_note(Path(source))})


def _has_note(source: Path) -> bool:
    folder = source if source.is_dir() else source.parent
    return (folder / SYNTHETIC_NOTE).is_file()

"""A lake that is what an import makes that nothing disturbs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.lakes import Content, lake_content

DATA = ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet", "quarantine")
"""What such a lake and one that took several imports have in common."""


def fresh_content(folder: Path, lake: Path) -> Content:
    """What a first import of a folder gives, into a lake that is made for it."""
    import_history(folder, lake)
    return lake_content(lake)


def has_data(found: Content, expected: Content, names: Iterable[str] = DATA) -> bool:
    return all(found[name] == expected[name] for name in names)


def assert_whole(lake: Path, expected: Content, *, names: Iterable[str] = DATA, verify: bool = True) -> None:
    """It has the data, `verify` finds nothing, and nothing is left in staging."""
    found = lake_content(lake)
    for name in names:
        assert found[name] == expected[name], name
    if verify:
        assert verify_lake(lake).findings == []
    assert not list((lake / "staging").iterdir())


def assert_completes(folder: Path, lake: Path, expected: Content, *, acceptable: bool = True, **how: Any) -> None:
    """The next import brings the lake to where an undisturbed one would be."""
    assert import_history(folder, lake).acceptable == acceptable
    assert_whole(lake, expected, **how)

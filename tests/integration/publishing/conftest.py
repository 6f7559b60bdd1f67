"""Small lakes that are published, each in a place of its own: open tables name their files by whole paths."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.services.publishing.publish import publish
from gexlake.services.upkeep.revise import forget_source
from helpers.histories import edit, write_history


class Changing(NamedTuple):
    """A lake before and after a day of changes: one session replaced, one removed, one new."""

    before: Path
    after: Path


@pytest.fixture(autouse=True)
def planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polars warns where its faster planner is not installed."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture(scope="module")
def all_types(fast_disk: Path) -> Iterator[Path]:
    """A lake of every record type, with a ticker whose name is not that of its folder."""
    folder = fast_disk / "published-types"
    for package, category in (("classic", "gex_zero"), ("state", "gamma_zero"), ("orderflow", "orderflow")):
        write_sample(folder / "history", sessions=1, packages=[package], categories=[category], snapshots=20, strikes=5)
    for file in write_sample(folder / "others", sessions=2, tickers=["SPX"], snapshots=20, strikes=5).files:
        text = file.path.read_text().replace('"SPX"', '"^SPX"')
        (folder / "history" / file.path.name.replace("SPX", "^SPX")).write_text(text)
    import_history(folder / "history", folder / "lake")
    yield folder / "lake"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def changing(fast_disk: Path) -> Iterator[Changing]:
    folder = fast_disk / "published-changes"
    first, second, third = write_history(folder / "history", sessions=3, snapshots=10)
    third.rename(folder / third.name)
    import_history(folder / "history", folder / "before")
    shutil.copytree(folder / "before", folder / "after")
    edit(first, lambda records: records[4].update(spot=1.5))
    (folder / third.name).rename(third)
    import_history(folder / "history", folder / "after")
    forget_source(folder / "after", second)
    yield Changing(folder / "before", folder / "after")
    shutil.rmtree(folder)


@pytest.fixture
def lake(work: Path, changing: Changing) -> Path:
    """The lake before its changes, published."""
    shutil.copytree(changing.before, work / "lake")
    publish(work / "lake")
    return work / "lake"


@pytest.fixture
def change(lake: Path, changing: Changing) -> None:
    """The changes are committed, and not yet carried over."""
    shutil.rmtree(lake / "gex")
    for path in changing.after.iterdir():
        if path.is_dir():
            shutil.copytree(path, lake / path.name, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, lake / path.name)

"""Small lakes of synthetic records, and stores over them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.services.importing.import_history import import_history
from helpers.ages import before_lookup_indexes
from helpers.histories import MONDAY, TUESDAY, Record, records_of, vendor_name, write_array
from unit.services.store.support import MadeLake, MakeLake


@pytest.fixture
def make_lake(tmp_path: Path) -> MakeLake:
    def make(records: dict[date, list[Record]]) -> MadeLake:
        for day, of_day in records.items():
            write_array(tmp_path / "source" / vendor_name(day), of_day)
        import_history(tmp_path / "source", tmp_path / "lake")
        return MadeLake(LakeLayout(tmp_path / "lake"), dict(records))

    return make


@pytest.fixture(scope="session")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> MadeLake:
    """40 snapshots on Monday and 30 on Tuesday; its Parquet files are for reading only."""
    folder = tmp_path_factory.mktemp("two-days")
    records = {MONDAY: records_of(MONDAY, 40), TUESDAY: records_of(TUESDAY, 30)}
    for day, of_day in records.items():
        write_array(folder / "source" / vendor_name(day), of_day)
    import_history(folder / "source", folder / "lake")
    return MadeLake(LakeLayout(folder / "lake"), records)


@pytest.fixture(scope="session")
def two_old_days(two_days: MadeLake, tmp_path_factory: pytest.TempPathFactory) -> MadeLake:
    """The same in files from before there were lookup indexes."""
    folder = tmp_path_factory.mktemp("two-old-days")
    for day, of_day in two_days.records.items():
        write_array(folder / "source" / vendor_name(day), of_day)
    with before_lookup_indexes():
        import_history(folder / "source", folder / "lake")
    return MadeLake(LakeLayout(folder / "lake"), two_days.records)

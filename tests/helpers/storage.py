"""A disk that hinders an import: the history it is of, and what holds once it does so no more."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from gexlake.services.importing.import_history import import_history
from helpers.histories import TUESDAY, records_of, vendor_name, write_array, write_history
from helpers.lakes import Content
from helpers.runner import Outcome
from helpers.whole import fresh_content


@dataclass(frozen=True)
class History:
    """A folder, the lake that the first version of it made, and what a first import of it as it is now gives."""

    folder: Path
    lake: Path
    fresh: Content

    @classmethod
    def of(cls, folder: Path) -> History:
        """The lake that a folder makes now."""
        lake = folder.with_name(f"{folder.name}-fresh")
        return cls(folder, lake, fresh_content(folder, lake))

    @classmethod
    def changed(cls, folder: Path) -> History:
        """Two sessions, one of which has changed since they were imported."""
        lake = folder.with_name(f"{folder.name}-lake")
        write_history(folder, sessions=2)
        import_history([folder], lake)
        write_array(folder / vendor_name(TUESDAY), [*records_of(TUESDAY, 50), {"timestamp": 1}])
        return replace(cls.of(folder), lake=lake)

    def lake_before(self, target: Path) -> Path:
        """A copy of the lake before the change."""
        return shutil.copytree(self.lake, target)


def assert_clear(outcome: Outcome) -> None:
    """One sentence of what and where, one of what to do; exit status 1; no traceback."""
    assert outcome.status == 1, outcome
    assert outcome.err.startswith("StorageError: "), outcome.err
    assert "run the same command again" in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""

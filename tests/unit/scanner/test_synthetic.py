from __future__ import annotations

import shutil
from pathlib import Path

import gexlake
from gexlake.models.source import SYNTHETIC_NOTE
from gexlake.scanner.synthetic import has_synthetic_note
from gexlake.services.asking.status import lake_status
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.rebuild import rebuild_database


def test_a_note_counts_for_files_beside_and_below_it(tmp_path: Path) -> None:
    below = tmp_path / "history" / "2025-11" / "2025-11-14.json"
    assert not has_synthetic_note(below)
    below.parent.mkdir(parents=True)
    (tmp_path / "history" / SYNTHETIC_NOTE).touch()
    assert has_synthetic_note(below)
    assert not has_synthetic_note(tmp_path / "2025-11-14.json")


def test_the_lake_remembers_that_history_was_synthetic(history: Path, tmp_path: Path) -> None:
    source, lake = shutil.copytree(history, tmp_path / "source"), tmp_path / "lake"
    import_history([source], lake)
    shutil.rmtree(source)
    assert lake_status(lake).synthetic_sources == [str(source)]
    rebuild_database(lake)
    assert lake_status(lake).synthetic_sources == [str(source)]
    assert gexlake.open(lake).sql("SELECT bool_and(synthetic) FROM lineage").item()

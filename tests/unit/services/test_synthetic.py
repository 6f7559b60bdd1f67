from __future__ import annotations

from pathlib import Path

from gexlake.services.synthetic import synthetic_sources


def test_a_folder_with_the_note_and_a_file_beside_it(history: Path, tmp_path: Path) -> None:
    file = next(history.glob("*.json"))
    assert synthetic_sources([tmp_path, history, file, tmp_path / "gone"]) == sorted([str(history), str(file)])

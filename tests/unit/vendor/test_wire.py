"""The code of the protobuf schemas is what `make proto` makes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gexlake

SOURCE = Path(gexlake.__file__).parents[1]


def test_the_generated_code_is_current(tmp_path: Path) -> None:
    schemas = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.glob("gexlake/vendor/wire/*.proto"))
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        "-I",
        ".",
        f"--python_out={tmp_path}",
        f"--pyi_out={tmp_path}",
    ]
    subprocess.run([*command, *schemas], check=True, cwd=SOURCE)
    made = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(made) == 2 * len(schemas) == 4
    for path in made:
        committed = SOURCE / path.relative_to(tmp_path)
        assert committed.read_text() == path.read_text(), f"{committed.name} is stale: run `make proto`"

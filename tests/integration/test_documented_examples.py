"""What is shown as an example is run: in docstrings of the Python door, and in the notebooks of examples/."""

from __future__ import annotations

import doctest
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

import gexlake
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

TOOL = Path(__file__).parents[2] / "tools" / "make_examples.py"
DOORS = [one for one in gexlake.Lake.__mro__ if one is not object]
EXAMPLES = [test for door in DOORS for test in doctest.DocTestFinder().find(door, "Lake") if test.examples]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> gexlake.Lake:
    root = tmp_path_factory.mktemp("examples")
    write_sample(root / "sample", sessions=1, strikes=21)
    import_history(root / "sample", root / "data")
    return gexlake.open(root / "data")


@pytest.fixture(scope="module")
def make_examples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_examples", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_examples_in_docstrings_say_what_comes_out(example: doctest.DocTest, lake: gexlake.Lake) -> None:
    example.globs = {"lake": lake}
    said: list[str] = []
    result = doctest.DocTestRunner().run(example, out=said.append)
    assert result.failed == 0, "".join(said)


def test_what_is_read_has_examples() -> None:
    assert {test.name for test in EXAMPLES} >= {
        f"Lake.{name}" for name in ("snapshots", "strikes", "at", "asof", "bars", "heatmap", "iter_sessions", "sql")
    }


def test_notebooks_show_what_they_give() -> None:
    done = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr


def test_a_notebook_that_says_something_else_is_named(make_examples: ModuleType) -> None:
    path = make_examples.EXAMPLES / "first_look.ipynb"
    now = nbformat.read(path, as_version=4)
    [cell] = [cell for cell in now.cells if "sum_gex_oi" in cell.source and cell.outputs]
    cell.outputs[0]["data"]["text/plain"] += "1"
    assert list(make_examples.changed_cells(path, now)) == [f"first_look.ipynb, cell {cell.id}"]

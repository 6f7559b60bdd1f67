"""`gexlake.__all__` is the promise: complete, sorted, typed, and quick to import."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import gexlake
from gexlake import errors

HEAVY = {"duckdb", "numpy", "pandas", "polars", "pyarrow", "pydantic", "rich", "typer"}


def test_all_is_sorted_and_holds_no_name_twice() -> None:
    assert gexlake.__all__ == sorted(set(gexlake.__all__))


def test_every_error_class_is_promised() -> None:
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert classes <= set(gexlake.__all__)


def test_the_rest_of_the_list() -> None:
    others = {name for name in gexlake.__all__ if not name.endswith("Error")}
    classes = {"ImportOptions", "ImportReport", "Lake", "RemoteLake"}
    assert others == {*classes, "__version__", "connect", "import_history", "open"}


@pytest.mark.parametrize("name", gexlake.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(gexlake, name)
    assert name in dir(gexlake)
    assert name == "__version__" or inspect.getdoc(value)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'gexlake' has no attribute 'close'"):
        _ = gexlake.close  # type: ignore[attr-defined]


def test_it_is_typed() -> None:
    assert (Path(gexlake.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize(
    ("code", "allowed"),
    [("import gexlake", set()), ("import gexlake.cli", {"rich", "typer"}), ("import gexlake.scanner", set())],
)
def test_importing_it_loads_nothing_heavy(code: str, allowed: set[str]) -> None:
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert set(done.stdout.split()) & HEAVY <= allowed

"""Pages of docs/ that are written from the code say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "make_docs.py"
PAGES = ("cli-reference.md", "data-dictionary.md", "settings.md", "validation-rules.md")


@pytest.fixture(scope="module")
def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(make_docs: ModuleType, name: str) -> None:
    assert (make_docs.DOCS / name).read_text(encoding="utf-8") == make_docs.PAGES[name](), "run `make docs`"


def test_no_page_is_forgotten(make_docs: ModuleType) -> None:
    assert sorted(make_docs.PAGES) == sorted(PAGES)


def test_check_names_a_stale_page(
    make_docs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make_docs, "DOCS", tmp_path)
    make_docs.main([])
    assert make_docs.main(["--check"]) == 0
    (tmp_path / "validation-rules.md").write_text("old")
    capsys.readouterr()
    assert make_docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "docs/validation-rules.md is stale: run `make docs`.\n"

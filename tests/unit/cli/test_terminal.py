from __future__ import annotations

import io
import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gexlake.cli.terminal import Terminal, json_text


def test_json_knows_the_values_of_reports_and_rows() -> None:
    document = {
        "instant": datetime(2025, 11, 14, 15, 30, tzinfo=UTC),
        "date": date(2025, 11, 14),
        "path": Path("/a/b"),
        "whole": Decimal(12),
        "decimal": Decimal("1.5"),
        "bytes": b"\xff",
        "nan": float("nan"),
        "list": [float("inf"), 0.1, None, True],
        "text": "Σ",
    }
    assert json.loads(json_text(document)) == {
        "instant": "2025-11-14T15:30:00+00:00",
        "date": "2025-11-14",
        "path": "/a/b",
        "whole": 12,
        "decimal": 1.5,
        "bytes": "/w==",
        "nan": None,
        "list": [None, 0.1, None, True],
        "text": "Σ",
    }


@pytest.mark.parametrize(
    ("rows", "text"), [([], "[]\n"), ([{"a": 1}], '[\n{"a": 1}\n]\n'), ([{}, {}], "[\n{},\n{}\n]\n")]
)
def test_rows_are_one_json_array(rows: list[dict[str, int]], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().json_rows(rows)
    assert capsys.readouterr().out == text


def test_tables_have_no_blanks_at_the_end_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table(["name", "n"], [["[bold]a[/bold]", "1"], ["b", "12,345"]], right=["n"])
    assert capsys.readouterr().out == (
        "name                 n\n"
        "[bold]a[/bold]       1\n"
        "b               12,345\n"
    )  # fmt: skip


def test_lines_are_as_long_as_they_have_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table(["a"], [["x" * 300]])
    assert "x" * 300 in capsys.readouterr().out


def test_quiet_is_about_talk_alone(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Terminal(verbosity=-1)
    quiet.talk("talk")
    quiet.line("data")
    quiet.complain("What.", "Do.")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("data\n", "Error: What.\nDo.\n")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_screen(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "40", **environment}.items():
        monkeypatch.setenv(name, value)
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    Terminal().table(["status", "path"], [["failed", "x" * 60]])
    return screen.getvalue()


def test_a_screen_has_colours_and_folds_what_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    text = on_a_screen(monkeypatch)
    assert "\x1b[31mfailed" in text
    assert "x" * 60 not in text
    assert text.count("x") == 60


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[3" not in on_a_screen(monkeypatch, NO_COLOR="1")


def test_a_cell_of_several_lines_is_of_several_lines_only_where_it_may(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table(["a", "b"], [["x\ny", "1"]], lines=["a"])
    assert capsys.readouterr().out == "a  b\nx  1\ny\n"
    Terminal().table(["a", "b"], [["x\ny", "1"]])
    assert capsys.readouterr().out == "a     b\nx\\ny  1\n"

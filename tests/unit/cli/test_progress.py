from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from gexlake.cli import progress as module
from gexlake.cli.progress import Position, codes_text, import_progress, position_line
from gexlake.cli.terminal import Terminal
from gexlake.models.import_order import Progress
from gexlake.models.report import FileResult, ResultStatus

DAMAGED = FileResult(source_file="/a.json", status=ResultStatus.PARTIAL, errors={"truncated": 1})


def test_line_says_where_how_fast_and_how_long() -> None:
    position = Position("12 of 250 files", 1_500_000_000, 31_200_000_000, "281,400 snapshots")
    assert position_line(position, 6.0) == (
        "12 of 250 files, 1.5 GB of 31.2 GB, 250.0 MB/s, 281,400 snapshots, about 1 min 59 s left"
    )


def test_line_before_the_first_byte_promises_nothing() -> None:
    assert position_line(Position("0 of 1 file", 0, 10), 1.0) == "0 of 1 file, 0 B of 10 B, 0 B/s"


def test_line_of_a_download_whose_size_nobody_knows_promises_no_end() -> None:
    assert position_line(Position("3 of 30 files", 60_000_000, None), 6.0) == "3 of 30 files, 60.0 MB, 10.0 MB/s"


def test_codes_are_cut_to_the_commonest() -> None:
    assert codes_text({"a": 1, "b": 2000, "c": 3, "d": 4, "e": 5}) == "b 2,000, e 5, d 4, c 3 and 1 more"


def test_without_a_terminal_lines_are_sparse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 10.0, 11.0, 21.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    state = Progress(files_total=3, bytes_total=300, files_done=1, bytes_done=100)
    with import_progress(Terminal()) as watch:
        assert watch is not None
        for _ in range(4):
            watch(state)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "1 of 3 files, 100 B of 300 B, 10 B/s, 0 snapshots, about 20 s left",
        "1 of 3 files, 100 B of 300 B, 5 B/s, 0 snapshots, about 42 s left",
    ]


def test_a_damaged_file_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    state = Progress(files_total=3, bytes_total=300)
    with import_progress(Terminal()) as watch:
        assert watch is not None
        watch(state)
        state.damaged.append(DAMAGED)
        watch(state)
        watch(state)
    assert capsys.readouterr().err == "partial: /a.json: truncated 1\n"


def test_quiet_is_not_watched() -> None:
    with import_progress(Terminal(verbosity=-1)) as watch:
        assert watch is None


def test_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")
    with import_progress(Terminal()) as watch:
        assert watch is not None
        watch(Progress(files_total=3, bytes_total=2_000_000, files_done=1, bytes_done=1_000_000, records_imported=50))
    assert "1 of 3 files" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "1.0/2.0 MB" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "50 snapshots" in sys.stderr.getvalue()  # type: ignore[attr-defined]

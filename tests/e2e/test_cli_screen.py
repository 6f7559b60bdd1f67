"""On a terminal nothing is cut: every number of every table stands whole, or its column is named as left out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gexlake.cli import command_line
from gexlake.cli.terminal import Terminal
from gexlake.cli.text import FOLD_MARK, cells
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.services.owner import keys
from helpers.lakes import live_files
from helpers.processes import PATIENCE_SECONDS
from helpers.programs import Program
from helpers.screens import Screen, numbers, screen

WIDTHS = (40, 80, 120)
COMMANDS = {
    "status": ["status"],
    "gaps": ["gaps", "-v"],
    "lineage": ["lineage"],
    "quarantine": ["quarantine"],
    "imports": ["query", "select * from imports"],
    "snapshots": ["query", "select * from gex_snapshots limit 3"],
    "sums": [
        "query",
        "select session_date, snapshots, 1e15 + snapshots as many, snapshots * 1e9::bigint b from sessions",
    ],
    "verify": ["verify", "--lake", "{damaged}"],
    "rebuild": ["rebuild", "--lake", "{damaged}"],
    "forget": ["forget", "{faulty}", "--dry-run"],
    "import": ["import", "{faulty}", "--lake", "{fresh}"],
    "import -v": ["import", "{faulty}", "--lake", "{fresh}", "-v"],
    "dry run": ["import", "{faulty}", "--dry-run", "--lake", "{fresh}"],
    "scan": ["scan", "{faulty}"],
    "get": ["get", "--ticker", "NQ_NDX", "--to", "{fresh}", "--check"],
    "sample": ["sample", "{fresh}", "--sessions", "1", "--snapshots", "3", "--strikes", "3"],
    "keys": ["keys", "list"],
    "config": ["config"],
    "version": ["version"],
}
"""All that print tables or lines with numbers in them."""

Table = tuple[list[str], list[list[str]]]


class Seen(Screen):
    """A screen, and the tables that the command meant to show."""

    tables: list[Table]


@pytest.fixture(scope="module")
def faulty(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history with a feed of more records, a file that is cut short, an empty one and one that is none."""
    folder = tmp_path_factory.mktemp("a-folder-with-a-rather-long-name") / "history"
    shutil.copytree(history, folder)
    write_sample(folder, tickers=["ES_SPX"], sessions=2, start=date(2025, 11, 3), snapshots=1234, strikes=3)
    whole = (history / "2025-11-24_NQ_NDX_classic_gex_zero.json").read_bytes()
    (folder / "2025-11-21_NQ_NDX_classic_gex_zero.json").write_bytes(whole[:9000])
    (folder / "2025-11-20_NQ_NDX_classic_gex_zero.json").touch()
    (folder / "notes.json").write_text("no JSON")
    return folder


@pytest.fixture(scope="module")
def full_lake(faulty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("full") / "lake"
    import_history(faulty, lake)
    for name in ("charts", "a second one with a long name, as people give them"):
        keys.create_key(lake, name=name, scopes=list(keys.Scope))
    return lake


@pytest.fixture
def show(full_lake: Path, faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Seen]:
    monkeypatch.setenv("GEXLAKE_LAKE", str(full_lake))

    def show(width: int, words: Sequence[str | Path]) -> Seen:
        paths = {"faulty": faulty, "fresh": tmp_path / "fresh", "damaged": tmp_path / "damaged"}
        if "{damaged}" in words:
            shutil.copytree(full_lake, paths["damaged"])
            for file in live_files(paths["damaged"], dataset="strikes")[:3]:
                file.unlink()
                shown = paths["damaged"].joinpath(*file.relative_to(paths["damaged"] / "versions").parts[:-1])
                (shown / "strikes.parquet").unlink()
        tables: list[Table] = []
        table = Terminal.table

        def watched(self: Terminal, headers: Sequence[str], rows: Iterable[Sequence[object]], **options: Any) -> None:
            listed = [[str(cell) for cell in row] for row in rows]
            tables.append((list(headers), listed))
            table(self, headers, listed, **options)

        monkeypatch.setattr(Terminal, "table", watched)
        with screen(width) as shown, pytest.raises(SystemExit):
            command_line()([str(word).format(**paths) for word in words], prog_name="gexlake")
        seen = Seen()
        seen.raw, seen.tables = shown.raw, tables
        return seen

    return show


def left_out(text: str) -> list[list[str]]:
    """Columns that the screen says are not on it, of one table after the other."""
    flat = " ".join(text.split())
    found = re.findall(r"(\d+) columns? left out: (.*?); widen the terminal, or -o json", flat)
    assert all(int(number) == len(names.split(", ")) for number, names in found)
    return [names.split(", ") for _, names in found]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_cut(show: Callable[..., Seen], name: str, width: int) -> None:
    seen = show(width, COMMANDS[name])
    assert seen.tables or name == "sample"
    assert_numbers_stand_whole_or_their_column_is_named(seen)
    assert_words_are_broken_with_a_mark_alone(seen)
    assert_lines_fit(seen, width)


def assert_numbers_stand_whole_or_their_column_is_named(seen: Seen) -> None:
    named = left_out(seen.text)
    wanted: Counter[str] = Counter()
    for headers, rows in seen.tables:
        absent = next((columns for columns in named if set(columns) <= set(headers)), [])
        if absent:
            named.remove(absent)
        wanted += Counter(
            number
            for row in rows
            for header, cell in zip(headers, row, strict=True)
            if header not in absent
            for number in numbers(cell)
        )
    assert not named
    assert not wanted - Counter(numbers(seen.text)), seen.text


def assert_words_are_broken_with_a_mark_alone(seen: Seen) -> None:
    present = set(seen.text.replace(FOLD_MARK, f"{FOLD_MARK} ").split())
    absent = {header for columns in left_out(seen.text) for header in columns}
    for headers, rows in seen.tables:
        for row in rows:
            words = {word for h, cell in zip(headers, row, strict=True) if h not in absent for word in cell.split()}
            for word in words - present:
                assert any(f"{word[:stop]}{FOLD_MARK}" in present for stop in range(1, len(word))), word


def assert_lines_fit(seen: Seen, width: int) -> None:
    for line in seen.lines:
        stays_whole = "gexlake " in line  # it is to be pasted
        has_long_word = max(map(cells, line.split()), default=0) > width - 22  # so is a path, beside a name
        assert cells(line) <= width or stays_whole or has_long_word, line


@pytest.mark.parametrize("width", [20, *WIDTHS, 200])
def test_status_on_a_screen_is_the_status_of_json(show: Callable[..., Seen], width: int) -> None:
    seen = show(width, ["status"])
    with screen(width) as machine, pytest.raises(SystemExit):
        command_line()(["status", "-o", "json"], prog_name="gexlake")
    absent = {header for columns in left_out(seen.text) for header in columns}
    names = {"sessions": "sessions", "snapshots": "snapshots", "strike_rows": "strike rows", "gaps": "gaps"}
    shown = Counter(numbers(seen.text))
    for feed in json.loads(machine.text)["feeds"]:
        wanted = Counter(f"{feed[field]:,}" for field, header in names.items() if header not in absent)
        assert not wanted - shown
        shown -= wanted
    assert "gaps" not in absent


def test_columns_are_left_out_by_their_importance(show: Callable[..., Seen]) -> None:
    assert left_out(show(120, ["status"]).text) == []
    assert left_out(show(80, ["status"]).text) == [["from", "strike rows", "parquet"]]
    narrow = show(40, ["status"])
    assert left_out(narrow.text) == []
    assert "strike rows  " in narrow.text


def test_a_process_on_a_terminal_of_80_columns(full_lake: Path) -> None:
    with screen(80) as shown:
        fd = sys.stdout.fileno()
        words = ["gaps", "--lake", full_lake]
        assert Program(words, stdout=fd, stderr=fd, stdin=subprocess.DEVNULL).wait(PATIENCE_SECONDS) == 0
    assert "1 column left out: range; widen the terminal, or -o json" in shown.lines
    assert re.search(
        r"^NQ_NDX/classic/gex_zero +[\d,]+ of [\d,]+ +\d+ +\d+ +[\d,]+ +\d+ h \d\d min +[\d.]+ %$", shown.text, re.M
    )


def test_columns_of_the_environment_mean_nothing_to_a_pipe(
    show: Callable[..., Seen], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "left out" not in show(120, ["status"]).text  # records, as on a screen of 40
    capsys.readouterr()
    with pytest.raises(SystemExit):
        command_line()(["status"], prog_name="gexlake")
    assert "  strike rows  " in capsys.readouterr().out


# ---- text of others ----------------------------------------------------------------------------------------------

HOSTILE = "[red]A[bold]:smile:\x1b[2J\x1b]0;title\x07\r\n\t\x9b31m\u202egnp\u2066\u200b\u2028\x7f"
WRITTEN_OUT = r"[red]A[bold]:smile:\x1b[2J\x1b]0;title\x07\r\n\t\x9b31m\u202egnp\u2066\u200b\u2028\x7f"
OWN = re.compile(r"\x1b\[[\d;]*[mAK]|\x1b\[\?25[lh]|\r\n|[\r\n]")
"""What gexlake and Rich themselves send: colours, the cursor of the progress bar, ends of lines."""


def acts(text: str) -> set[str]:
    """What would act on a terminal, or not be seen."""
    return {char for char in OWN.sub("", text) if not char.isprintable()}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Two files of hostile names: one holds good records and one of a hostile ticker, the other none."""
    from helpers.histories import records_of, write_array

    folder = tmp_path / HOSTILE
    folder.mkdir()
    records = records_of(count=30)
    records[3]["ticker"] = HOSTILE
    records[5]["spot"] = HOSTILE
    write_array(folder / "2025-11-10_NQ_NDX_classic_gex_zero.json", records)
    (folder / f"{HOSTILE}.json").write_text(json.dumps({HOSTILE: 1}))
    (folder / os.fsdecode(b"2025-11-11_NQ_NDX_classic_gex_zero\xff.json")).symlink_to("nowhere")
    return folder


@pytest.mark.parametrize("width", WIDTHS[::2])
def test_names_and_records_of_others_do_not_act_on_a_terminal(hostile: Path, tmp_path: Path, width: int) -> None:
    lake = str(tmp_path / f"{HOSTILE}-lake")
    for words in (
        ["scan", str(hostile)],
        ["import", str(hostile), "--lake", lake, "-v"],
        ["import", str(hostile), "--lake", lake, "-o", "json"],
        ["import", str(hostile / "gone"), "--lake", lake],
        ["status", "--lake", lake],
        ["gaps", "--ticker", HOSTILE, "--lake", lake],
        ["lineage", "--lake", lake],
        ["lineage", "--lake", lake, "-o", "json"],
        ["quarantine", "--lake", lake],
        ["verify", "--lake", lake],
        ["keys", "create", "--name", HOSTILE, "--lake", lake],
        ["keys", "list", "--lake", lake],
        ["query", f"select '{HOSTILE}' as \"{HOSTILE}\", ['{HOSTILE}'] as l, source_file from lineage", "--lake", lake],
        ["query", f"select '{HOSTILE}' a", "--lake", lake, "-o", "csv"],
        ["query", f"select '{HOSTILE}' a", "--lake", lake, "-o", "json"],
        ["query", f"select {HOSTILE}", "--lake", lake],
        ["config", "--lake", lake],
        ["sample", str(tmp_path / f"{HOSTILE}-sample"), "--sessions", "1", "--snapshots", "3", "-v"],
        ["status", f"--{HOSTILE}"],
        [HOSTILE],
        ["status", "--output", HOSTILE],
        ["gaps", "--since", HOSTILE],
        ["plot", "session", HOSTILE, "2025-11-10", "-o", str(tmp_path / f"{HOSTILE}.png"), "--lake", lake],
    ):
        with screen(width) as shown, pytest.raises(SystemExit):
            command_line()(words, prog_name="gexlake")
        assert acts(shown.raw) == set(), words
        assert "😄" not in shown.text, words
        assert "Traceback" not in shown.text, words
        assert "\x1b[31mA" not in shown.raw, words


def test_what_would_act_is_written_out(hostile: Path, run: Callable[..., Any], tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    done = run("import", hostile, "--lake", lake, "-v")
    assert WRITTEN_OUT in done.out
    assert acts(done.out + done.err) == set()
    raw = run("quarantine", "--lake", lake, "-o", "json")
    assert acts(raw.out) == set()
    assert {record["reason"] for record in raw.json} == {"ticker_mismatch", "spot_invalid"}
    assert any(HOSTILE in record["source_file"] for record in raw.json), "escaped in JSON it says the same"


def test_a_stream_that_is_not_unicode_gets_everything(full_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = subprocess.run(
        [sys.executable, "-m", "gexlake", "query", "select 'é😀' a", "--lake", str(full_lake), "-o", "json"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert json.loads(out) == [{"a": "é😀"}]
    table = subprocess.run(
        [sys.executable, "-m", "gexlake", "gaps", "--lake", str(full_lake)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert rb" \u2013 " in table


def test_a_bar_is_one_line_on_every_screen(show: Callable[..., Seen]) -> None:
    for width in (20, *WIDTHS):
        seen = show(width, ["import", "{faulty}", "--dry-run", "--lake", "{fresh}"])
        bars = re.findall(r"\x1b\[2K([^\n\x1b]*?of[^\n\x1b]*?files[^\n\x1b]*)", seen.text)
        assert all(cells(bar.rstrip()) <= width for bar in bars)
        assert "\x1b[1A\x1b[2K\x1b[1A" not in seen.text, "a bar of several lines"

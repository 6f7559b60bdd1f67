from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gexlake.cli.text import FOLD_MARK, beginning, cells, fold
from gexlake.models.text import plain, plain_json, plain_lines
from helpers.screens import numbers

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" /_-.,:0123456789"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – text, Σ 値", "plain – text, Σ 値"),
        ("\x1b[2J\x1b]0;t\x07", r"\x1b[2J\x1b]0;t\x07"),
        ("a\r\n\tb\x00\x7f\x9b", r"a\r\n\tb\x00\x7f\x9b"),
        ("\u202egnp.exe\u2066\u200f", r"\u202egnp.exe\u2066\u200f"),
        ("zero\u200bwidth\ufeff \u2028", r"zero\u200bwidth\ufeff \u2028"),
        ("\udcff\ud800", r"\xff\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_would_act_or_hide_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain_lines(f"{text}\n{text}") == "\n".join(plain(line) for line in f"{text}\n{text}".split("\n"))


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_is_shown_acts(text: str) -> None:
    assert plain(text).isprintable()
    plain(text).encode()
    document = plain_json(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert document.replace("\n", "").isprintable()
    document.encode()
    assert json.loads(document) == {text: [text]}


@given(PRINTABLE, st.integers(4, 60))
@example("2025-11-14_NQ_NDX_classic_gex_zero.json", 20)
@example("値" * 30, 7)
@example(" ⺀⺀", 4)
def test_a_marked_fold_fits_and_loses_nothing(text: str, width: int) -> None:
    lines = fold(text, width, mark=FOLD_MARK)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(FOLD_MARK, "").replace(" ", "") == text.replace(FOLD_MARK, "").replace(" ", "")
    for line, after in pairwise(lines):
        assert line.endswith(FOLD_MARK) or f"{line.split(' ')[-1]} " in f"{text} " or after == ""


@given(PRINTABLE, st.integers(1, 60))
def test_without_a_mark_words_stay_whole(text: str, width: int) -> None:
    assert [word for line in fold(text, width) for word in line.split(" ") if word] == [
        word for word in text.split(" ") if word
    ]


@pytest.mark.parametrize("width", range(14, 60))
def test_numbers_in_paths_stay_whole(width: int) -> None:
    path = "/srv/gex/history/2025-11-14_NQ_NDX_classic_gex_zero.json seen 1,234,567 at 14:31:00.125, 25497.25"
    assert numbers("\n".join(fold(path, width, mark=FOLD_MARK))) == numbers(path)


def test_a_path_is_broken_between_its_parts() -> None:
    assert fold("/srv/gex/2025-11-14_NQ_NDX_classic.json", 20, mark=FOLD_MARK) == [
        f"/srv/gex/{FOLD_MARK}",
        f"2025-11-14_NQ_NDX_{FOLD_MARK}",
        "classic.json",
    ]


def test_the_beginning_ends_before_a_number() -> None:
    assert beginning('{"timestamp":1763994601,"spot":1}', 20) == '{"timestamp"…'
    assert beginning("short", 5) == "short"
    assert beginning("x" * 30, 10) == "x" * 9 + "…"

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gexlake.cli.layout import FOLDED_WIDTH, GAP, Layout, lay_out

HEADERS = ["feed", "sessions", "from", "gaps", "why"]
ROWS = [["NQ_NDX/classic/gex_zero", "1,234", "2025-11-14", "55", "long words " * 4]]


def laid_out(width: int, *, least: tuple[str, ...] = ("from", "sessions")) -> Layout | None:
    return lay_out(HEADERS, ROWS, folds=["why"], numbers=["sessions", "gaps"], least=least, width=width)


def test_what_fits_is_as_wide_as_it_has_to_be() -> None:
    assert laid_out(200) == Layout({0: 23, 1: 8, 2: 10, 3: 4, 4: 44}, [])


def test_text_folds_before_a_column_is_left_out() -> None:
    assert laid_out(80) == Layout({0: 23, 1: 8, 2: 10, 3: 4, 4: 27}, [])


def test_the_least_column_is_left_out_first() -> None:
    assert laid_out(70) == Layout({0: 23, 1: 8, 3: 4, 4: 29}, ["from"])


def test_a_column_comes_back_into_the_room_of_another() -> None:
    assert laid_out(62, least=("sessions", "from")) == Layout({0: 23, 1: 8, 3: 4, 4: 21}, ["from"])


def test_rows_become_records_where_columns_do_not_fit() -> None:
    assert laid_out(40) is None
    assert laid_out(70, least=()) is None


TEXT = st.text("abc 123", max_size=70)


@given(st.data(), st.integers(10, 150))
def test_columns_fit_and_only_text_is_narrowed(data: st.DataObject, width: int) -> None:
    headers = data.draw(st.lists(st.text("abcdef", min_size=1, max_size=60), min_size=1, max_size=8, unique=True))
    rows = data.draw(st.lists(st.lists(TEXT, min_size=len(headers), max_size=len(headers)), max_size=4))
    some = st.lists(st.sampled_from(headers), unique=True)
    numbers, folds, least = data.draw(some), data.draw(some), data.draw(some)
    least = least[: len(headers) - 1]
    layout = lay_out(headers, rows, folds=folds, numbers=numbers, least=least, width=width)
    if layout is None:
        return
    assert sum(layout.widths.values()) + GAP * (len(layout.widths) - 1) <= width
    assert {headers[number] for number in layout.widths} | set(layout.left_out) == set(headers)
    assert set(layout.left_out) <= set(least)
    for number, given_width in layout.widths.items():
        widest = max((len(row[number]) for row in rows), default=0)
        assert given_width >= (widest if headers[number] in numbers else min(widest, FOLDED_WIDTH))

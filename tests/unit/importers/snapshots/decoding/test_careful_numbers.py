"""Numbers and instants of a record that is read carefully."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gexlake.importers.snapshots.decoding.careful import (
    RefusedRecordError,
    dump_extra,
)
from gexlake.models.block import FLAG_EXTRA, FLAG_FIELD_TYPE, FLAG_NOT_FINITE, FLAG_NUMBER_AS_TEXT, FLAG_ZONE_GIVEN
from gexlake.validation.rules import Rule
from helpers.columns import NUMBERS
from unit.importers.snapshots.decoding.support import EXPECT, GOOD, SECOND, read, read_with, same


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        (SECOND, SECOND * 10**6),
        (SECOND * 1000 + 123, SECOND * 10**6 + 123_000),
        (SECOND * 10**6 + 123_456, SECOND * 10**6 + 123_456),
        (SECOND * 10**9 + 123_456_000, SECOND * 10**6 + 123_456),
        (float(SECOND), SECOND * 10**6),
        (SECOND + 0.5, SECOND * 10**6 + 500_000),
        (SECOND + 0.123456, SECOND * 10**6 + 123_456),
        (b"1763130602.123", SECOND * 10**6 + 123_000),
        (b"1.763130602e9", SECOND * 10**6),
        (b"1763130602123.0", SECOND * 10**6 + 123_000),
        (b"1763130602123.5", SECOND * 10**6 + 123_500),
        (b"1763130602123.456", SECOND * 10**6 + 123_456),
        (b"1.763130602123001e12", SECOND * 10**6 + 123_001),
        ("2025-11-14T14:30:02Z", SECOND * 10**6),
        ("2025-11-14 14:30:02Z", SECOND * 10**6),
        ("1763130602", SECOND * 10**6),
        ("1763130602123", SECOND * 10**6 + 123_000),
        ("1763130602.5", SECOND * 10**6 + 500_000),
        ("1.763130602E9", SECOND * 10**6),
        ("2025-11-14T14:30:02.123456+00:00", SECOND * 10**6 + 123_456),
        ("2025-11-14T14:30:02,5Z", SECOND * 10**6 + 500_000),
        ("2025-11-14T14:30:02.123456000Z", SECOND * 10**6 + 123_456),
        ("2025-11-14T09:30:02-05:00", SECOND * 10**6),
        ("2025-11-14T20:00:02+05:30", SECOND * 10**6),
        ("20251114T143002Z", SECOND * 10**6),
        ("2025-11-14T14:30Z", (SECOND - 2) * 10**6),
        (1_800_000_000, 1_800_000_000 * 10**6),
        (946_684_800, 946_684_800 * 10**6),
    ],
)
def test_a_timestamp_goes_by_form_and_magnitude(written: object, microseconds: int) -> None:
    assert read_with(timestamp=written).timestamp_us == microseconds


@pytest.mark.parametrize(
    "written",
    [
        SECOND * 10**9 + 1,
        10**20,
        -(10**11),
        SECOND + 1 / 2**21,
        b"1763130602.1234567",
        b"1763130602123.4565",
        b"1763130602123456.5",
        b"-0.5",
        "",
        " ",
        "2025-11-14",
        "2025-11-14T",
        "14:30:02",
        "2025-11-14T14:30:02.1234567Z",
        "2025-11-14T14:30:02,123456001",
        "2025-11-14T14:30:60Z",
        "2025-02-30T14:30:00Z",
        "2025-11-14T14:30:02Z and more",
        " 1763130602",
        "+1763130602",
        "1_763_130_602",
        "\u0661\u0667\u0666\u0663\u0661\u0663\u0660\u0666\u0660\u0662",
        [SECOND],
        False,
    ],
)
def test_a_timestamp_that_would_have_to_be_guessed_or_rounded_is_refused(written: object) -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(timestamp=written)
    assert caught.value.rule is Rule.TIMESTAMP_INVALID


def test_an_instant_at_the_end_of_the_calendar_is_no_fault() -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(timestamp="0001-01-01T00:00:00+23:59")
    assert caught.value.rule is Rule.TIMESTAMP_TOO_OLD


@pytest.mark.parametrize(
    "text",
    ["0", "-0", "-0.0", "1", "0.1", "1e5", "1E-5", "5e-324", "1.7976931348623157e308", "9007199254740993", "1e-400"],
)
def test_a_number_is_the_double_that_its_text_denotes(text: str) -> None:
    snapshot = read_with(zero_gamma=text.encode(), max_priors=f"[[{text},{text}]]".encode())
    assert same(snapshot.numbers[1], float(text))
    assert same(snapshot.max_priors, [(float(text), float(text))])


def test_negative_zero_keeps_its_sign_in_the_ladder() -> None:
    for row in (b"[[5,-0,-0.0,[-0,0,-0.0,0,-0]]]", b"[[5,-0,-0.0,[-0,0,-0.0,0,-0],null]]"):
        (cells,) = read_with(strikes=row).ladder.tolist()
        assert same(cells, [5.0, -0.0, -0.0, -0.0, 0.0, -0.0, 0.0, -0.0])


def test_whole_numbers_beyond_2_to_the_53_are_rounded_once() -> None:
    text = "123456789012345678901234567890"
    for priors in ("[]", "[0,0,0,0,0]"):
        ladder = read_with(strikes=f"[[{text},{text},{text},{priors}]]".encode()).ladder
        assert ladder[0, :3].tolist() == [float(text)] * 3


@pytest.mark.parametrize("text", ["9" * 299, "9" * 308 + ".5"])
def test_very_large_numbers_that_fit_are_taken(text: str) -> None:
    assert read_with(zero_gamma=text.encode()).numbers[1] == float(text)


def test_a_sum_of_cells_too_large_for_a_double_does_not_matter() -> None:
    assert read_with(strikes=b"[[1e308,1e308,1e308,[1e308,1,1,1,1]]]").ladder[0, 0] == 1e308


@pytest.mark.parametrize(("written", "days"), [(0, 0), (-1, -1), (b"2.0", 2), (b"-0", 0), (2**31 - 1, 2**31 - 1)])
def test_days_may_be_written_as_floats(written: object, days: int) -> None:
    snapshot = read_with(min_dte=written, sec_min_dte=written)
    assert (snapshot.min_dte, snapshot.sec_min_dte, snapshot.flags) == (days, days, 0)


def test_numbers_as_text_are_those_numbers() -> None:
    def spelt(value: Any) -> Any:
        return [spelt(item) for item in value] if isinstance(value, list) else str(value)

    written = {name: value if name == "ticker" else spelt(value) for name, value in GOOD.items()}
    snapshot, plain = read(written), read(GOOD)
    assert snapshot.flags == FLAG_NUMBER_AS_TEXT
    for name in ("timestamp_us", "min_dte", "sec_min_dte", "numbers", "max_priors", "extra"):
        assert same(getattr(snapshot, name), getattr(plain, name))
    assert same(snapshot.ladder.tolist(), plain.ladder.tolist())


@pytest.mark.parametrize("name", ["timestamp", "spot", "zero_gamma", "min_dte"])
def test_one_number_as_text_is_enough_for_the_warning(name: str) -> None:
    assert read_with(**{name: str(GOOD[name])}).flags == FLAG_NUMBER_AS_TEXT


@pytest.mark.parametrize("text", ["-0", "-0.5", "1e-05", "9" * 250, "0.1", "9007199254740993"])
def test_text_denotes_the_double_that_the_bare_number_does(text: str) -> None:
    assert same(read_with(zero_gamma=text).numbers[1], read_with(zero_gamma=text.encode()).numbers[1])


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("name", [*NUMBERS[1:], "min_dte", "sec_min_dte"])
def test_a_word_for_no_number_in_an_optional_scalar_is_null(name: str, word: bytes) -> None:
    snapshot, plain = read_with(**{name: word}), read_with(**{name: None})
    assert snapshot.flags == FLAG_NOT_FINITE
    assert same((snapshot.numbers, snapshot.min_dte), (plain.numbers, plain.min_dte))
    assert snapshot.extra == {}


def test_a_word_for_no_number_elsewhere_is_kept_as_text() -> None:
    snapshot = read_with(note=b'{"a":[-Infinity,NaN,1]}', max_priors=b"[[1,NaN]]")
    assert snapshot.extra == {"note": {"a": ["-Infinity", "NaN", 1]}, "max_priors": [[1, "NaN"]]}
    assert snapshot.flags == FLAG_NOT_FINITE | FLAG_EXTRA | FLAG_FIELD_TYPE
    assert json.loads(dump_extra(snapshot.extra)) == snapshot.extra


NEW_YORK = replace(EXPECT, naive_zone=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2025-11-10 09:30:02", "2025-11-10T14:30:02Z"),
        ("2025-07-10T09:30:02.5", "2025-07-10T13:30:02.5Z"),
        ("2025-11-02 00:59:59", "2025-11-02T04:59:59Z"),
        ("2025-11-02 02:00:00", "2025-11-02T07:00:00Z"),
        ("2025-03-09 03:00:00", "2025-03-09T07:00:00Z"),
    ],
)
def test_a_time_without_a_zone_is_one_of_the_zone_that_is_named(written: str, utc: str) -> None:
    snapshot = read_with(NEW_YORK, timestamp=written)
    assert snapshot.timestamp_us == read_with(timestamp=utc).timestamp_us
    assert snapshot.flags == FLAG_ZONE_GIVEN


def test_a_time_with_a_zone_is_its_own_whatever_zone_is_named() -> None:
    for written in ("2025-11-14T14:30:02Z", "2025-11-14T15:30:02+01:00", SECOND, str(SECOND)):
        snapshot = read_with(NEW_YORK, timestamp=written)
        assert snapshot.timestamp_us == SECOND * 10**6
        assert not snapshot.flags & FLAG_ZONE_GIVEN


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            "2025-11-02 01:30:00",
            'timestamp "2025-11-02 01:30:00" stands for two instants in America/New_York: clocks were put back over it',
        ),
        (
            "2025-03-09 02:30:00",
            'timestamp "2025-03-09 02:30:00" does not exist in America/New_York: clocks were put forward over it',
        ),
    ],
)
def test_a_time_that_the_clocks_do_not_show_once_is_refused(written: str, words: str) -> None:
    with pytest.raises(RefusedRecordError) as caught:
        read_with(NEW_YORK, timestamp=written)
    assert (caught.value.rule, caught.value.message) == (Rule.TIMESTAMP_WITHOUT_ZONE, words)

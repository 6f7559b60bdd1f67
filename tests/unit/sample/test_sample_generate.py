"""One synthetic session: what its snapshots say, and that they hang together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gexlake.sample import SampleFeed, generate_session, sample_records
from gexlake.sample.gex import PRIOR_MINUTES
from gexlake.sample.text import record_timestamp

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2025, 11, 10)
EARLY_CLOSE = date(2025, 11, 28)
CLASSIC = SampleFeed("NQ_NDX", "classic", "gex_zero")
STATE = SampleFeed("NQ_NDX", "state", "gex_zero")

VENDOR_FIELDS = [
    "timestamp",
    "ticker",
    "min_dte",
    "sec_min_dte",
    "spot",
    "zero_gamma",
    "major_pos_vol",
    "major_pos_oi",
    "major_neg_vol",
    "major_neg_oi",
    "strikes",
    "sum_gex_vol",
    "sum_gex_oi",
    "delta_risk_reversal",
    "max_priors",
]


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """A little over half an hour, so that every prior has its earlier value."""
    return sample_records(2000, CLASSIC, MONDAY, strikes=31)


@pytest.fixture(scope="module")
def monday_times() -> list[datetime]:
    return new_york_times(CLASSIC, MONDAY)


def new_york_times(feed: SampleFeed, day: date) -> list[datetime]:
    texts = generate_session(feed, day, strikes=1)
    return [datetime.fromtimestamp(record_timestamp(text), NEW_YORK) for text in texts]


def decimals(text: bytes) -> Iterator[str]:
    """Every number of a record as it was written."""
    numbers: list[str] = []
    json.loads(text, parse_float=numbers.append, parse_int=numbers.append)
    return iter(numbers)


def test_fields_stand_in_the_vendors_order(records: list[dict[str, Any]]) -> None:
    assert {tuple(record) for record in records} == {tuple(VENDOR_FIELDS)}


def test_text_is_compact() -> None:
    text = next(generate_session(CLASSIC, MONDAY, snapshots=1))
    assert text == json.dumps(json.loads(text), separators=(",", ":")).encode()


def test_numbers_drop_trailing_zeros_and_need_no_more_than_three_decimals() -> None:
    numbers = [number for text in generate_session(CLASSIC, MONDAY, snapshots=300) for number in decimals(text)]
    fractions = [number.partition(".")[2] for number in numbers if "." in number]
    assert max(map(len, fractions)) == 3
    assert not [fraction for fraction in fractions if fraction.endswith("0") or not fraction]
    assert not [number for number in numbers if number in ("-0", "+0") or "e" in number]


def test_ladder_rows_hold_strike_two_values_and_five_priors_of_two_decimals() -> None:
    for record in sample_records(50, CLASSIC, MONDAY, strikes=99):
        assert len(record["strikes"]) == 99
        for strike, gex_vol, gex_oi, priors in record["strikes"]:
            assert len(priors) == 5
            for value in (strike, gex_vol, gex_oi, *priors):
                assert round(value, 2) == value


def test_strikes_ascend_and_surround_the_spot(records: list[dict[str, Any]]) -> None:
    strikes = [row[0] for row in records[0]["strikes"]]
    assert strikes == sorted(set(strikes))
    assert strikes[0] < records[0]["spot"] < strikes[-1]


def test_priors_are_earlier_values_of_the_same_strike(records: list[dict[str, Any]]) -> None:
    by_second = {record["timestamp"]: record for record in records}
    compared = 0
    for record in records[::50]:
        for horizon, minutes in enumerate(PRIOR_MINUTES):
            earlier = by_second.get(record["timestamp"] - 60 * minutes)
            if earlier is not None:
                then = [row[1] for row in earlier["strikes"]]
                assert [row[3][horizon] for row in record["strikes"]] == then
                compared += 1
    assert compared > 100


def test_priors_before_there_is_history_are_the_first_values(records: list[dict[str, Any]]) -> None:
    first = [row[1] for row in records[0]["strikes"]]
    for record in records[:50]:
        assert [row[3] for row in record["strikes"]] == [[value] * 5 for value in first]


def test_prior_across_a_gap_is_the_last_value_before_it(records: list[dict[str, Any]]) -> None:
    seconds = [record["timestamp"] for record in records]
    gaps = [(before, after) for before, after in pairwise(seconds) if after - before > 1]
    assert gaps
    by_second = {record["timestamp"]: record for record in records}
    for before, _ in gaps:
        later = by_second.get(before + 1 + 60)
        if later is not None:
            assert [row[3][0] for row in later["strikes"]] == [row[1] for row in by_second[before]["strikes"]]


def test_sums_agree_with_the_ladder_to_rounding(records: list[dict[str, Any]]) -> None:
    for record in records:
        rounding = 0.005 * len(record["strikes"]) + 0.001
        for column, field in ((1, "sum_gex_vol"), (2, "sum_gex_oi")):
            assert abs(sum(row[column] for row in record["strikes"]) - record[field]) <= rounding


def test_majors_are_the_strikes_of_the_largest_values(records: list[dict[str, Any]]) -> None:
    for record in records[1::100]:
        for column, suffix in ((1, "vol"), (2, "oi")):
            values = {row[0]: row[column] for row in record["strikes"]}
            assert values[record[f"major_pos_{suffix}"]] == max(values.values()) > 0
            assert values[record[f"major_neg_{suffix}"]] == min(values.values()) < 0


def test_zero_gamma_lies_within_the_ladder(records: list[dict[str, Any]]) -> None:
    for record in records[1:]:
        assert record["strikes"][0][0] <= record["zero_gamma"] <= record["strikes"][-1][0]


def test_max_priors_are_the_largest_changes_now_and_since_each_prior(records: list[dict[str, Any]]) -> None:
    for before, record in list(pairwise(records))[1900::10]:
        previous = [row[1] for row in before["strikes"]]
        priors = [previous, *([row[3][horizon] for row in record["strikes"]] for horizon in range(5))]
        for (strike, change), earlier in zip(record["max_priors"], priors, strict=True):
            changes = {row[0]: row[1] - then for row, then in zip(record["strikes"], earlier, strict=True)}
            assert changes[strike] == pytest.approx(change, abs=0.011)
            assert max(map(abs, changes.values())) == pytest.approx(abs(change), abs=0.011)


def test_ladders_change_through_the_session(records: list[dict[str, Any]]) -> None:
    assert len({str(record["strikes"]) for record in records}) > 0.9 * len(records)


def test_first_classic_record_has_no_levels_yet() -> None:
    first, second = sample_records(2, CLASSIC, MONDAY)
    levels = ("zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi")
    assert [first[level] for level in levels] == [0] * 5
    assert all(second[level] > 0 for level in levels)


def test_state_reports_literal_zero_where_a_field_does_not_apply() -> None:
    for text in generate_session(STATE, MONDAY, snapshots=20, strikes=5):
        record = json.loads(text)
        fields = ("zero_gamma", "sum_gex_oi", "delta_risk_reversal", "major_pos_oi", "major_neg_oi")
        assert {repr(record[field]) for field in fields} == {"0"}
        assert {repr(row[2]) for row in record["strikes"]} == {"0"}
        assert any(row[1] for row in record["strikes"])


def test_classic_and_state_are_different_measurements() -> None:
    classic, state = (sample_records(1, feed, MONDAY)[0] for feed in (CLASSIC, STATE))
    assert classic["spot"] == state["spot"]
    assert [row[1] for row in classic["strikes"]] != [row[1] for row in state["strikes"]]


def test_tickers_on_one_underlying_have_scales_of_their_own() -> None:
    future, index = (sample_records(1, SampleFeed(ticker), MONDAY)[0] for ticker in ("NQ_NDX", "NDX"))
    assert 10 < future["spot"] - index["spot"] < 200


@pytest.mark.parametrize(
    ("category", "day", "expiries"),
    [
        ("gex_zero", date(2025, 11, 13), (0, 1)),
        ("gex_zero", date(2025, 11, 14), (0, 3)),
        ("gex_one", date(2025, 11, 14), (3, 4)),
        ("gex_full", date(2025, 11, 26), (0, 2)),
    ],
)
def test_days_to_expiry_count_to_the_next_sessions(category: str, day: date, expiries: tuple[int, int]) -> None:
    record = sample_records(1, SampleFeed("NQ_NDX", "classic", category), day)[0]
    assert (record["min_dte"], record["sec_min_dte"]) == expiries


def test_session_runs_from_the_open_to_the_close_in_new_york(monday_times: list[datetime]) -> None:
    assert monday_times[0].strftime("%H:%M:%S") in ("09:30:01", "09:30:02")
    assert monday_times[-1].strftime("%H:%M:%S") == "16:00:00"
    assert 23_360 < len(monday_times) < 23_400


def test_session_of_an_early_close_ends_at_one() -> None:
    times = new_york_times(CLASSIC, EARLY_CLOSE)
    assert times[-1].strftime("%H:%M:%S") == "13:00:00"
    assert 12_570 < len(times) < 12_600


def test_session_keeps_new_york_hours_in_summer_time() -> None:
    first = sample_records(1, CLASSIC, date(2025, 7, 8))[0]
    assert datetime.fromtimestamp(first["timestamp"], NEW_YORK).strftime("%H:%M") == "09:30"


def test_gaps_are_few_and_shorter_than_five_seconds(monday_times: list[datetime]) -> None:
    seconds = [time.timestamp() for time in monday_times]
    steps = [after - before for before, after in pairwise(seconds)]
    assert min(steps) == 1
    assert 2 <= max(steps) <= 4
    assert 0 < sum(step > 1 for step in steps) < 40


def test_same_arguments_give_the_same_text() -> None:
    one, other = (list(generate_session(CLASSIC, MONDAY, seed=7, snapshots=30)) for _ in range(2))
    assert one == other


def test_shorter_session_is_the_beginning_of_a_longer_one() -> None:
    longer = generate_session(CLASSIC, MONDAY, snapshots=600, strikes=9)
    assert list(generate_session(CLASSIC, MONDAY, snapshots=300, strikes=9)) == list(islice(longer, 300))


def test_seed_and_date_change_the_session() -> None:
    base, seeded = (sample_records(5, CLASSIC, MONDAY, seed=seed) for seed in (1, 2))
    other_day = sample_records(5, CLASSIC, date(2025, 11, 11), seed=1)
    assert base[0]["strikes"] != seeded[0]["strikes"] != other_day[0]["strikes"]


@pytest.mark.parametrize("ticker", ["NQ_NDX", "NDX", "ES_SPX", "SPX", "QQQ", "SPY", "AAPL"])
@pytest.mark.parametrize("strikes", [1, 2, 400])
def test_every_ticker_and_ladder_size_has_positive_strikes(ticker: str, strikes: int) -> None:
    record = sample_records(2, SampleFeed(ticker), MONDAY, strikes=strikes)[1]
    assert len(record["strikes"]) == strikes
    assert min(row[0] for row in record["strikes"]) > 0


def test_holiday_has_no_session() -> None:
    with pytest.raises(ValueError, match="no session on Thursday 2025-11-27"):
        generate_session(CLASSIC, date(2025, 11, 27))


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (SampleFeed("NQ NDX"), "The `ticker` must be letters, digits and underscores, was 'NQ NDX'."),
        (SampleFeed("NDX", "gold"), "The `package` was 'gold'. Use one of classic, state, orderflow."),
        (SampleFeed("NDX", "orderflow"), "The `category` was 'gex_zero'. Use one of orderflow."),
        (
            SampleFeed("NDX", "classic", "delta_zero"),
            "The `category` was 'delta_zero'. Use one of gex_full, gex_zero, gex_one.",
        ),
    ],
)
def test_other_feeds_are_refused_by_name(feed: SampleFeed, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        generate_session(feed, MONDAY)


def test_sizes_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="`snapshots` must be at least 1, was 0"):
        generate_session(CLASSIC, MONDAY, snapshots=0)
    with pytest.raises(ValueError, match="`strikes` must be 1 to 1000, was 0"):
        generate_session(CLASSIC, MONDAY, strikes=0)

"""Facts of what is taken for a new record, and of interruptions."""

from __future__ import annotations

import json

import pytest

from gexlake.db.segments import interruptions_of
from gexlake.errors import UsageError
from gexlake.services.living.order import feeds_of
from gexlake.services.living.runner import next_hours
from unit.services.living.conftest import FEED, OPEN, SECOND, Desk


def test_repeated_answer_is_no_new_record_and_another_text_is(desk: Desk) -> None:
    assert desk.take(SECOND)
    assert not desk.take(SECOND)
    assert desk.take(SECOND, spot=2)
    assert not desk.take(SECOND)
    counts = desk.recorder.counts[FEED]
    assert (counts.records, counts.duplicates, desk.written) == (2, 2, [SECOND, SECOND])


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"timestamp": true, "ticker": "SPX"}', b'{"timestamp": 1763130600, "ticker": "NDX"}', b"{"]
)
def test_what_is_no_record_of_the_feed_is_counted_and_not_written(desk: Desk, text: bytes) -> None:
    assert not desk.recorder.take_text(FEED, text)
    assert (desk.recorder.counts[FEED].refused, desk.written) == (1, [])


def test_last_record_of_the_day_before_is_not_of_this_session(desk: Desk) -> None:
    assert not desk.take(SECOND - 86_400)
    assert desk.recorder.counts[FEED].refused == 1


def test_answer_of_several_lines_becomes_one(desk: Desk) -> None:
    record = json.dumps({"timestamp": SECOND, "ticker": "SPX"}, indent=1).encode()
    assert desk.recorder.take_text(FEED, record)
    assert desk.written == [SECOND]


def test_what_was_missed_runs_from_the_last_record_to_the_first_new_one(desk: Desk) -> None:
    desk.take(SECOND)
    desk.recorder.interrupt([FEED], "the network")
    desk.recorder.interrupt([FEED], "and another thing")
    desk.clock.second += 20
    desk.take(SECOND + 20)
    desk.recorder.flush()
    (missed,) = interruptions_of(desk.layout, OPEN.date())
    assert (missed.start_us, missed.end_us) == (SECOND * 1_000_000, (SECOND + 20) * 1_000_000)
    assert missed.reason == "the network"


def test_trouble_without_a_hole_is_no_interruption(desk: Desk) -> None:
    desk.take(SECOND)
    desk.recorder.interrupt([FEED], "the network")
    desk.take(SECOND + 2)
    desk.recorder.flush()
    assert interruptions_of(desk.layout, OPEN.date()) == []


def test_clock_that_is_behind_is_warned_about_once(desk: Desk) -> None:
    desk.take(SECOND + 60)
    desk.take(SECOND + 61)
    assert desk.warned == ["This machine's clock is wrong: records are 60 s ahead of it. Set it by NTP."]


def test_next_session_is_todays_until_it_is_over_and_skips_holidays() -> None:
    friday = next_hours(SECOND * 1_000_000)
    assert friday.open_us == SECOND * 1_000_000
    monday = next_hours(friday.close_us + 61_000_000)
    assert monday.open_us - friday.open_us == 3 * 86_400 * 1_000_000


def test_feeds_are_what_the_words_leave() -> None:
    assert len(feeds_of(["NQ_NDX", "spx"])) == 30
    assert feeds_of(["SPX"], ["classic"], ["zero"]) == (FEED,)
    with pytest.raises(UsageError, match="no category 'nonsense'"):
        feeds_of(["SPX"], [], ["nonsense"])
    with pytest.raises(UsageError, match="nothing to record"):
        feeds_of([])

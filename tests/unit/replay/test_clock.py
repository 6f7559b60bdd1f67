"""The clock and the days it runs through, at times that are given."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gexlake.errors import UsageError
from gexlake.replay.clock import AtEnd, Clocks, ReplayClock
from gexlake.replay.schedule import SECOND_US, Schedule, Window

FIRST = Window(date(2025, 11, 10), 1_000 * SECOND_US, 1_100 * SECOND_US)
SECOND = Window(date(2025, 11, 11), 5_000 * SECOND_US, 5_050 * SECOND_US)


def schedule(*, keep_gaps: bool = False) -> Schedule:
    return Schedule([SECOND, FIRST], keep_gaps=keep_gaps)


def seconds(clock: ReplayClock, now: float) -> float:
    return clock.read(now).instant_us / SECOND_US


def test_it_runs_at_its_speed_and_stands_when_paused() -> None:
    clock = ReplayClock(schedule(), 50.0, speed=10)
    assert [seconds(clock, now) for now in (50.0, 51.0, 52.5)] == [1_000, 1_010, 1_025]
    clock.pause(53.0)
    assert seconds(clock, 99.0) == 1_030
    clock.set_speed(99.0, 2)
    clock.resume(100.0)
    assert seconds(clock, 101.0) == 1_032


def test_a_change_of_speed_changes_nothing_that_was() -> None:
    clock = ReplayClock(schedule(), 0.0, speed=1)
    clock.set_speed(10.0, 0.5)
    assert [seconds(clock, now) for now in (10.0, 14.0)] == [1_010, 1_012]


def test_days_follow_each_other_with_a_second_between() -> None:
    clock = ReplayClock(schedule(), 0.0)
    assert [seconds(clock, now) for now in (99, 100, 100.9, 101, 102)] == [1_099, 1_100, 1_100, 5_000, 5_001]
    assert seconds(clock, 1_000) == 5_050


def test_the_time_between_days_can_be_kept() -> None:
    clock = ReplayClock(schedule(keep_gaps=True), 0.0)
    assert [seconds(clock, now) for now in (100, 2_000, 4_000, 4_050, 9_999)] == [1_100, 3_000, 5_000, 5_050, 5_050]


@pytest.mark.parametrize(
    ("asked", "keep_gaps", "shown"),
    [(0, False, 1_000), (1_050, False, 1_050), (3_000, False, 5_000), (3_000, True, 3_000), (9_999, False, 5_050),
     (9_999, True, 5_050), (1_100, False, 1_100), (5_000, False, 5_000)],
)  # fmt: skip
def test_it_shows_what_is_sought_or_the_next_there_is(asked: int, keep_gaps: bool, shown: int) -> None:
    clock = ReplayClock(schedule(keep_gaps=keep_gaps), 0.0, paused=True)
    clock.seek(0.0, asked * SECOND_US)
    reading = clock.read(7.0)
    assert (reading.instant_us, reading.jumps, reading.origin_us) == (shown * SECOND_US, 1, shown * SECOND_US)


def test_a_step_is_no_jump() -> None:
    clock = ReplayClock(schedule(), 0.0, paused=True)
    clock.step(1.0, 110 * SECOND_US)
    assert (seconds(clock, 2.0), clock.read(2.0).jumps) == (5_009, 0)
    with pytest.raises(UsageError, match="a step leads ahead"):
        clock.step(2.0, -1)


def test_it_holds_at_the_end() -> None:
    clock = ReplayClock(schedule(), 0.0, at_end=AtEnd.HOLD)
    assert (seconds(clock, 1_000), clock.read(1_000).at_end) == (5_050, True)
    clock.seek(1_000, 1_000 * SECOND_US)
    assert (seconds(clock, 1_001), clock.read(1_001).at_end) == (1_001, False)


def test_it_begins_anew_in_a_loop() -> None:
    clock = ReplayClock(schedule(), 0.0, at_end=AtEnd.LOOP)
    lap = 100 + 1 + 50 + 1
    assert (seconds(clock, lap - 1), clock.read(lap - 1).jumps) == (5_050, 0)
    assert (seconds(clock, lap + 3), clock.read(lap + 3).jumps) == (1_003, 1)
    assert (seconds(clock, 3 * lap), clock.read(3 * lap).jumps) == (1_000, 3)
    assert clock.read(3 * lap).origin_us == 1_000 * SECOND_US


def test_it_knows_how_long_it_takes_to_an_instant() -> None:
    clock = ReplayClock(schedule(), 0.0, speed=2)
    assert clock.seconds_until(10.0, 1_040 * SECOND_US) == 10
    assert clock.seconds_until(10.0, 5_000 * SECOND_US) == 40.5
    assert clock.seconds_until(10.0, 1_000 * SECOND_US) == math.inf
    clock.pause(10.0)
    assert clock.seconds_until(10.0, 1_040 * SECOND_US) == math.inf


@pytest.mark.parametrize("speed", [0, 0.09, 1_000.1, -1, math.nan, math.inf])
def test_speeds_have_bounds(speed: float) -> None:
    with pytest.raises(UsageError, match=r"from 0\.1 to 1000"):
        ReplayClock(schedule(), 0.0, speed=speed)


@given(
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["read", "pause", "resume", "step", "speed"])), max_size=30),
    st.booleans(),
)
def test_without_a_jump_it_never_goes_back(steps: list[tuple[float, str]], keep_gaps: bool) -> None:
    clock, now, last = ReplayClock(schedule(keep_gaps=keep_gaps), 0.0), 0.0, 0
    for wait, what in steps:
        now += wait
        if what == "step":
            clock.step(now, int(wait * SECOND_US))
        elif what == "speed":
            clock.set_speed(now, 0.1 + wait)
        elif what != "read":
            getattr(clock, what)(now)
        shown = clock.read(now).instant_us
        assert last <= shown <= SECOND.end_us
        last = shown


@given(st.integers(0, 6_000 * SECOND_US), st.booleans())
def test_every_place_of_the_axis_is_where_its_instant_is(instant_us: int, keep_gaps: bool) -> None:
    axis = schedule(keep_gaps=keep_gaps)
    shown = axis.instant(axis.place(instant_us))
    assert axis.instant(axis.place(shown)) == shown
    assert shown == instant_us or not any(w.start_us <= instant_us <= w.end_us for w in axis.windows)


def test_each_key_has_its_own_only_where_it_is_so() -> None:
    now = [0.0]
    for per_key in (True, False):
        clocks = Clocks(lambda at: ReplayClock(schedule(), at), lambda: now[0], per_key=per_key)
        now[0] += 5
        assert (clocks.of("a") is clocks.of("b")) is not per_key
        assert clocks.of("a") is clocks.of("a")
        assert clocks.instant_us("c") == (1_000 if per_key else 1_005) * SECOND_US
        assert clocks.of("") is not clocks.of("a") or not per_key


def test_of_very_many_keys_the_oldest_are_forgotten() -> None:
    clocks = Clocks(lambda at: ReplayClock(schedule(), at, paused=True), lambda: 0.0, per_key=True)
    clocks.of("first").step(0.0, SECOND_US)
    for number in range(Clocks.MOST):
        clocks.of(str(number))
    assert clocks.instant_us("first") == FIRST.start_us

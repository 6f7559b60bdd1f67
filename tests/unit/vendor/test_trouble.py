"""How often and how long what went wrong is tried again."""

from __future__ import annotations

import asyncio

import pytest
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from gexlake.vendor.trouble import (
    LimitedError,
    NotHistoryError,
    RefusedError,
    TroubleError,
    TroubleWait,
    UrlRefusedError,
    stop_as_trouble_says,
)


def waits_of(error: TroubleError, patience_seconds: float = 15.0) -> list[float]:
    """What is waited between the tries of something that always fails."""
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def fail() -> None:
        raise error

    retrying = AsyncRetrying(
        sleep=note,
        stop=stop_as_trouble_says,
        wait=TroubleWait(patience_seconds),
        retry=retry_if_exception_type(TroubleError),
        reraise=True,
    )
    with pytest.raises(type(error)):
        asyncio.run(retrying(fail))
    return waits


def test_a_refusal_is_tried_three_times_at_length() -> None:
    first, second = waits_of(RefusedError("403"))
    assert 15 <= first <= 18
    assert 30 <= second <= 33


def test_a_broken_line_is_tried_five_times_and_soon() -> None:
    waits = waits_of(TroubleError("cut"))
    assert [int(wait) for wait in waits] == [1, 2, 4, 8]
    assert len(waits_of(UrlRefusedError("403"))) == 4
    assert len(waits_of(NotHistoryError("<html>"))) == 2


def test_the_wait_that_was_asked_for_is_kept_within_reason() -> None:
    assert waits_of(LimitedError("429", wait_seconds=90.0)) == [90.0, 90.0]
    assert waits_of(LimitedError("429", wait_seconds=86_400.0)) == [300.0, 300.0]


def test_no_two_wait_alike() -> None:
    assert len({tuple(waits_of(RefusedError("403"))) for _ in range(5)}) == 5


def test_without_patience_nothing_is_waited_for() -> None:
    assert waits_of(RefusedError("403"), 0.0) == [0, 0]


def test_what_is_no_trouble_is_not_tried_again() -> None:
    def state(_: RetryCallState) -> float:
        raise AssertionError

    retrying = AsyncRetrying(wait=state, retry=retry_if_exception_type(TroubleError), reraise=True)

    async def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        asyncio.run(retrying(fail))

"""How often and how long what went wrong is tried again."""

from __future__ import annotations

import asyncio

import pytest
from tenacity import AsyncRetrying, retry_if_exception_type

from gexlake.vendor.trouble import (
    GOOD_PART_BYTES,
    LimitedError,
    NotHistoryError,
    Patience,
    RefusedError,
    TroubleError,
    UrlRefusedError,
)


def waits_of(*errors: Exception, patience_seconds: float = 15.0) -> list[float]:
    """What is waited between the tries of something that fails like this, and goes on to fail like the last."""
    waits: list[float] = []
    left = list(errors)

    async def note(seconds: float) -> None:
        waits.append(seconds)

    async def fail() -> None:
        raise left.pop(0) if len(left) > 1 else left[0]

    patience = Patience(patience_seconds)
    retrying = AsyncRetrying(
        sleep=note,
        after=patience.count,
        stop=patience.stop,
        wait=patience.wait,
        retry=retry_if_exception_type(TroubleError),
        reraise=True,
    )
    with pytest.raises(type(errors[-1])):
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
    assert waits_of(RefusedError("403"), patience_seconds=0.0) == [0, 0]


def test_each_kind_of_trouble_is_counted_by_itself() -> None:
    cut, refused = TroubleError("cut"), RefusedError("403")
    waits = waits_of(cut, cut, refused)
    assert [int(wait // 5) for wait in waits] == [0, 0, 3, 6], "three refusals in all"


def test_while_good_parts_of_a_body_come_it_is_tried_on() -> None:
    some, none = TroubleError("cut"), TroubleError("cut")
    some.gained_bytes = GOOD_PART_BYTES
    waits = waits_of(*[some] * 20, none)
    assert [int(wait) for wait in waits] == [1] * 20 + [2, 4, 8]


def test_what_is_no_trouble_is_not_tried_again() -> None:
    assert waits_of(ValueError()) == []

"""What is staged is committed as soon as it is, but for what stands behind a task of its feed."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import date
from pathlib import Path

from gexlake.models.feed import Feed, SessionKey
from gexlake.models.task import FeedTask
from gexlake.services.importing.import_history import _take_staged, _Unit


def unit(ticker: str, day: int, *, done: bool) -> _Unit:
    session = SessionKey(Feed(ticker, "classic", "gex_zero"), date(2025, 11, day))
    unit = _Unit(FeedTask("import", "gex", session, (), Path("lake"), None), Future())
    if done:
        unit.future.set_result([])  # type: ignore[union-attr]
    return unit


def test_feeds_do_not_wait_for_each_other_and_days_of_one_do() -> None:
    first, slow, behind, other = (
        unit("SPX", 10, done=True),
        unit("SPX", 11, done=False),
        unit("SPX", 12, done=True),
        unit("NDX", 10, done=True),
    )
    under_way = [first, slow, behind, other]
    assert _take_staged(under_way) == [first, other]
    assert under_way == [slow, behind]
    slow.future.set_result([])  # type: ignore[union-attr]
    assert _take_staged(under_way) == [slow, behind]
    assert under_way == []

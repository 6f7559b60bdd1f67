"""What goes wrong on the way to the vendor and may go right the next time.

TroubleError            worth trying again: the line broke, the service is down, the body was cut
├── RefusedError        403: a plan without this feed, or throttling; the answer does not say which
├── LimitedError        429: too many requests, perhaps for today
├── UrlRefusedError     a signed URL that has run out
└── NotHistoryError     a body that is no whole JSON array
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from tenacity import RetryCallState

from gexlake.errors import GexlakeError

PATIENCE_SECONDS = 15.0
"""The first wait after a refusal; the second is twice as long. Other trouble is tried again after a fifteenth."""
MAX_WAIT_SECONDS = 300.0
"""Nobody is waited for any longer in one run: the next one takes it up."""
BRIEF_SHARE = 1 / 15
JITTER_SHARE = 1 / 5
GOOD_PART_BYTES = 1 << 20
"""Of a body that came before the line broke: then it is no vain try."""


class TroubleError(GexlakeError):
    """What may go right the next time; `tries` in all, each after a longer wait or the one that was asked for."""

    retryable = True
    tries = 5
    is_brief = True
    """Whether the first wait is a short one."""

    def __init__(self, message: str, *, hint: str = "", wait_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds
        self.gained_bytes = 0
        """By which a body became longer before it than it ever was."""


class RefusedError(TroubleError):
    """403: the plan does not have this feed, or there were too many requests."""

    tries = 3
    is_brief = False


class LimitedError(TroubleError):
    """429: the allowance of this moment, or of the day, is spent."""

    tries = 3
    is_brief = False


class UrlRefusedError(TroubleError):
    """A signed URL that the store does not take, or no longer."""


class NotHistoryError(TroubleError):
    """A body that is no whole JSON array."""

    tries = 3


class Patience:
    """For tenacity, of one thing that is tried: when to stop, and how long to wait; `seconds` 0 means not at all.

    Each kind of trouble is counted by itself, and anew where a good part of a body came before the line broke.
    """

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._seconds = seconds
        self._counts: Counter[type[TroubleError]] = Counter()

    def count(self, state: RetryCallState) -> None:
        """Behind each try that failed."""
        trouble = _trouble_of(state)
        if trouble.gained_bytes >= GOOD_PART_BYTES:
            self._counts.clear()
        self._counts[type(trouble)] += 1

    def stop(self, state: RetryCallState) -> bool:
        """Whether it has been tried often enough."""
        trouble = _trouble_of(state)
        return self._counts[type(trouble)] >= trouble.tries

    def wait(self, state: RetryCallState) -> float:
        """Seconds until the next try: twice as many each time, a part of them at random, or as many as asked for."""
        trouble = _trouble_of(state)
        first = self._seconds * (BRIEF_SHARE if trouble.is_brief else 1)
        wait = first * 2.0 ** (self._counts[type(trouble)] - 1) + random.uniform(0, first * JITTER_SHARE)
        return min(max(wait, trouble.wait_seconds or 0.0), MAX_WAIT_SECONDS)


def _trouble_of(state: RetryCallState) -> TroubleError:
    found: Any = state.outcome.exception() if state.outcome else None
    assert isinstance(found, TroubleError), "nothing else is tried again"
    return found

"""What goes wrong on the way to the vendor and may go right the next time.

TroubleError            worth trying again: the line broke, the service is down, the body was cut
├── RefusedError        403: a plan without this feed, or throttling; the answer does not say which
├── LimitedError        429: too many requests, perhaps for today
├── UrlRefusedError     a signed URL that has run out
└── NotHistoryError     a body that is no whole JSON array
"""

from __future__ import annotations

from typing import Any

from tenacity import RetryCallState, wait_exponential_jitter

from gexlake.errors import GexlakeError

PATIENCE_SECONDS = 15.0
"""The first wait after a refusal; the second is twice as long. Other trouble is tried again after a fifteenth."""
MAX_WAIT_SECONDS = 300.0
"""Nobody is waited for any longer in one run: the next one takes it up."""
BRIEF_SHARE = 1 / 15
JITTER_SHARE = 1 / 5


class TroubleError(GexlakeError):
    """What may go right the next time; `tries` in all, each after a longer wait or the one that was asked for."""

    retryable = True
    tries = 5
    is_brief = True
    """Whether the first wait is a short one."""

    def __init__(self, message: str, *, hint: str = "", wait_seconds: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


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


def stop_as_trouble_says(state: RetryCallState) -> bool:
    """For tenacity: whether what was tried has been tried often enough."""
    return state.attempt_number >= _trouble_of(state).tries


class TroubleWait:
    """For tenacity: how long to wait, in seconds; `patience_seconds` 0 means not at all."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        def waiting(first: float) -> wait_exponential_jitter:
            return wait_exponential_jitter(multiplier=first, max=MAX_WAIT_SECONDS, jitter=first * JITTER_SHARE)

        self._long, self._brief = waiting(patience_seconds), waiting(patience_seconds * BRIEF_SHARE)

    def __call__(self, state: RetryCallState) -> float:
        trouble = _trouble_of(state)
        own = (self._brief if trouble.is_brief else self._long)(state)
        return own if trouble.wait_seconds is None else max(own, min(trouble.wait_seconds, MAX_WAIT_SECONDS))


def _trouble_of(state: RetryCallState) -> TroubleError:
    found: Any = state.outcome.exception() if state.outcome else None
    assert isinstance(found, TroubleError), "nothing else is tried again"
    return found

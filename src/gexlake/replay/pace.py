"""One request a second for each key and metric, as a strict replay holds its clients to. Pure."""

from __future__ import annotations

from collections import OrderedDict

SECOND = 1.0
SLACK_SECONDS = 0.1
"""By so much a request may be early: networks are not that even."""
MOST = 10_000


class Pace:
    """Remembers when each was last answered; `now` is a monotonic time in seconds."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, float] = OrderedDict()

    def admits(self, name: str, now: float) -> bool:
        """Whether a request may be answered now; if so it counts."""
        last = self._last.pop(name, None)
        if last is not None and now - last < SECOND - SLACK_SECONDS:
            self._last[name] = last
            return False
        self._last[name] = now
        while len(self._last) > MOST:
            self._last.popitem(last=False)
        return True

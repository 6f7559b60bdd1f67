"""What the plan of a key has, as far as the vendor's refusals say.

403 stands for two things: the plan does not have the feed, or there were too many requests, and the body is the same.
A plan has packages whole. So where one category was refused as often as it is tried, the others of its package are
asked for too: if none of them is given, the package is denied; if one is, this was throttling. Of the package that has
but one category, those of other packages are asked for: plans that have it have them as well.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from gexlake.models.feed import FEED_CATEGORIES, Feed, SessionKey
from gexlake.services.getting.plan import package_name
from gexlake.vendor.trouble import RefusedError, TroubleError

Ask = Callable[[SessionKey], Awaitable[object]]
"""Asks for a session once; raises `TroubleError` where it is refused."""


class Access:
    """The verdicts of one run, by ticker and package."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._given: set[str] = set()
        self._denied: set[str] = set()
        self._judging: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def give(self, feed: Feed) -> None:
        """The vendor has answered for this feed, so the plan has its package."""
        self._given.add(package_name(feed))

    def is_denied(self, feed: Feed) -> bool:
        """Whether the plan is known not to have it."""
        return package_name(feed) in self._denied

    async def judge(self, session: SessionKey) -> bool:
        """Whether a session that was refused is denied; else it was throttled."""
        name = package_name(session.feed)
        async with self._judging[name]:
            if name not in self._denied | self._given and await self._others_are_refused(session):
                self._denied.add(name)
        return name in self._denied

    async def _others_are_refused(self, session: SessionKey) -> bool:
        for other in _others(session.feed):
            try:
                await self._ask(SessionKey(other, session.session_date))
            except RefusedError:
                continue
            except TroubleError:  # limited, or no answer: it says nothing of the plan
                return False
            self.give(other)
            return False
        return True


def _others(feed: Feed) -> list[Feed]:
    """The other feeds of the package; of the one that has no others, a feed of each other package."""
    ticker, package, category = feed
    others = [Feed(ticker, package, other) for other in FEED_CATEGORIES[package] if other != category]
    return others or [Feed(ticker, other, names[0]) for other, names in FEED_CATEGORIES.items() if other != package]

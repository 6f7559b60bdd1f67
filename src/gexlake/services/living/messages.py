"""Group messages of sockets as records: of which feed each is, and with a spot price."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from gexlake.models.feed import Feed
from gexlake.models.record_types import kind_of
from gexlake.services.living.recorder import Recorder
from gexlake.vendor.frames import GroupMessage
from gexlake.vendor.groups import group_of_feed
from gexlake.vendor.messages import BrokenMessageError, Document, Message, UnknownMessageError, decode

SPOT_SECONDS = 2.0
"""How long a snapshot without a spot price waits for the message that has it."""
KNOWN_SPOTS = 1000
MOST_KINDS = 50
"""Of messages that are left out, which are told apart."""


class _Waiting(NamedTuple):
    feed: Feed
    document: Document
    until: float


class MessageTaker:
    """Takes messages and hands records to the recorder."""

    def __init__(self, recorder: Recorder, feeds: Sequence[Feed], *, spot_seconds: float = SPOT_SECONDS) -> None:
        self._recorder, self._spot_seconds = recorder, spot_seconds
        self._groups = {group_of_feed(feed): feed for feed in feeds}
        self._spots: OrderedDict[tuple[str, int], object] = OrderedDict()
        self._waiting: list[_Waiting] = []

    def take(self, feeds: Sequence[Feed], said: GroupMessage) -> None:
        """A message of a hub that has these feeds."""
        try:
            message = decode(said.envelope)
        except UnknownMessageError as error:
            self._count_unknown(str(error))
            return
        except BrokenMessageError:
            self._count_unknown("damaged message")
            return
        if message.kind is None:
            self._take_spot(message.document)
            return
        feed = self._feed_of(feeds, said, message)
        if feed is None:
            self._count_unknown(f"message of {said.group or message.document['ticker']}, which was not asked for")
            return
        document = message.document
        if not document.get("spot"):
            document["spot"] = self._spots.get((feed.ticker, document["timestamp"]), 0)
        if document["spot"]:
            self._recorder.take_document(feed, document)
        else:
            self._waiting.append(_Waiting(feed, document, asyncio.get_running_loop().time() + self._spot_seconds))

    async def release_late(self) -> None:
        """Hand on what has waited for a spot price in vain: the import says what is wrong with it."""
        while True:
            await asyncio.sleep(self._spot_seconds / 4)
            now = asyncio.get_running_loop().time()
            late = [one for one in self._waiting if one.until <= now]
            self._waiting = [one for one in self._waiting if one.until > now]
            for one in late:
                self._recorder.take_document(one.feed, one.document)

    def _take_spot(self, document: Document) -> None:
        place = document["ticker"], document["timestamp"]
        self._spots[place] = document["spot"]
        if len(self._spots) > KNOWN_SPOTS:
            self._spots.popitem(last=False)
        ready = [one for one in self._waiting if (one.feed.ticker, one.document["timestamp"]) == place]
        self._waiting = [one for one in self._waiting if one not in ready]
        for one in ready:
            one.document["spot"] = document["spot"]
            self._recorder.take_document(one.feed, one.document)

    def _feed_of(self, feeds: Sequence[Feed], said: GroupMessage, message: Message) -> Feed | None:
        """By the group's name, which may have the vendor's prefix; else, if that leaves one, by kind and ticker."""
        if said.group is not None:
            return self._groups.get(said.group) or self._groups.get(said.group.partition("_")[2])
        fitting = [
            feed for feed in feeds if kind_of(feed) is message.kind and feed.ticker == message.document["ticker"]
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _count_unknown(self, what: str) -> None:
        if what not in self._recorder.unknown:
            if len(self._recorder.unknown) >= MOST_KINDS:
                what = "others"
            else:
                self._recorder.warn(f"A message was left out: {what}")
        self._recorder.unknown[what] += 1

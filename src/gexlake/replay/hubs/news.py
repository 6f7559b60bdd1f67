"""Messages of records, encoded once however many are told of them."""

from __future__ import annotations

import logging
from collections import OrderedDict

import orjson

from gexlake.models.feed import SessionKey
from gexlake.models.record_types import kind_of
from gexlake.replay.lake_reader import ReplayRecord
from gexlake.vendor.messages import Clamped, encode, encode_spot

MOST_KEPT = 2048
logger = logging.getLogger(__name__)


class Encoder:
    """Serialised envelopes of records, and of the spot prices in them; those made last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[SessionKey, int, bool], bytes] = OrderedDict()
        self.encoded = 0
        """Messages that were made so far."""
        self.clamped = Clamped()

    def envelope(self, record: ReplayRecord, *, spot: bool = False) -> bytes:
        """What a socket is told of a record, or, with `spot`, of the price in it."""
        key = record.session, record.number, spot
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._encode(record, spot=spot)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _encode(self, record: ReplayRecord, *, spot: bool) -> bytes:
        self.encoded += 1
        known = set(self.clamped.counts)
        document = orjson.loads(record.text)
        if spot:
            found = encode_spot(int(document["timestamp"]), document["ticker"], document["spot"], self.clamped)
        else:
            found = encode(kind_of(record.session.feed), document, self.clamped)
        for name in self.clamped.counts.keys() - known:
            logger.warning("%s of %s does not fit the wire and was cut to what does.", name, record.session)
        return found

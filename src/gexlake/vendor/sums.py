"""Sums that the wire cannot carry: in thousandths they have to fit into 32 bits. Pure."""

from __future__ import annotations

import math
from typing import Any

from gexlake.models.record_type import RecordType
from gexlake.vendor.messages import MILLS

FLAG = "sum_saturated"
"""Of a snapshot, the names of the sums that are the ladder's and not the vendor's."""
MOST = ((1 << 31) - 1) / MILLS
ROUNDING = 0.005
"""Of each value of a ladder."""
_SUMS = {"sum_gex_vol": 1, "sum_gex_oi": 2}
"""Which column of the ladder each is of."""


def correct_sums(kind: RecordType, document: dict[str, Any]) -> int:
    """Put the ladder's sums in place of those that did not fit into a message, and flag them; how many there were.

    A sum is left alone where the ladder's would have fitted: it may be of more strikes than the ladder shows.
    """
    if kind.ladder is None or not _SUMS.keys() <= document.keys():
        return 0
    ladder, wrong = document[kind.ladder.field], []
    for name, column in _SUMS.items():
        true = math.fsum(entry[column] for entry in ladder)
        if abs(true) > MOST and abs(true - document[name]) > ROUNDING * (len(ladder) + 1):
            document[name] = round(true, 3)
            wrong.append(name)
    if wrong:
        document[FLAG] = wrong
    return len(wrong)

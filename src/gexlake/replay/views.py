"""Majors and maxchange: the vendor's short forms of a GEX snapshot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]

_MAJORS = {
    "timestamp": "timestamp",
    "ticker": "ticker",
    "spot": "spot",
    "mpos_vol": "major_pos_vol",
    "mpos_oi": "major_pos_oi",
    "mneg_vol": "major_neg_vol",
    "mneg_oi": "major_neg_oi",
    "zero_gamma": "zero_gamma",
    "net_gex_vol": "sum_gex_vol",
    "net_gex_oi": "sum_gex_oi",
}
"""Field of the view -> field of the snapshot."""
_SPANS = ("current", "one", "five", "ten", "fifteen", "thirty")


def majors(snapshot: Mapping[str, Any]) -> Document:
    """Levels and sums."""
    return {name: snapshot.get(source) for name, source in _MAJORS.items()}


def maxchange(snapshot: Mapping[str, Any]) -> Document:
    """The largest changes, now and over some minutes, each as [strike, change]."""
    pairs = snapshot.get("max_priors") or []
    return {
        "timestamp": snapshot["timestamp"],
        "ticker": snapshot["ticker"],
        **dict(zip(_SPANS, [*pairs, *[None] * len(_SPANS)], strict=False)),
    }


VIEWS: dict[str, Callable[[Mapping[str, Any]], Document]] = {"majors": majors, "maxchange": maxchange}
"""Last part of the path -> what makes the view."""

"""What a snapshot reports besides its ladder: levels, sums, priors, largest changes, all from a `Market`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.market import Floats, Ints, Market

PRIOR_MINUTES = (1, 5, 10, 15, 30)
NET_GAMMA_STRIKES = 5
BLOCK_ROWS = 1024

Cents = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Columns:
    """n snapshots over k strikes, rounded as reported; prior rows and largest changes are per horizon."""

    timestamps: Ints
    spot: Floats
    strikes: Floats
    gex_vol_cents: Cents
    gex_oi_cents: Cents
    prior_rows: tuple[Ints, ...]
    zero_gamma: Floats
    major_pos_vol: Floats
    major_pos_oi: Floats
    major_neg_vol: Floats
    major_neg_oi: Floats
    sum_gex_vol: Floats
    sum_gex_oi: Floats
    delta_risk_reversal: Floats
    max_prior_strikes: tuple[Floats, ...]
    max_prior_changes: tuple[Floats, ...]


def derive_columns(market: Market, package: str) -> Columns:
    """All reported columns. State packages report a literal 0 where the field does not apply to them."""
    vol_cents, oi_cents = to_cents(market.gex_vol), to_cents(market.gex_oi)
    rows = prior_rows(market.timestamps)
    previous = np.maximum(np.arange(len(market.timestamps)) - 1, 0)
    changes = [largest_change(market, earlier) for earlier in (previous, *rows)]
    major_pos_vol, major_neg_vol = major_levels(market.strikes, vol_cents)
    major_pos_oi, major_neg_oi = major_levels(market.strikes, oi_cents)
    zero_gamma = zero_gamma_levels(market)
    sum_gex_oi = _sums(market.gex_oi)
    risk_reversal = _risk_reversal(market)
    if package == "state":
        oi_cents = np.zeros_like(oi_cents)
        for column in (zero_gamma, major_pos_oi, major_neg_oi, sum_gex_oi, risk_reversal):
            column[:] = 0
    elif package == "classic":
        for column in (zero_gamma, major_pos_vol, major_neg_vol, major_pos_oi, major_neg_oi):
            column[0] = 0  # the first record of a day comes before the levels are known
    return Columns(
        timestamps=market.timestamps,
        spot=market.spot,
        strikes=market.strikes,
        gex_vol_cents=vol_cents,
        gex_oi_cents=oi_cents,
        prior_rows=rows,
        zero_gamma=zero_gamma,
        major_pos_vol=major_pos_vol,
        major_pos_oi=major_pos_oi,
        major_neg_vol=major_neg_vol,
        major_neg_oi=major_neg_oi,
        sum_gex_vol=_sums(market.gex_vol),
        sum_gex_oi=sum_gex_oi,
        delta_risk_reversal=risk_reversal,
        max_prior_strikes=tuple(strikes for strikes, _ in changes),
        max_prior_changes=tuple(change for _, change in changes),
    )


def to_cents(gex: Floats) -> Cents:
    """Whole hundredths, rounded half to even."""
    cents = np.empty(gex.shape, np.int32)
    for block in _blocks(len(gex)):
        cents[block] = np.rint(gex[block] * 100)
    return cents


def prior_rows(timestamps: Ints) -> tuple[Ints, ...]:
    """Per horizon, the row of the last snapshot at or before 1, 5, 10, 15, 30 minutes ago.

    Before the session is that old, the first snapshot stands in for the missing one.
    """
    return tuple(
        np.maximum(np.searchsorted(timestamps, timestamps - 60 * minutes, side="right") - 1, 0)
        for minutes in PRIOR_MINUTES
    )


def largest_change(market: Market, earlier_rows: Ints) -> tuple[Floats, Floats]:
    """Strike and size of the largest change of gex_vol, by magnitude, since each row's earlier one."""
    strikes, changes = np.empty(len(earlier_rows)), np.empty(len(earlier_rows))
    for block in _blocks(len(earlier_rows)):
        change = market.gex_vol[block] - market.gex_vol[earlier_rows[block]]
        where = np.abs(change).argmax(axis=1)
        strikes[block] = market.strikes[where]
        changes[block] = np.take_along_axis(change, where[:, None], axis=1)[:, 0]
    return strikes, _rounded(changes, 3)


def major_levels(strikes: Floats, cents: Cents) -> tuple[Floats, Floats]:
    """Strikes of the largest positive and the largest negative GEX; 0 where there is none of that sign."""
    positive = np.where(cents.max(axis=1) > 0, strikes[cents.argmax(axis=1)], 0.0)
    negative = np.where(cents.min(axis=1) < 0, strikes[cents.argmin(axis=1)], 0.0)
    return positive, negative


def zero_gamma_levels(market: Market) -> Floats:
    """Level nearest the spot at which net GEX by volume, over a few neighbouring strikes, changes sign.

    Interpolated between the two middles; where the sign never changes, the strike nearest the spot.
    """
    width = min(NET_GAMMA_STRIKES, len(market.strikes))
    middles = np.convolve(market.strikes, np.full(width, 1 / width), mode="valid")
    levels = np.empty(len(market.spot))
    for block in _blocks(len(levels)):
        running = np.zeros((block.stop - block.start, len(market.strikes) + 1))
        np.cumsum(market.gex_vol[block], axis=1, out=running[:, 1:])
        net = running[:, width:] - running[:, :-width]
        levels[block] = _nearest_sign_change(net, middles, market.spot[block])
    nearest = market.strikes[np.abs(market.strikes - market.spot[:, None]).argmin(axis=1)]
    return _rounded(np.where(np.isnan(levels), nearest, levels), 2)


def _nearest_sign_change(net: Floats, prices: Floats, spot: Floats) -> Floats:
    """Per row, the interpolated zero of `net` over `prices` nearest the spot; NaN where there is none."""
    before, after = net[:, :-1], net[:, 1:]
    flips = before * after < 0
    if not flips.size:
        return np.full(len(spot), np.nan)
    part = np.divide(before, before - after, out=np.full(flips.shape, np.nan), where=flips)
    zeros = prices[:-1] + part * np.diff(prices)
    distance = np.where(flips, np.abs(zeros - spot[:, None]), np.inf)
    return np.asarray(zeros[np.arange(len(spot)), distance.argmin(axis=1)])


def _sums(gex: Floats) -> Floats:
    """Sum of each unrounded ladder, so within half a cent per strike of the sum of the reported cells."""
    return _rounded(gex.sum(axis=1), 3)


def _risk_reversal(market: Market) -> Floats:
    """A small skew figure that leans against the session's return."""
    session_return = np.log(market.spot / market.spot[0])
    wave = 0.01 * np.sin(market.timestamps / 1800)
    return _rounded(0.118 - 8 * session_return + wave, 3)


def _rounded(values: Floats, decimals: int) -> Floats:
    """Rounded, and never minus zero."""
    return np.round(values, decimals) + 0.0


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK_ROWS, rows)) for start in range(0, rows, BLOCK_ROWS))

"""GEX snapshots: a ladder, and levels, sums, priors and largest changes, all from a `Market`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gexlake.sample.columns import Cents, blocks, major_levels, prior_rows, rounded, to_cents
from gexlake.sample.feeds import FeedLike
from gexlake.sample.market import Floats, Ints, Market, simulate_market
from gexlake.sample.sessions import TradingSession, days_to_expiries
from gexlake.sample.text import START, Cells, Part, cell_texts, iter_numbers, iter_tables, plain_number

PRIOR_MINUTES = (1, 5, 10, 15, 30)
NET_GAMMA_STRIKES = 5


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


def gex_texts(feed: FeedLike, session: TradingSession, timestamps: Ints, *, seed: int, strikes: int) -> Iterator[bytes]:
    """One compact JSON object per snapshot, in time order."""
    market = simulate_market(feed, session, timestamps, seed=seed, strikes=strikes)
    columns = derive_columns(market, feed.package)
    heads = _iter_heads(feed, columns, days_to_expiries(feed.category, session.date))
    tails = _iter_tails(columns)
    return (
        b"".join((head.encode(), ladder, tail.encode()))
        for head, ladder, tail in zip(heads, _iter_ladders(columns), tails, strict=True)
    )


def derive_columns(market: Market, package: str) -> Columns:
    """All reported columns. State packages report a literal 0 where the field does not apply to them."""
    vol_cents, oi_cents = to_cents(market.gex_vol), to_cents(market.gex_oi)
    rows = prior_rows(market.timestamps, PRIOR_MINUTES)
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


def largest_change(market: Market, earlier_rows: Ints) -> tuple[Floats, Floats]:
    """Strike and size of the largest change of gex_vol, by magnitude, since each row's earlier one."""
    strikes, changes = np.empty(len(earlier_rows)), np.empty(len(earlier_rows))
    for block in blocks(len(earlier_rows)):
        change = market.gex_vol[block] - market.gex_vol[earlier_rows[block]]
        where = np.abs(change).argmax(axis=1)
        strikes[block] = market.strikes[where]
        changes[block] = np.take_along_axis(change, where[:, None], axis=1)[:, 0]
    return strikes, rounded(changes, 3)


def zero_gamma_levels(market: Market) -> Floats:
    """Level nearest the spot at which net GEX by volume, over a few neighbouring strikes, changes sign.

    Interpolated between the two middles; where the sign never changes, the strike nearest the spot.
    """
    width = min(NET_GAMMA_STRIKES, len(market.strikes))
    middles = np.convolve(market.strikes, np.full(width, 1 / width), mode="valid")
    levels = np.empty(len(market.spot))
    for block in blocks(len(levels)):
        running = np.zeros((block.stop - block.start, len(market.strikes) + 1))
        np.cumsum(market.gex_vol[block], axis=1, out=running[:, 1:])
        net = running[:, width:] - running[:, :-width]
        levels[block] = _nearest_sign_change(net, middles, market.spot[block])
    nearest = market.strikes[np.abs(market.strikes - market.spot[:, None]).argmin(axis=1)]
    return rounded(np.where(np.isnan(levels), nearest, levels), 2)


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
    return rounded(gex.sum(axis=1), 3)


def _risk_reversal(market: Market) -> Floats:
    """A small skew figure that leans against the session's return."""
    session_return = np.log(market.spot / market.spot[0])
    wave = 0.01 * np.sin(market.timestamps / 1800)
    return rounded(0.118 - 8 * session_return + wave, 3)


def _iter_ladders(columns: Columns) -> Iterator[bytes]:
    """Rows such as `[6890,-228.01,-86.9,[-240.55,-243.15,-245.22,-221.27,-220.12]]`."""
    gex_vol, gex_oi = cell_texts(columns.gex_vol_cents), cell_texts(columns.gex_oi_cents)
    strikes = [f"[{plain_number(strike, 2)},".encode() for strike in columns.strikes]
    priors: list[Part] = [part for rows in columns.prior_rows for part in (b",", Cells(gex_vol, rows))]
    priors[0] = b",["
    parts = (strikes, Cells(gex_vol), b",", Cells(gex_oi), *priors, b"]]")
    return iter_tables(len(columns.timestamps), len(strikes), parts)


def _iter_heads(feed: FeedLike, columns: Columns, expiries: tuple[int, int]) -> Iterator[str]:
    nearest, following = expiries
    pattern = (
        f'{{{START}{{}},"ticker":"{feed.ticker}","min_dte":{nearest},"sec_min_dte":{following},'
        '"spot":{},"zero_gamma":{},"major_pos_vol":{},"major_pos_oi":{},"major_neg_vol":{},"major_neg_oi":{},'
        '"strikes":['
    )
    levels = (
        columns.spot,
        columns.zero_gamma,
        columns.major_pos_vol,
        columns.major_pos_oi,
        columns.major_neg_vol,
        columns.major_neg_oi,
    )
    texts = (iter_numbers(level, 2) for level in levels)
    return map(pattern.format, columns.timestamps.tolist(), *texts)


def _iter_tails(columns: Columns) -> Iterator[str]:
    pairs = ",".join(["[{},{}]"] * len(columns.max_prior_strikes))
    pattern = f'],"sum_gex_vol":{{}},"sum_gex_oi":{{}},"delta_risk_reversal":{{}},"max_priors":[{pairs}]}}}}'
    sums = (columns.sum_gex_vol, columns.sum_gex_oi, columns.delta_risk_reversal)
    texts = [iter_numbers(values, 3) for values in sums]
    for strikes, changes in zip(columns.max_prior_strikes, columns.max_prior_changes, strict=True):
        texts += [iter_numbers(strikes, 2), iter_numbers(changes, 3)]
    return map(pattern.format, *texts)

"""Records of the orderflow: levels, ratios, running sums and flows of today's expiry and of the next one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.columns import Cents, major_levels, to_cents
from gexlake.sample.feeds import FeedLike, SampleFeed
from gexlake.sample.greeks import deviations_from_strikes
from gexlake.sample.market import EXPIRIES, SESSIONS_PER_YEAR, Floats, Ints, Market, simulate_market, stream
from gexlake.sample.sessions import TradingSession
from gexlake.sample.text import START, Cells, Part, cell_texts, iter_tables

# fmt: off
FIELDS = (
    "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma", "zero_mcall", "zero_mput", "one_mcall",
    "one_mput", "zcvr", "ocvr", "zgr", "ogr", "zvanna", "ovanna", "zcharm", "ocharm", "agg_dex",
    "one_agg_dex", "agg_call_dex", "one_agg_call_dex", "agg_put_dex", "one_agg_put_dex", "net_dex",
    "one_net_dex", "net_call_dex", "one_net_call_dex", "net_put_dex", "one_net_put_dex", "dexoflow",
    "gexoflow", "cvroflow", "one_dexoflow", "one_gexoflow", "one_cvroflow",
)
# fmt: on
"""Numbers of a record in their order, behind timestamp and ticker."""

STALE_RECORDS = 4
"""The vendor's first records of a day repeat one state, under timestamps of their own."""
LARGEST_RATIO = 99.99
NEGATIVE_ZERO = b"-0.0"
TYPICAL_TRADES = 20
"""Hundredths of delta that change hands in a second."""


@dataclass(frozen=True, slots=True)
class Columns:
    """n records: whole hundredths by `FIELDS`, (n, 35), and where a zero is the negative one."""

    timestamps: Ints
    cents: Cents
    negative_zeros: NDArray[np.bool_]


def orderflow_texts(
    feed: FeedLike, session: TradingSession, timestamps: Ints, *, seed: int, strikes: int
) -> Iterator[bytes]:
    """One compact JSON object per record, in time order."""
    columns = derive_columns(feed, session, timestamps, seed=seed, strikes=strikes)
    texts = cell_texts(columns.cents)
    texts["high"][columns.negative_zeros] = NEGATIVE_ZERO
    texts["low"][columns.negative_zeros] = b""
    parts: list[Part] = []
    for number, field in enumerate(FIELDS):
        parts += [f',"{field}":'.encode(), Cells(texts[:, number : number + 1])]
    rows = iter_tables(len(timestamps), 1, parts)
    ticker = f',"ticker":"{feed.ticker}"'
    return (
        b"".join((f"{START}{second}{ticker}".encode(), row, b"}"))
        for second, row in zip(timestamps.tolist(), rows, strict=True)
    )


def derive_columns(feed: FeedLike, session: TradingSession, timestamps: Ints, *, seed: int, strikes: int) -> Columns:
    """All reported numbers. The two ladders behind them are those of the ticker's state feeds."""
    numbers: dict[str, Floats] = {}
    for expiry in ("zero", "one"):
        state = SampleFeed(feed.ticker, "state", f"gex_{expiry}")
        market = simulate_market(state, session, timestamps, seed=seed, strikes=strikes)
        draw = stream(seed, "orderflow", feed.ticker, session.date.isoformat(), expiry)
        numbers |= {"spot": market.spot, **_levels(market, expiry), **_ratios(market, expiry)}
        numbers |= _sums(draw, len(timestamps), expiry)
        numbers |= _flows(market, numbers, expiry)
    hundredths = np.rint(np.stack([numbers[field] for field in FIELDS], axis=1) * 100)
    hundredths[:STALE_RECORDS] = hundredths[0]
    return Columns(timestamps, hundredths.astype(np.int32), (hundredths == 0) & np.signbit(hundredths))


def _levels(market: Market, expiry: str) -> dict[str, Floats]:
    """Strikes of the largest gamma by volume, and by open interest: that of calls is positive."""
    long_gamma, short_gamma = major_levels(market.strikes, to_cents(market.gex_vol))
    call, put = major_levels(market.strikes, to_cents(market.gex_oi))
    letter = expiry[0]
    return {
        f"{letter}_mlgamma": long_gamma,
        f"{letter}_msgamma": short_gamma,
        f"{expiry}_mcall": call,
        f"{expiry}_mput": put,
    }


def _ratios(market: Market, expiry: str) -> dict[str, Floats]:
    """Small numbers that say how the ladder leans; they have no unit."""
    sessions_left = market.session_left + EXPIRIES[expiry][0][0]
    distance = np.log(market.spot)[:, None] - np.log(market.strikes)
    deviations = deviations_from_strikes(distance, (sessions_left / SESSIONS_PER_YEAR)[:, None])
    size = np.abs(market.gex_vol)
    whole = np.maximum(size.sum(axis=1), 0.01)
    positive = 0.5 * (whole + market.gex_vol.sum(axis=1))
    lean = (market.gex_vol * deviations).sum(axis=1) / whole
    letter = expiry[0]
    return {
        f"{letter}cvr": (size * np.square(deviations)).sum(axis=1) / whole,
        f"{letter}gr": np.minimum(positive / np.maximum(whole - positive, 0.01), LARGEST_RATIO),
        f"{letter}vanna": -lean,
        f"{letter}charm": 0.5 * lean / np.sqrt(sessions_left),
    }


def _sums(draw: np.random.Generator, records: int, expiry: str) -> dict[str, Floats]:
    """Deltas traded so far, gross and net; puts count negative, so theirs start at a negative zero."""
    trades = np.rint(TYPICAL_TRADES * draw.standard_normal((records, 4)))
    trades[:STALE_RECORDS] = 0
    agg_calls, agg_puts, net_calls, net_puts = np.cumsum(trades, axis=0).T / 100
    one = _prefix(expiry)
    return {
        f"{one}agg_dex": agg_calls - agg_puts,
        f"{one}agg_call_dex": agg_calls + 0.0,
        f"{one}agg_put_dex": -agg_puts,
        f"{one}net_dex": net_calls - net_puts,
        f"{one}net_call_dex": net_calls + 0.0,
        f"{one}net_put_dex": -net_puts,
    }


def _flows(market: Market, numbers: dict[str, Floats], expiry: str) -> dict[str, Floats]:
    """What has changed since the record before; where that rounds to nothing, its sign stays."""
    one = _prefix(expiry)
    return {
        f"{one}dexoflow": _changes(numbers[f"{one}agg_dex"]),
        f"{one}gexoflow": _changes(market.gex_vol.sum(axis=1)),
        f"{one}cvroflow": _changes(100 * numbers[f"{expiry[0]}cvr"]),
    }


def _changes(values: Floats) -> Floats:
    return np.diff(values, prepend=values[:1])


def _prefix(expiry: str) -> str:
    """Sums and flows of today's expiry have no word for it in their names."""
    return "one_" if expiry == "one" else ""

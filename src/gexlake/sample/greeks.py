"""Records of the greeks: per strike two implied volatilities and one exposure, all from a `Market`.

Exposures follow from those by gamma, by what Black and Scholes say of one option. With d the standard deviations
from the strike to the spot, T the time to expiry and m one deviation of the spot until then:

    delta = gamma * m * N(d) / phi(d)    vanna = -gamma * d * sqrt(T)    charm = gamma * m * d / 2T
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.columns import Cents, blocks, major_levels, prior_rows, to_cents
from gexlake.sample.feeds import FeedLike
from gexlake.sample.market import (
    ANNUAL_VOLATILITY,
    EXPIRIES,
    LARGEST_GEX,
    SESSIONS_PER_YEAR,
    Floats,
    Ints,
    Market,
    simulate_market,
)
from gexlake.sample.sessions import TradingSession, days_to_expiries
from gexlake.sample.text import (
    START,
    Bytes,
    Cells,
    Part,
    cell_texts,
    iter_numbers,
    iter_tables,
    plain_number,
)

PRIOR_MINUTES = (1, 5, 10)
MOST_DEVIATIONS = 5.0
"""Further from the money nothing is told apart, so that no exponential overflows."""
LARGEST_VOLATILITY = 9_999
"""In thousandths."""

Thousandths = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Columns:
    """n records over k strikes, rounded as reported; prior rows are per horizon."""

    timestamps: Ints
    spot: Floats
    major_positive: Floats
    major_negative: Floats
    major_long_gamma: Floats
    major_short_gamma: Floats
    strikes: Floats
    call_volatility: Thousandths
    put_volatility: Thousandths
    value_cents: Cents
    prior_rows: tuple[Ints, ...]


def greek_texts(
    feed: FeedLike, session: TradingSession, timestamps: Ints, *, seed: int, strikes: int
) -> Iterator[bytes]:
    """One compact JSON object per record, in time order."""
    market = simulate_market(feed, session, timestamps, seed=seed, strikes=strikes)
    columns = derive_columns(market, feed.category)
    heads = _iter_heads(feed, columns, days_to_expiries(feed.category, session.date))
    return (
        b"".join((head.encode(), ladder, b"]}")) for head, ladder in zip(heads, _iter_ladders(columns), strict=True)
    )


def derive_columns(market: Market, category: str) -> Columns:
    """All reported columns of a category such as `gamma_zero`."""
    greek, _, expiry = category.partition("_")
    shape = market.gex_vol.shape
    calls, puts = np.empty(shape, np.int16), np.empty(shape, np.int16)
    values = np.empty(shape, np.int32)
    sessions_left = market.session_left + EXPIRIES[expiry][0][0]
    for block in blocks(len(values)):
        years = (sessions_left[block] / SESSIONS_PER_YEAR)[:, None]
        distance = np.log(market.spot[block])[:, None] - np.log(market.strikes)
        deviations = deviations_from_strikes(distance, years)
        calls[block], puts[block] = _volatilities(distance, deviations, market.timestamps[block])
        exposure = EXPOSURES[greek](market.gex_vol[block], deviations, years)
        values[block] = to_cents(np.clip(exposure, -LARGEST_GEX, LARGEST_GEX))
    major_positive, major_negative = major_levels(market.strikes, values)
    long_gamma, short_gamma = major_levels(market.strikes, to_cents(market.gex_oi))
    return Columns(
        timestamps=market.timestamps,
        spot=market.spot,
        major_positive=major_positive,
        major_negative=major_negative,
        major_long_gamma=long_gamma,
        major_short_gamma=short_gamma,
        strikes=market.strikes,
        call_volatility=calls,
        put_volatility=puts,
        value_cents=values,
        prior_rows=prior_rows(market.timestamps, PRIOR_MINUTES),
    )


def deviations_from_strikes(distance: Floats, years: Floats) -> Floats:
    """Standard deviations of the spot until the expiry that lie between strike and spot; `distance` is in logs."""
    return np.clip(distance / _move(years), -MOST_DEVIATIONS, MOST_DEVIATIONS)


def _move(years: Floats) -> Floats:
    return np.asarray(ANNUAL_VOLATILITY * np.sqrt(years))


def _volatilities(distance: Floats, deviations: Floats, timestamps: Ints) -> tuple[Thousandths, Thousandths]:
    """A smile that leans to the strikes below the spot and breathes through the day; puts stand a little higher."""
    breath = 0.012 * np.sin(timestamps / 2_400) + 0.003 * np.sin(timestamps / 170)
    calls = ANNUAL_VOLATILITY * (1 + 1.5 * distance) + 0.004 * np.square(deviations) + breath[:, None]
    puts = calls + 0.003 + 0.3 * np.abs(distance)
    return _thousandths(calls), _thousandths(puts)


def _thousandths(volatility: Floats) -> Thousandths:
    return np.rint(np.clip(volatility * 1_000, 1, LARGEST_VOLATILITY)).astype(np.int16)


def _delta(gamma: Floats, deviations: Floats, years: Floats) -> Floats:
    """Per 1 % of the spot, as gamma is; N is taken for a logistic curve."""
    bell = np.exp(-0.5 * np.square(deviations)) / np.sqrt(2 * np.pi)
    return np.asarray(gamma * (100 * _move(years)) / (bell * (1 + np.exp(-1.702 * deviations))))


def _gamma(gamma: Floats, _deviations: Floats, _years: Floats) -> Floats:
    return gamma


def _vanna(gamma: Floats, deviations: Floats, years: Floats) -> Floats:
    """Per point of volatility."""
    return np.asarray(gamma * deviations * -np.sqrt(years))


def _charm(gamma: Floats, deviations: Floats, years: Floats) -> Floats:
    """Per session."""
    return np.asarray(gamma * deviations * (50 * _move(years) / (years * SESSIONS_PER_YEAR)))


EXPOSURES: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "delta": _delta,
    "gamma": _gamma,
    "vanna": _vanna,
    "charm": _charm,
}
"""Greek -> its exposure, from that by gamma, the deviations from strike to spot, and years to expiry."""


def _iter_heads(feed: FeedLike, columns: Columns, expiries: tuple[int, int]) -> Iterator[str]:
    nearest, following = expiries
    pattern = (
        f'{{{START}{{}},"ticker":"{feed.ticker}","spot":{{}},"min_dte":{nearest},"sec_min_dte":{following},'
        '"major_positive":{},"major_negative":{},"major_long_gamma":{},"major_short_gamma":{},"mini_contracts":['
    )
    levels = (
        columns.spot,
        columns.major_positive,
        columns.major_negative,
        columns.major_long_gamma,
        columns.major_short_gamma,
    )
    return map(pattern.format, columns.timestamps.tolist(), *(iter_numbers(level, 2) for level in levels))


def _iter_ladders(columns: Columns) -> Iterator[bytes]:
    """Entries such as `[25100,0.182,0.195,-228.01,[-240.55,-243.15,-245.22],null,null]`."""
    volatilities, values = _volatility_texts(), cell_texts(columns.value_cents)
    calls, puts = Cells(volatilities[columns.call_volatility]), Cells(volatilities[columns.put_volatility])
    strikes = [f"[{plain_number(strike, 2)},".encode() for strike in columns.strikes]
    priors: list[Part] = [part for rows in columns.prior_rows for part in (b",", Cells(values, rows))]
    priors[0] = b",["
    parts = (strikes, calls, b",", puts, b",", Cells(values), *priors, b"],null,null]")
    return iter_tables(len(columns.timestamps), len(strikes), parts)


@lru_cache(maxsize=1)
def _volatility_texts() -> Bytes:
    return np.array([plain_number(number / 1_000, 3) for number in range(LARGEST_VOLATILITY + 1)], "S5")

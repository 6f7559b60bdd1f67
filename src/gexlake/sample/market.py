"""A plausible market, as pure numpy: spot path, option ladder, gamma, and the GEX that follows from them.

Everything here is synthetic. The spot is a seeded random walk with the U-shaped volatility of a trading day,
gamma is Black-Scholes, open interest is fixed for the day and net volume is a running sum of signed trades:

    gex = gamma * spot^2 * 0.01 * 100 * net contracts / unit    (dollars per 1 % move, in the ticker's unit)

Each random draw comes from a stream derived from the seed and the names of what is drawn, and rows are drawn
in time order. A session is therefore the same whatever else is generated, and a shorter one is a prefix of
it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from gexlake.sample.feeds import FeedLike
from gexlake.sample.sessions import TradingSession

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ANNUAL_VOLATILITY = 0.18
SESSIONS_PER_YEAR = 252
LEAST_SESSION_LEFT = 0.05
"""Time to expiry never falls below this part of a session, so that gamma at the close stays finite."""
CONTRACT_SIZE = 100
LARGEST_GEX = 9_999_999.0
CHANCE_OF_GAP = 1 / 2600
"""Chance per second of a missing snapshot: about nine gaps of 2-3 seconds in a full session."""
OPENING_VOLUME = 0.02
"""Part of a typical day's net volume that is already traded at the first snapshot."""


@dataclass(frozen=True, slots=True)
class TickerProfile:
    """Rough scale of one ticker; prices in points, `unit_dollars` is what one unit of its GEX is worth."""

    level: float
    tick: float
    strike_step: float
    contracts: float
    unit_dollars: float
    basis: float = 0.0


PROFILES = {
    "NQ_NDX": TickerProfile(25_000, 0.25, 10, contracts=10, unit_dollars=1e6, basis=85.0),
    "NDX": TickerProfile(24_915, 0.01, 10, contracts=10, unit_dollars=1e6),
    "ES_SPX": TickerProfile(6_800, 0.25, 5, contracts=150, unit_dollars=1e3, basis=16.0),
    "SPX": TickerProfile(6_784, 0.01, 5, contracts=150, unit_dollars=1e3),
    "QQQ": TickerProfile(610, 0.01, 1, contracts=1_500, unit_dollars=1e3),
    "SPY": TickerProfile(677, 0.01, 1, contracts=2_500, unit_dollars=1e3),
}
DEFAULT_PROFILE = TickerProfile(100, 0.01, 1, contracts=500, unit_dollars=1e3)

EXPIRIES = {
    "zero": ((0, 1.0),),
    "one": ((1, 1.0),),
    "full": ((0, 0.45), (1, 0.2), (5, 0.2), (21, 0.15)),
}
"""By the end of a category's name: sessions to each expiry after today's, and its share of the contracts."""


@dataclass(frozen=True, slots=True)
class Market:
    """One session of n snapshots over k strikes; GEX is unrounded, shape (n, k).

    `session_left` is the part of the session that is yet to come, and never quite 0.
    """

    timestamps: Ints
    session_left: Floats
    spot: Floats
    strikes: Floats
    gex_vol: Floats
    gex_oi: Floats


def simulate_market(feed: FeedLike, session: TradingSession, timestamps: Ints, *, seed: int, strikes: int) -> Market:
    """The market at those seconds of the session; `feed` has a category of one of the `EXPIRIES`."""
    profile = PROFILES.get(feed.ticker, DEFAULT_PROFILE)
    names = (feed.ticker, feed.package, feed.category, session.date.isoformat())
    rows = timestamps - session.open_utc_seconds

    path = spot_path(feed.ticker, session, seed=seed)
    basis = _basis_of_day(profile, stream(seed, "basis", feed.ticker, session.date.isoformat()))
    ladder = _ladder(path[0] - basis, profile.strike_step, strikes)
    spot = path[rows]

    day_part = rows / session.seconds
    session_left = np.maximum(1 - day_part, LEAST_SESSION_LEFT)
    expiries = EXPIRIES[feed.category.rpartition("_")[2]]
    gamma, nearness = _blended_gamma(spot, ladder + basis, session_left, expiries)
    dollars = gamma * (spot**2 * (0.01 * CONTRACT_SIZE / profile.unit_dollars))[:, None]

    depth = _depth(ladder, path[0] - basis, profile)
    side = _call_side(ladder, path[0] - basis)
    net_oi = _net_open_interest(depth, side, stream(seed, "open interest", *names))
    pace = _activity(day_part) / session.seconds
    net_vol = _net_volume(nearness, pace, depth, side, stream(seed, "volume", *names))

    np.multiply(dollars, net_vol, out=net_vol)
    np.multiply(dollars, net_oi, out=dollars)
    for gex in (net_vol, dollars):
        np.clip(gex, -LARGEST_GEX, LARGEST_GEX, out=gex)
    return Market(timestamps, session_left, spot, np.round(ladder + basis, 2), gex_vol=net_vol, gex_oi=dollars)


def snapshot_seconds(feed: FeedLike, session: TradingSession, *, seed: int, snapshots: int | None) -> Ints:
    """Unix seconds of the first `snapshots` (None: all): from a second or two after the open to the close.

    There is one per second but for a few gaps.
    """
    draw = stream(seed, "clock", feed.ticker, feed.package, feed.category, session.date.isoformat())
    seconds = np.arange(session.open_utc_seconds + 1 + draw.integers(2), session.close_utc_seconds + 1)
    chance = draw.random(len(seconds))
    missing = chance < CHANCE_OF_GAP
    missing[1:] |= chance[:-1] < CHANCE_OF_GAP / 2  # half of the gaps last a second longer
    missing[0] = missing[-1] = False
    return seconds[~missing][:snapshots]


def spot_path(ticker: str, session: TradingSession, *, seed: int) -> Floats:
    """Price at every second of the session, rounded to the ticker's tick.

    Tickers on one underlying (NDX and NQ_NDX) share their returns, each on its own scale.
    """
    profile = PROFILES.get(ticker, DEFAULT_PROFILE)
    underlying = ticker.rpartition("_")[2]
    activity = _activity(np.arange(session.seconds + 1) / session.seconds)
    spread = ANNUAL_VOLATILITY / np.sqrt(SESSIONS_PER_YEAR) * np.sqrt(activity / activity.sum())
    draw = stream(seed, "spot", underlying, session.date.isoformat())
    returns = np.cumsum(spread * draw.standard_normal(len(spread)))
    price = profile.level * np.exp(_slow_drift(underlying, session.date, seed) + returns)
    return np.asarray(np.round(np.round(price / profile.tick) * profile.tick, 2))


def black_scholes_gamma(spot: Floats, strikes: Floats, years: Floats, volatility: Floats) -> tuple[Floats, Floats]:
    """Gamma per option and exp(-d1^2 / 2), both (n, k), at zero rate and dividend.

    Black and Scholes (1973): gamma = phi(d1) / (S sigma sqrt(T)), T in years,
    d1 = ln(S / K) / (sigma sqrt(T)) + sigma sqrt(T) / 2.
    """
    deviation = np.sqrt(years)[:, None] * volatility
    d1 = np.log(spot)[:, None] - np.log(strikes)
    d1 /= deviation
    d1 += 0.5 * deviation
    np.square(d1, out=d1)
    d1 *= -0.5
    bell = np.exp(d1, out=d1)
    deviation *= (np.sqrt(2 * np.pi) * spot)[:, None]
    return np.divide(bell, deviation, out=deviation), bell


def _blended_gamma(
    spot: Floats, strikes: Floats, session_left: Floats, expiries: tuple[tuple[int, float], ...]
) -> tuple[Floats, Floats]:
    """Gamma over all expiries by their share of contracts, and how near the money each strike is (0 to 1)."""
    volatility = ANNUAL_VOLATILITY * np.clip(1 - 1.5 * np.log(strikes / spot[0]), 0.4, 2.5)
    total, nearness = np.zeros((len(spot), len(strikes))), np.zeros((len(spot), len(strikes)))
    for sessions_away, share in expiries:
        years = (session_left + sessions_away) / SESSIONS_PER_YEAR
        gamma, bell = black_scholes_gamma(spot, strikes, years, volatility)
        total += np.multiply(gamma, share, out=gamma)
        nearness += np.multiply(bell, share, out=bell)
    return total, nearness


def _ladder(centre: float, step: float, strikes: int) -> Floats:
    """Evenly spaced positive strikes around the centre, before any futures basis."""
    lowest = round(centre / step) - strikes // 2
    return np.asarray((max(lowest, 1) + np.arange(strikes)) * step, dtype=np.float64)


def _basis_of_day(profile: TickerProfile, draw: np.random.Generator) -> float:
    """How far the future stands above the index today; strikes of futures tickers are shifted by it."""
    return round(profile.basis * draw.uniform(0.6, 1.4), 2)


def _depth(ladder: Floats, centre: float, profile: TickerProfile) -> Floats:
    """Typical contracts per strike: most around the money and at round strikes."""
    distance = (ladder - centre) / _expected_move(centre)
    number = np.round(ladder / profile.strike_step).astype(np.int64)
    roundness = 1 + 1.0 * (number % 5 == 0) + 1.5 * (number % 10 == 0)
    return np.asarray(profile.contracts * roundness * (0.12 + np.exp(-0.5 * np.square(distance / 1.4))))


def _call_side(ladder: Floats, centre: float) -> Floats:
    """Share of contracts that are calls: few below the money, most above."""
    return np.asarray(1 / (1 + np.exp(-2.5 * (ladder - centre) / _expected_move(centre))))


def _expected_move(centre: float) -> float:
    """One standard deviation of a day's move, in points."""
    return float(centre * ANNUAL_VOLATILITY / np.sqrt(SESSIONS_PER_YEAR))


def _net_open_interest(depth: Floats, side: Floats, draw: np.random.Generator) -> Floats:
    """Calls less puts per strike, whole contracts, fixed for the day."""
    calls = depth * side * draw.lognormal(0.0, 0.6, len(depth))
    puts = depth * (1 - side) * draw.lognormal(0.0, 0.6, len(depth))
    return np.rint(4 * (calls - puts))


def _net_volume(nearness: Floats, pace: Floats, depth: Floats, side: Floats, draw: np.random.Generator) -> Floats:
    """Calls less puts traded so far, whole contracts (n, k).

    Calls and puts arrive as two Poisson streams, quicker near the money. Their difference over a second has
    mean rate * (2 * side - 1) and variance rate, and is drawn as a normal. Overwrites `nearness`.
    """
    opening = OPENING_VOLUME * depth * draw.standard_normal(len(depth))
    rate = np.multiply(nearness, pace[:, None] * (8 * depth), out=nearness)
    trades = draw.standard_normal(rate.shape)
    trades *= np.sqrt(rate)
    rate *= 2 * side - 1
    trades += rate
    trades[0] += opening
    np.cumsum(trades, axis=0, out=trades)
    return np.rint(trades, out=trades)


def _activity(day_part: Floats) -> Floats:
    """Relative trading activity over the day, 0 = open and 1 = close: busy ends, quiet noon."""
    return np.asarray(0.55 + 1.2 * np.square(2 * day_part - 1) + 1.5 * np.exp(-day_part / 0.04))


def _slow_drift(underlying: str, day: date, seed: int) -> float:
    """Log distance from the usual level on that date: slow waves, so that neighbouring days are close."""
    phases = stream(seed, "drift", underlying).uniform(0, 2 * np.pi, 2)
    periods_days, sizes = np.array([97, 31]), np.array([0.02, 0.008])
    return float(np.sum(sizes * np.sin(2 * np.pi * day.toordinal() / periods_days + phases)))


def stream(seed: int, *names: str) -> np.random.Generator:
    """A random stream that depends on the seed and the names alone."""
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))

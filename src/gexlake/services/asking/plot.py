"""The dashboard's pictures without a browser: a session, and the profile at one second.

From the published Parquet alone, so that they can be made beside a running server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.errors import StorageError, UsageError
from gexlake.models.feed import CATEGORY_ALIASES, Feed
from gexlake.services.asking.session_frames import Bounds, published_feeds, published_files, scan_range
from gexlake.services.asking.view import SECOND_US, Floats, SessionView, is_synthetic, view_session
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
COLUMNS = 1600
SCALE_QUANTILE = 0.995
SCALE_POWER = 0.6
STOPS = ("#08306b", "#266eb4", "#70aadb", "#bed9f0", "#fafaf9", "#fed9a6", "#f6a54d", "#d2620c", "#702c04")
"""Blue below zero, orange above: the dashboard's light colours, told apart with any kind of colour vision."""
POSITIVE, NEGATIVE, SPOT, ZERO = "#d2620c", "#266eb4", "#000000", "#b3128a"
MARK = "#8a5a00"
LEVELS = (
    ("major_pos_vol", "major + by volume", POSITIVE, "-"),
    ("major_neg_vol", "major − by volume", NEGATIVE, "-"),
    ("major_pos_oi", "major + by OI", POSITIVE, "--"),
    ("major_neg_oi", "major − by OI", NEGATIVE, "--"),
    ("zero_gamma", "zero gamma", ZERO, "-"),
)
NAMES = {"gex_vol": "GEX by volume", "gex_oi": "GEX by open interest"}
_NEW_YORK = ZoneInfo(EXCHANGE_TIME_ZONE)


@dataclass(frozen=True, slots=True)
class Ladder:
    """One snapshot with its ladder; `priors` are earlier values of `gex_vol`, strike by column, NaN where absent."""

    moment: datetime
    levels: dict[str, float]
    strikes: Floats
    gex_vol: Floats
    gex_oi: Floats
    priors: Floats


# ---- pictures ------------------------------------------------------------------------------------------------------


def plot_session(lake: Path, feed: Feed, day: date, target: Path, *, value: str = "gex_vol") -> None:
    """Draw strike by time with spot and levels, and the sums below, into a PNG, SVG or PDF.

    Raises `UsageError` for a feed or day that the lake does not hold or another kind of file, `StorageError` where the
    file cannot be written.
    """
    layout, feed = _known(lake, feed)
    view = view_session(layout, feed, day, value=value, columns=COLUMNS)
    if view is None:
        raise _no_session(layout, feed, day)
    figure = _figure(12, 7, target)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    _draw_cells(figure, top, view)
    _draw_levels(top, view)
    times = _days(view.series["time"])
    for name, colour in (("sum_gex_vol", "#1c2430"), ("sum_gex_oi", "#8390a5")):
        if np.nan_to_num(view.series[name]).any():
            below.plot(times, view.series[name], color=colour, linewidth=1, label=NAMES[name.removeprefix("sum_")])
    below.axhline(0, color="#b4bcc8", linewidth=0.8)
    below.set_ylabel("sum")
    if below.lines[1:]:
        below.legend(loc="upper left", frameon=False, fontsize=8, ncols=2)
    _time_axis(below)
    _title(figure, f"{feed.ticker}  {feed.package} {feed.category}  {day:%a %d %b %Y}", view.synthetic)
    _save(figure, target)


def plot_profile(lake: Path, feed: Feed, day: date, at: datetime, target: Path) -> None:
    """Draw the ladder of the last snapshot of `day` at or before `at`: bars by volume and by OI, priors as dots.

    Raises what `plot_session` raises, and `UsageError` where the day has no snapshot yet.
    """
    layout, feed = _known(lake, feed)
    ladder = read_ladder(layout, feed, day, at)
    figure = _figure(9, 9, target)
    left, right = figure.subplots(1, 2, sharey=True)
    thickness = 0.72 * float(np.median(np.diff(ladder.strikes))) if len(ladder.strikes) > 1 else 1.0
    for axes, values, name in ((left, ladder.gex_vol, "gex_vol"), (right, ladder.gex_oi, "gex_oi")):
        colours = np.where(values >= 0, POSITIVE, NEGATIVE).tolist()
        axes.barh(ladder.strikes, values, height=thickness, color=colours)
        axes.axvline(0, color="#5d6878", linewidth=0.8)
        bound = float(np.nanmax(np.abs(values), initial=0)) * 1.06 or 1.0
        axes.set_xlim(-bound, bound)
        axes.set_title(NAMES[name], fontsize=10)
        for level, _, colour, style in LEVELS:
            if ladder.levels[level]:
                axes.axhline(ladder.levels[level], color=colour, linestyle=style, linewidth=0.9)
        axes.axhline(ladder.levels["spot"], color=SPOT, linewidth=1.2)
    for column in range(ladder.priors.shape[1]):
        left.plot(ladder.priors[:, column], ladder.strikes, ".", color=SPOT, markersize=3, alpha=0.9 - 0.16 * column)
    furthest = float(np.nanmax(np.abs(np.append(ladder.priors, ladder.gex_vol)), initial=0)) * 1.06 or 1.0
    left.set_xlim(-furthest, furthest)
    left.set_ylim(ladder.strikes.min() - thickness, ladder.strikes.max() + thickness)
    left.set_ylabel("strike")
    left.yaxis.set_major_formatter(lambda price, _: f"{price:,.0f}")
    wall = ladder.moment.astimezone(_NEW_YORK)
    levels = f"spot {ladder.levels['spot']:,.2f}"
    levels += f"   zero gamma {ladder.levels['zero_gamma']:,.2f}" if ladder.levels["zero_gamma"] else ""
    figure.supxlabel(f"{levels}   dots: volume 1 to 30 minutes earlier, the fainter the earlier", fontsize=9)
    _title(
        figure,
        f"{feed.ticker}  {feed.package} {feed.category}  {wall:%a %d %b %Y %H:%M:%S} New York  "
        f"({ladder.moment:%H:%M:%S} UTC)",
        is_synthetic(layout, feed, day),
    )
    _save(figure, target)


def read_ladder(layout: LakeLayout, feed: Feed, day: date, at: datetime) -> Ladder:
    """The last snapshot of a day at or before an instant, never a later one."""
    bounds = Bounds(first_day=day.isoformat(), last_day=day.isoformat(), last_us=None)
    snapshots = scan_range(layout, "snapshots", feed, bounds).collect().sort("timestamp")
    if not snapshots.height:
        raise _no_session(layout, feed, day)
    at_us = int(at.timestamp() * SECOND_US)
    times = snapshots["timestamp"].to_physical().to_numpy()
    place = int(np.searchsorted(times, at_us, side="right")) - 1
    if place < 0:
        first = datetime.fromtimestamp(int(times[0]) / SECOND_US, _NEW_YORK)
        raise UsageError(f"{feed} has no snapshot on {day} before {first:%H:%M:%S} New York time.")
    row = snapshots.row(place, named=True)
    instant = int(times[place])
    exact = Bounds(first_us=instant, last_us=instant)
    rows = scan_range(layout, "strikes", feed, exact).collect().sort("strike")
    numbers = ("spot", *(name for name, *_ in LEVELS))
    return Ladder(
        moment=datetime.fromtimestamp(instant / SECOND_US, UTC),
        levels={name: row[name] or 0.0 for name in numbers},
        strikes=rows["strike"].to_numpy(),
        gex_vol=rows["gex_vol"].to_numpy(),
        gex_oi=rows["gex_oi"].to_numpy(),
        priors=rows.select(f"prior_{number}" for number in range(1, 6)).fill_null(np.nan).to_numpy(),
    )


# ---- parts ---------------------------------------------------------------------------------------------------------


def _draw_cells(figure: Figure, axes: Axes, view: SessionView) -> None:
    from matplotlib.colors import FuncNorm, LinearSegmentedColormap

    sizes = np.abs(view.cells[np.isfinite(view.cells) & (view.cells != 0)])
    bound = float(np.quantile(sizes, SCALE_QUANTILE, method="lower")) if sizes.size else 1.0

    def squeeze(values: Any) -> Any:  # small values would all look like zero beside the few large strikes
        return np.sign(values) * np.abs(values) ** SCALE_POWER

    def widen(values: Any) -> Any:
        return np.sign(values) * np.abs(values) ** (1 / SCALE_POWER)

    norm = FuncNorm((squeeze, widen), vmin=-bound, vmax=bound)
    colours = LinearSegmentedColormap.from_list("gex", STOPS)
    middles = (view.strikes[1:] + view.strikes[:-1]) / 2
    steps = np.diff(view.strikes) if len(view.strikes) > 1 else np.ones(1)
    edges = np.concatenate(([view.strikes[0] - steps[0] / 2], middles, [view.strikes[-1] + steps[-1] / 2]))
    ends = view.series["time"]
    times = _days(np.concatenate(([ends[0] - view.span.column_us / SECOND_US], ends)))
    mesh = axes.pcolormesh(times, edges, view.cells, norm=norm, cmap=colours, rasterized=True)
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, aspect=40, extend="both")
    ticks = bound * np.array([-1, -(0.5 ** (1 / SCALE_POWER)), 0, 0.5 ** (1 / SCALE_POWER), 1])
    bar.set_ticks(ticks.tolist(), labels=[f"{tick:,.3g}" for tick in ticks])
    bar.set_label(NAMES[view.value or ""])
    axes.set_facecolor("#e3e6ea")  # where there is no snapshot


def _draw_levels(axes: Axes, view: SessionView) -> None:
    times = _days(view.series["time"])
    for name, text, colour, style in LEVELS:
        level = np.where(view.series[name] == 0, np.nan, view.series[name])
        if np.isfinite(level).any():
            axes.step(times, level, where="pre", color=colour, linestyle=style, linewidth=1, label=text)
    axes.fill_between(times, view.series["spot_min"], view.series["spot_max"], color=SPOT, alpha=0.35, linewidth=0)
    axes.plot(times, view.series["spot"], color=SPOT, linewidth=1.1, label="spot")
    axes.set_ylabel("strike")
    axes.yaxis.set_major_formatter(lambda price, _: f"{price:,.0f}")
    axes.legend(loc="upper left", fontsize=8, ncols=3, framealpha=0.85)


def _days(seconds: Floats) -> Floats:
    """Instants as matplotlib counts them: days since 1970."""
    return seconds / 86_400


def _time_axis(axes: Axes) -> None:
    from matplotlib.dates import DateFormatter

    axes.xaxis_date(tz=_NEW_YORK)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=_NEW_YORK))  # type: ignore[no-untyped-call]
    axes.set_xlabel("New York time")
    axes.margins(x=0)


def _figure(width: float, height: float, target: Path) -> Figure:
    from matplotlib.figure import Figure  # not pyplot, which would look for a screen

    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{target} names no kind of picture.", hint=f"Let it end in {', '.join(FORMATS)}.")
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def _title(figure: Figure, text: str, synthetic: bool) -> None:
    figure.suptitle(text, fontsize=12, fontweight="bold", x=0.01, ha="left")
    if synthetic:
        mark = {"boxstyle": "square,pad=0.3", "facecolor": "none", "edgecolor": "#8a5a00"}
        figure.text(
            0.99, 0.985, "SYNTHETIC", ha="right", va="top", fontsize=9, fontweight="bold", color="#8a5a00", bbox=mark
        )


def _save(figure: Figure, target: Path) -> None:
    try:
        figure.savefig(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}.") from error


def _known(lake: Path, feed: Feed) -> tuple[LakeLayout, Feed]:
    layout = LakeLayout(lake)
    feed = feed._replace(category=CATEGORY_ALIASES.get(feed.category, feed.category))
    if not published_files(layout, "snapshots", feed):
        known = ", ".join(map(str, published_feeds(layout))) or "no session yet"
        raise UsageError(f"The lake {lake} does not hold the feed {feed}.", hint=f"It holds {known}.")
    return layout, feed


def _no_session(layout: LakeLayout, feed: Feed, day: date) -> UsageError:
    days = [file.parent.name.partition("=")[2] for file in published_files(layout, "snapshots", feed)]
    return UsageError(f"The lake has no snapshot of {feed} on {day}.", hint=f"It has {days[0]} to {days[-1]}.")

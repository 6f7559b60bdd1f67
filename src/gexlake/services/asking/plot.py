"""The dashboard's pictures without a browser: a session, and the profile at one second.

From the published Parquet alone, so that they can be made beside a running server. What is shown of a record type is
data: see `plot_types`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gexlake.db.layout import LakeLayout
from gexlake.errors import UsageError
from gexlake.models.feed import CATEGORY_ALIASES, Feed
from gexlake.models.record_types import kind_of
from gexlake.services.asking.plot_parts import (
    NEW_YORK,
    draw_cells,
    draw_lane,
    draw_levels,
    draw_sums,
    draw_time_axis,
    draw_title,
    new_figure,
    save_figure,
)
from gexlake.services.asking.plot_types import NEGATIVE, POSITIVE, SHOWN, SPOT, Panel, Shown
from gexlake.services.asking.session_frames import Bounds, published_feeds, scan_range, session_days
from gexlake.services.asking.view import SECOND_US, Floats, is_synthetic, view_session

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 1600
LANE_INCHES = 1.7


@dataclass(frozen=True, slots=True)
class Ladder:
    """One snapshot with its ladder, by column; `priors` are earlier values, strike by column, NaN where absent."""

    moment: datetime
    levels: dict[str, float]
    strikes: Floats
    values: dict[str, Floats]
    priors: Floats


# ---- pictures ------------------------------------------------------------------------------------------------------


def plot_session(
    lake: Path, feed: Feed, day: date, target: Path, *, value: str | None = None, series: Sequence[str] = ()
) -> None:
    """Draw a session into a PNG, SVG or PDF: strike by time with spot and levels, and the sums below, if it has any.

    `value` is what the cells show, the first that the feed has if it is not given. A feed without strikes has time
    series instead: those named by `series`, else the usual ones.

    Raises `UsageError` for a feed or day that the lake does not hold, a value or series that the feed does not have, or
    another kind of file; `StorageError` where the file cannot be written.
    """
    layout, feed = _known(lake, feed)
    shown = SHOWN[kind_of(feed)]
    value = _value_of(feed, shown, value)
    lanes = shown.lanes(_series_of(feed, shown, series))
    figure = new_figure(12, 7 if value else 1.2 + LANE_INCHES * len(lanes), target)
    view = view_session(layout, feed, day, value=value, columns=COLUMNS)
    if view is None:
        raise _no_session(layout, feed, day)
    heights = [5, 1][: 2 if shown.sums else 1] if value else [1] * len(lanes)
    parts: list[Axes] = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
    if value:
        draw_cells(figure, parts[0], view, _words(feed, shown.values[value]), signed=value not in shown.unsigned)
        draw_levels(parts[0], view, shown.levels)
        if shown.sums:
            draw_sums(parts[1], view, {name: shown.values[name.removeprefix("sum_")] for name in shown.sums})
    for axes, (title, group) in zip(parts, lanes, strict=False):
        draw_lane(axes, view, title, group)
    draw_time_axis(parts[-1])
    draw_title(figure, f"{feed.ticker}  {feed.package} {feed.category}  {day:%a %d %b %Y}", view.synthetic)
    save_figure(figure, target)


def plot_profile(lake: Path, feed: Feed, day: date, at: datetime, target: Path) -> None:
    """Draw the ladder of the last snapshot of `day` at or before `at`, earlier values as dots.

    Raises what `plot_session` raises, and `UsageError` where the day has no snapshot yet or the feed no ladder.
    """
    layout, feed = _known(lake, feed)
    if kind_of(feed).ladder is None:
        raise UsageError(
            f"{feed} has no profile: its snapshots are numbers without strikes.",
            hint="`gexlake plot session` draws them through time.",
        )
    shown = SHOWN[kind_of(feed)]
    ladder = read_ladder(layout, feed, day, at)
    figure = new_figure(9, 9, target)
    parts = figure.subplots(1, len(shown.panels), sharey=True)
    for axes, panel in zip(parts, shown.panels, strict=True):
        _draw_panel(axes, panel, ladder)
        axes.set_title(_words(feed, panel.title), fontsize=10)
        for level in shown.levels:
            if ladder.levels[level.name]:
                axes.axhline(ladder.levels[level.name], color=level.colour, linestyle=level.style, linewidth=0.9)
        axes.axhline(ladder.levels["spot"], color=SPOT, linewidth=1.2)
    margin = _thickness(ladder)
    parts[0].set_ylim(ladder.strikes.min() - margin, ladder.strikes.max() + margin)
    parts[0].set_ylabel("strike")
    parts[0].yaxis.set_major_formatter(lambda price, _: f"{price:,.0f}")
    wall = ladder.moment.astimezone(NEW_YORK)
    levels = f"spot {ladder.levels['spot']:,.2f}"
    levels += f"   zero gamma {ladder.levels['zero_gamma']:,.2f}" if ladder.levels.get("zero_gamma") else ""
    figure.supxlabel(f"{levels}   dots: {shown.dots}, the fainter the earlier", fontsize=9)
    draw_title(
        figure,
        f"{feed.ticker}  {feed.package} {feed.category}  {wall:%a %d %b %Y %H:%M:%S} New York  "
        f"({ladder.moment:%H:%M:%S} UTC)",
        is_synthetic(layout, feed, day),
    )
    save_figure(figure, target)


def _draw_panel(axes: Axes, panel: Panel, ladder: Ladder) -> None:
    if not panel.bars:
        for name, colour, text in zip(panel.columns, (POSITIVE, NEGATIVE), ("calls", "puts"), strict=False):
            known = np.where(ladder.values[name] == 0, np.nan, ladder.values[name])
            axes.plot(known, ladder.strikes, ".-", color=colour, linewidth=1, markersize=3, label=text)
        axes.legend(loc="upper right", frameon=False, fontsize=8)
        return
    values = ladder.values[panel.columns[0]]
    colours = np.where(values >= 0, POSITIVE, NEGATIVE).tolist()
    axes.barh(ladder.strikes, values, height=_thickness(ladder), color=colours)
    axes.axvline(0, color="#5d6878", linewidth=0.8)
    priors = ladder.priors if panel.priors else ladder.priors[:, :0]
    for column in range(priors.shape[1]):
        axes.plot(priors[:, column], ladder.strikes, ".", color=SPOT, markersize=3, alpha=0.9 - 0.16 * column)
    bound = float(np.nanmax(np.abs(np.append(priors, values)), initial=0)) * 1.06 or 1.0
    axes.set_xlim(-bound, bound)


def _thickness(ladder: Ladder) -> float:
    return 0.72 * float(np.median(np.diff(ladder.strikes))) if len(ladder.strikes) > 1 else 1.0


def read_ladder(layout: LakeLayout, feed: Feed, day: date, at: datetime) -> Ladder:
    """The last snapshot of a day at or before an instant, never a later one."""
    kind = kind_of(feed)
    assert kind.ladder is not None
    bounds = Bounds.between(day, day)
    snapshots = scan_range(layout, "snapshots", feed, bounds).collect().sort("timestamp")
    if not snapshots.height:
        raise _no_session(layout, feed, day)
    at_us = int(at.timestamp() * SECOND_US)
    times = snapshots["timestamp"].to_physical().to_numpy()
    place = int(np.searchsorted(times, at_us, side="right")) - 1
    if place < 0:
        first = datetime.fromtimestamp(int(times[0]) / SECOND_US, NEW_YORK)
        raise UsageError(f"{feed} has no snapshot on {day} before {first:%H:%M:%S} New York time.")
    row = snapshots.row(place, named=True)
    instant = int(times[place])
    exact = Bounds(first_us=instant, last_us=instant)
    rows = scan_range(layout, kind.ladder.dataset, feed, exact).collect().sort("strike")
    names = ("spot", *(level.name for level in SHOWN[kind].levels))
    return Ladder(
        moment=datetime.fromtimestamp(instant / SECOND_US, UTC),
        levels={name: row[name] or 0.0 for name in names},
        strikes=rows["strike"].to_numpy(),
        values={name: rows[name].fill_null(np.nan).to_numpy() for name in kind.ladder.shown},
        priors=rows.select(f"prior_{place + 1}" for place in range(kind.ladder.priors)).fill_null(np.nan).to_numpy(),
    )


# ---- what is asked for ---------------------------------------------------------------------------------------------


def _words(feed: Feed, text: str) -> str:
    """`{greek}` is that of the category: gamma of gamma_zero."""
    return text.format(greek=feed.category.partition("_")[0])


def _value_of(feed: Feed, shown: Shown, value: str | None) -> str | None:
    """What the cells show; None of a feed without strikes."""
    if value is None or value in shown.values:
        return value or next(iter(shown.values), None)
    known = f"Its cells show {', '.join(shown.values)}." if shown.values else "It has no strikes, but --series."
    raise UsageError(f"{feed} has no {value} to show.", hint=known)


def _series_of(feed: Feed, shown: Shown, series: Sequence[str]) -> Sequence[str]:
    """The time series that are drawn; none of a feed that has strikes."""
    known = [one.name for _, group in shown.series for one in group]
    strange = next((name for name in series if name not in known), None)
    if strange is None:
        return series or shown.usual
    hint = (
        f"It has {', '.join(known)}." if known else "--series is for feeds of category orderflow; this one has --value."
    )
    raise UsageError(f"{feed} has no time series {strange}.", hint=hint)


def _known(lake: Path, feed: Feed) -> tuple[LakeLayout, Feed]:
    layout = LakeLayout(lake)
    feed = feed._replace(category=CATEGORY_ALIASES.get(feed.category, feed.category))
    if not session_days(layout, feed):
        known = ", ".join(map(str, published_feeds(layout))) or "no session yet"
        raise UsageError(f"The lake {lake} does not hold the feed {feed}.", hint=f"It holds {known}.")
    return layout, feed


def _no_session(layout: LakeLayout, feed: Feed, day: date) -> UsageError:
    days = session_days(layout, feed)
    return UsageError(f"The lake has no snapshot of {feed} on {day}.", hint=f"It has {days[0]} to {days[-1]}.")

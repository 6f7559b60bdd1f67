"""The parts that pictures are put together from: the page, its axes, cells in colours, lines through time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from gexlake.errors import StorageError, UsageError
from gexlake.services.asking.plot_types import SPOT, Level, Series
from gexlake.services.asking.view import SECOND_US, Floats, SessionView
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
SCALE_QUANTILE = 0.995
SCALE_POWER = 0.6
STOPS = ("#08306b", "#266eb4", "#70aadb", "#bed9f0", "#fafaf9", "#fed9a6", "#f6a54d", "#d2620c", "#702c04")
"""Blue below zero, orange above: the dashboard's light colours, told apart with any kind of colour vision."""
UNSIGNED_STOPS = ("#f4f3d8", "#bce0b8", "#6bbba0", "#2a8a8c", "#1c5a78", "#162c54")
"""Pale to dark, for what lies on one side of zero: the dashboard's light colours too."""
MARK = "#8a5a00"
RULE = "#b4bcc8"
NEW_YORK = ZoneInfo(EXCHANGE_TIME_ZONE)


# ---- the page ------------------------------------------------------------------------------------------------------


def new_figure(width: float, height: float, target: Path) -> Figure:
    """A page for a file, whose name has to be that of a picture."""
    from matplotlib.figure import Figure  # not pyplot, which would look for a screen

    if target.suffix.lower() not in FORMATS:
        raise UsageError(f"{target} names no kind of picture.", hint=f"Let it end in {', '.join(FORMATS)}.")
    return Figure(figsize=(width, height), dpi=120, layout="constrained")


def draw_title(figure: Figure, text: str, synthetic: bool) -> None:
    """The title, and the mark of what is not real history."""
    figure.suptitle(text, fontsize=12, fontweight="bold", x=0.01, ha="left")
    if synthetic:
        box = {"boxstyle": "square,pad=0.3", "facecolor": "none", "edgecolor": MARK}
        figure.text(0.99, 0.985, "SYNTHETIC", ha="right", va="top", fontsize=9, fontweight="bold", color=MARK, bbox=box)


def save_figure(figure: Figure, target: Path) -> None:
    """Write the file."""
    try:
        figure.savefig(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}.") from error


def days_of(seconds: Floats) -> Floats:
    """Instants as matplotlib counts them: days since 1970."""
    return seconds / 86_400


def draw_time_axis(axes: Axes) -> None:
    """New York's time below."""
    from matplotlib.dates import DateFormatter

    tall = axes.get_ylim()
    axes.xaxis_date(tz=NEW_YORK)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=NEW_YORK))  # type: ignore[no-untyped-call]
    axes.set_xlabel("New York time")
    axes.margins(x=0)
    axes.set_ylim(tall)  # an axis of dates has forgotten the cells, and is as tall as the lines


# ---- strike by time ------------------------------------------------------------------------------------------------


def draw_cells(figure: Figure, axes: Axes, view: SessionView, name: str, *, signed: bool) -> None:
    """Cells in colours, with their scale beside them."""
    norm, colours, ticks = _diverging(view.cells) if signed else _sequential(view.cells)
    middles = (view.strikes[1:] + view.strikes[:-1]) / 2
    steps = np.diff(view.strikes) if len(view.strikes) > 1 else np.ones(1)
    edges = np.concatenate(([view.strikes[0] - steps[0] / 2], middles, [view.strikes[-1] + steps[-1] / 2]))
    ends = view.series["time"]
    times = days_of(np.concatenate(([ends[0] - view.span.column_us / SECOND_US], ends)))
    mesh = axes.pcolormesh(times, edges, view.cells, norm=norm, cmap=colours, rasterized=True)
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, aspect=40, extend="both")
    bar.set_ticks(ticks.tolist(), labels=[f"{tick:,.3g}" for tick in ticks])
    bar.set_label(name)
    axes.set_facecolor("#e3e6ea")  # where there is no snapshot


def _diverging(cells: Floats) -> tuple[Any, Any, Floats]:
    """The same on both sides of zero; few large strikes do not darken the rest."""
    from matplotlib.colors import FuncNorm, LinearSegmentedColormap

    sizes = np.abs(cells[np.isfinite(cells) & (cells != 0)])
    bound = float(np.quantile(sizes, SCALE_QUANTILE, method="lower")) if sizes.size else 1.0

    def squeeze(values: Any) -> Any:  # small values would all look like zero beside the few large strikes
        return np.sign(values) * np.abs(values) ** SCALE_POWER

    def widen(values: Any) -> Any:
        return np.sign(values) * np.abs(values) ** (1 / SCALE_POWER)

    half = 0.5 ** (1 / SCALE_POWER)
    norm = FuncNorm((squeeze, widen), vmin=-bound, vmax=bound)
    return norm, LinearSegmentedColormap.from_list("signed", STOPS), bound * np.array([-1, -half, 0, half, 1])


def _sequential(cells: Floats) -> tuple[Any, Any, Floats]:
    """From the least to the greatest, outliers on both sides aside: there is no zero to stand around."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    found = cells[np.isfinite(cells) & (cells != 0)]
    low, high = (
        (float(np.quantile(found, part, method="lower")) for part in (1 - SCALE_QUANTILE, SCALE_QUANTILE))
        if found.size
        else (0.0, 1.0)
    )
    high = high if high > low else low + 1.0
    return (
        Normalize(low, high),
        LinearSegmentedColormap.from_list("unsigned", UNSIGNED_STOPS),
        np.linspace(low, high, 5),
    )


def draw_levels(axes: Axes, view: SessionView, levels: Sequence[Level]) -> None:
    """Levels, and spot with all its extremes."""
    times = days_of(view.series["time"])
    for level in levels:
        price = np.where(view.series[level.name] == 0, np.nan, view.series[level.name])
        if np.isfinite(price).any():
            axes.step(
                times, price, where="pre", color=level.colour, linestyle=level.style, linewidth=1, label=level.text
            )
    axes.fill_between(times, view.series["spot_min"], view.series["spot_max"], color=SPOT, alpha=0.35, linewidth=0)
    axes.plot(times, view.series["spot"], color=SPOT, linewidth=1.1, label="spot")
    axes.set_ylabel("strike")
    axes.yaxis.set_major_formatter(lambda price, _: f"{price:,.0f}")
    axes.legend(loc="upper left", fontsize=8, ncols=3, framealpha=0.85)


# ---- through time --------------------------------------------------------------------------------------------------


def draw_sums(axes: Axes, view: SessionView, names: dict[str, str]) -> None:
    """The sums of the ladder that the feed reports."""
    times = days_of(view.series["time"])
    for (name, text), colour in zip(names.items(), ("#1c2430", "#8390a5"), strict=False):
        if np.nan_to_num(view.series[name]).any():
            axes.plot(times, view.series[name], color=colour, linewidth=1, label=text)
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.set_ylabel("sum")
    if axes.lines[1:]:
        axes.legend(loc="upper left", frameon=False, fontsize=8, ncols=2)


def draw_lane(axes: Axes, view: SessionView, title: str, series: Sequence[Series]) -> None:
    """Time series on one scale, each with its extremes, so that no spike is lost between two columns."""
    times = days_of(view.series["time"])
    is_price = title == "price"
    for one in series:
        least, values, most = (view.series.get(f"{one.name}{part}") for part in ("_min", "", "_max"))
        assert values is not None
        values = np.where(values == 0, np.nan, values) if is_price else values  # 0 is no price: there is no such level
        if least is not None and most is not None and (one.name == "spot" or not is_price):
            axes.fill_between(times, least, most, color=one.colour, alpha=0.3, linewidth=0)
        axes.plot(times, values, color=one.colour, linestyle=one.style, linewidth=0.9, label=one.text)
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    axes.set_ylabel(title, fontsize=9)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if is_price else f"{value:,.3g}")
    axes.legend(loc="upper left", frameon=False, fontsize=7.5, ncols=5)

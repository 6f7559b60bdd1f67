"""What the pictures show of each record type: values of cells, levels, panels of a profile, time series. Data alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gexlake.models.record_type import RecordType
from gexlake.models.record_types import GEX, GREEKS, ORDERFLOW_TYPE

POSITIVE, NEGATIVE, SPOT, ZERO, CALM = "#d2620c", "#266eb4", "#000000", "#b3128a", "#0f6b52"


@dataclass(frozen=True, slots=True)
class Level:
    """A price that stands until it is another: a line over the heatmap and in the profile."""

    name: str
    text: str
    colour: str
    style: str = "-"


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of the profile: columns of the ladder as bars around zero, or as lines on a scale of their own."""

    title: str
    columns: tuple[str, ...]
    bars: bool = True
    priors: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A number through time: in which panel it is drawn, and how."""

    name: str
    text: str
    colour: str
    style: str = "-"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a record type."""

    values: dict[str, str]
    """What the cells can show, and what it is called; `{greek}` is that of the category."""
    unsigned: tuple[str, ...] = ()
    """Of them, those that lie on one side of zero: they have a scale from their least to their greatest."""
    levels: tuple[Level, ...] = ()
    sums: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    dots: str = ""
    series: tuple[tuple[str, tuple[Series, ...]], ...] = ()
    """Panels of time series, where there is no ladder."""
    usual: tuple[str, ...] = ()
    """The series that are drawn where nobody names any."""

    def lanes(self, names: Iterable[str]) -> list[tuple[str, list[Series]]]:
        """The panels that are drawn for these names."""
        wanted = set(names)
        lanes = [(title, [one for one in series if one.name in wanted]) for title, series in self.series]
        return [(title, series) for title, series in lanes if series]


def _both(title: str, nearest: str, following: str) -> tuple[str, tuple[Series, ...]]:
    """One measure of both expiries."""
    return title, (Series(nearest, "nearest expiry", POSITIVE), Series(following, "next expiry", NEGATIVE))


def _measures(*measures: tuple[str, str, str, str]) -> tuple[Series, ...]:
    """Several measures in one panel, each in a colour; the next expiry is dashed."""
    return tuple(
        Series(name, f"{text}, {expiry}", colour, style)
        for text, nearest, following, colour in measures
        for name, expiry, style in ((nearest, "nearest expiry", "-"), (following, "next expiry", "--"))
    )


SHOWN: dict[RecordType, Shown] = {
    GEX: Shown(
        values={"gex_vol": "GEX by volume", "gex_oi": "GEX by open interest"},
        levels=(
            Level("major_pos_vol", "major + by volume", POSITIVE),
            Level("major_neg_vol", "major − by volume", NEGATIVE),
            Level("major_pos_oi", "major + by OI", POSITIVE, "--"),
            Level("major_neg_oi", "major − by OI", NEGATIVE, "--"),
            Level("zero_gamma", "zero gamma", ZERO),
        ),
        sums=("sum_gex_vol", "sum_gex_oi"),
        panels=(Panel("GEX by volume", ("gex_vol",), priors=True), Panel("GEX by open interest", ("gex_oi",))),
        dots="volume 1 to 30 minutes earlier",
    ),
    GREEKS: Shown(
        values={"value": "exposure to {greek}", "call_ivol": "IV of calls", "put_ivol": "IV of puts"},
        unsigned=("call_ivol", "put_ivol"),
        levels=(
            Level("major_positive", "major +", POSITIVE),
            Level("major_negative", "major −", NEGATIVE),
            Level("major_long_gamma", "long gamma", POSITIVE, "--"),
            Level("major_short_gamma", "short gamma", NEGATIVE, "--"),
        ),
        panels=(
            Panel("exposure to {greek}", ("value",), priors=True),
            Panel("implied volatility", ("call_ivol", "put_ivol"), bars=False),
        ),
        dots="three earlier values",
    ),
    ORDERFLOW_TYPE: Shown(
        values={},
        series=(
            (
                "price",
                (
                    Series("spot", "spot", SPOT),
                    *_measures(
                        ("long gamma", "z_mlgamma", "o_mlgamma", POSITIVE),
                        ("short gamma", "z_msgamma", "o_msgamma", NEGATIVE),
                        ("major call", "zero_mcall", "one_mcall", CALM),
                        ("major put", "zero_mput", "one_mput", ZERO),
                    ),
                ),
            ),
            _both("delta flow", "dexoflow", "one_dexoflow"),
            _both("gamma flow", "gexoflow", "one_gexoflow"),
            _both("convexity flow", "cvroflow", "one_cvroflow"),
            _both("convexity ratio", "zcvr", "ocvr"),
            _both("gamma ratio", "zgr", "ogr"),
            _both("vanna", "zvanna", "ovanna"),
            _both("charm", "zcharm", "ocharm"),
            (
                "aggregate DEX",
                _measures(
                    ("all", "agg_dex", "one_agg_dex", CALM),
                    ("calls", "agg_call_dex", "one_agg_call_dex", POSITIVE),
                    ("puts", "agg_put_dex", "one_agg_put_dex", NEGATIVE),
                ),
            ),
            (
                "net DEX",
                _measures(
                    ("all", "net_dex", "one_net_dex", CALM),
                    ("calls", "net_call_dex", "one_net_call_dex", POSITIVE),
                    ("puts", "net_put_dex", "one_net_put_dex", NEGATIVE),
                ),
            ),
        ),
        usual=("spot", "dexoflow", "one_dexoflow", "gexoflow", "one_gexoflow", "cvroflow", "zcvr", "ocvr"),
    ),
}

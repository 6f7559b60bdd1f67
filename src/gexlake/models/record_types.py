"""The vendor's record types: one list of columns for decoder, Parquet, DuckDB and docs.

Names are the vendor's (see docs/data-dictionary.md, which is generated from here). A column, or a record type, is added
here; docs/record-types.md says what else a type takes.
"""

from __future__ import annotations

from gexlake.models.column import Column
from gexlake.models.feed import GEX_CATEGORIES, GREEK_CATEGORIES, ORDERFLOW, Feed
from gexlake.models.record_type import MAX_PRIORS, Ladder, RecordType, doubles

_SPOT = ("spot", "underlying price")
_DAYS = (
    Column("min_dte", "INTEGER", "days to the nearest expiry"),
    Column("sec_min_dte", "INTEGER", "days to the second nearest expiry"),
)
_STRIKE = ("strike", "strike price, on the ticker's own price scale")


# ---- GEX -----------------------------------------------------------------------------------------------------------

GEX = RecordType(
    name="gex",
    words="GEX snapshots",
    categories=GEX_CATEGORIES,
    default=("classic", "gex_zero"),
    fields=(
        "timestamp", "ticker", "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi",
        "major_neg_vol", "major_neg_oi", "strikes", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "max_priors",
    ),
    scalars=(
        *_DAYS,
        *doubles([
            _SPOT,
            ("zero_gamma", "price level where net gamma changes sign; 0 in state feeds: not applicable"),
            ("major_pos_vol", "strike of the largest positive GEX by volume"),
            ("major_pos_oi", "strike of the largest positive GEX by open interest"),
            ("major_neg_vol", "strike of the largest negative GEX by volume"),
            ("major_neg_oi", "strike of the largest negative GEX by open interest"),
            ("sum_gex_vol", "sum of the ladder's `gex_vol`, as the vendor reports it"),
            ("sum_gex_oi", "sum of the ladder's `gex_oi`, as the vendor reports it"),
            ("delta_risk_reversal", "as the vendor reports it; 0 in state feeds: not applicable"),
        ]),
        Column(
            MAX_PRIORS,
            "STRUCT(strike DOUBLE, change DOUBLE)[]",
            "largest change of `gex_vol` now and over 1, 5, 10, 15 and 30 minutes, and its strike",
        ),
    ),
    levels=("zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi"),
    ladder=Ladder(
        field="strikes",
        dataset="strikes",
        columns=doubles([
            _STRIKE,
            ("gex_vol", "gamma exposure by volume; the vendor does not document its unit"),
            ("gex_oi", "gamma exposure by open interest; the vendor does not document its unit"),
            *(
                (f"prior_{i}", f"`gex_vol` of this strike {minutes} earlier; NULL where the source had none")
                for i, minutes in enumerate(("1 minute", "5 minutes", "10 minutes", "15 minutes", "30 minutes"), 1)
            ),
        ]),
        own=3,
        shown=("gex_vol", "gex_oi"),
        priors=5,
        required=3,
    ),
)  # fmt: skip
"""The order of numbers and ladder is that of `_native.c`."""


# ---- greeks --------------------------------------------------------------------------------------------------------

GREEKS = RecordType(
    name="greeks",
    words="greek profiles",
    categories=GREEK_CATEGORIES,
    default=("state", "gamma_zero"),
    fields=(
        "timestamp", "ticker", "spot", "min_dte", "sec_min_dte", "major_positive", "major_negative",
        "major_long_gamma", "major_short_gamma", "mini_contracts",
    ),
    scalars=(
        *doubles([_SPOT]),
        *_DAYS,
        *doubles([
            ("major_positive", "strike of the largest positive `value`, as the vendor reports it"),
            ("major_negative", "strike of the largest negative `value`, as the vendor reports it"),
            ("major_long_gamma", "price level, as the vendor reports it"),
            ("major_short_gamma", "price level, as the vendor reports it"),
        ]),
    ),
    levels=("major_positive", "major_negative", "major_long_gamma", "major_short_gamma"),
    ladder=Ladder(
        field="mini_contracts",
        dataset="contracts",
        columns=doubles([
            _STRIKE,
            ("call_ivol", "implied volatility of the call"),
            ("put_ivol", "implied volatility of the put"),
            ("value", "exposure to the greek of the category; the vendor does not document its unit"),
            *(
                (f"prior_{i}", f"an earlier `value` of this strike, the {nth} of the source's; NULL where it had none")
                for i, nth in enumerate(("first", "second", "third"), 1)
            ),
            ("field_6", "sixth element of the entry, which the vendor does not document; NULL in all samples seen"),
        ]),
        own=4,
        shown=("value", "call_ivol", "put_ivol"),
        priors=3,
        required=1,
        unknown=1,
    ),
)  # fmt: skip


# ---- orderflow -----------------------------------------------------------------------------------------------------

_NEAREST, _NEXT = "the nearest expiry", "the next expiry"
_REPORTED = "as the vendor reports it"
_ORDERFLOW_NUMBERS = [
    _SPOT,
    ("z_mlgamma", f"price level of the largest long gamma, {_NEAREST}"),
    ("z_msgamma", f"price level of the largest short gamma, {_NEAREST}"),
    ("o_mlgamma", f"price level of the largest long gamma, {_NEXT}"),
    ("o_msgamma", f"price level of the largest short gamma, {_NEXT}"),
    ("zero_mcall", f"major call strike, {_NEAREST}"),
    ("zero_mput", f"major put strike, {_NEAREST}"),
    ("one_mcall", f"major call strike, {_NEXT}"),
    ("one_mput", f"major put strike, {_NEXT}"),
    ("zcvr", f"convexity ratio, {_NEAREST}, {_REPORTED}"),
    ("ocvr", f"convexity ratio, {_NEXT}, {_REPORTED}"),
    ("zgr", f"gamma ratio, {_NEAREST}, {_REPORTED}"),
    ("ogr", f"gamma ratio, {_NEXT}, {_REPORTED}"),
    ("zvanna", f"net vanna, {_NEAREST}"),
    ("ovanna", f"net vanna, {_NEXT}"),
    ("zcharm", f"net charm, {_NEAREST}"),
    ("ocharm", f"net charm, {_NEXT}"),
    ("agg_dex", f"aggregate delta exposure, {_NEAREST}"),
    ("one_agg_dex", f"aggregate delta exposure, {_NEXT}"),
    ("agg_call_dex", f"aggregate delta exposure of calls, {_NEAREST}"),
    ("one_agg_call_dex", f"aggregate delta exposure of calls, {_NEXT}"),
    ("agg_put_dex", f"aggregate delta exposure of puts, {_NEAREST}"),
    ("one_agg_put_dex", f"aggregate delta exposure of puts, {_NEXT}"),
    ("net_dex", f"net delta exposure, {_NEAREST}"),
    ("one_net_dex", f"net delta exposure, {_NEXT}"),
    ("net_call_dex", f"net delta exposure of calls, {_NEAREST}"),
    ("one_net_call_dex", f"net delta exposure of calls, {_NEXT}"),
    ("net_put_dex", f"net delta exposure of puts, {_NEAREST}"),
    ("one_net_put_dex", f"net delta exposure of puts, {_NEXT}"),
    ("dexoflow", f"delta orderflow, {_NEAREST}"),
    ("gexoflow", f"gamma orderflow, {_NEAREST}"),
    ("cvroflow", f"convexity orderflow, {_NEAREST}"),
    ("one_dexoflow", f"delta orderflow, {_NEXT}"),
    ("one_gexoflow", f"gamma orderflow, {_NEXT}"),
    ("one_cvroflow", f"convexity orderflow, {_NEXT}"),
]

ORDERFLOW_TYPE = RecordType(
    name="orderflow",
    words="orderflow snapshots",
    categories=(ORDERFLOW,),
    default=(ORDERFLOW, ORDERFLOW),
    fields=("timestamp", "ticker", *(name for name, _ in _ORDERFLOW_NUMBERS)),
    scalars=doubles(_ORDERFLOW_NUMBERS),
    levels=tuple(name for name, _ in _ORDERFLOW_NUMBERS[1:9]),
    ladder=None,
)


RECORD_TYPES: dict[str, RecordType] = {kind.name: kind for kind in (GEX, GREEKS, ORDERFLOW_TYPE)}
"""Every record type that can be imported, by name."""
_BY_CATEGORY = {category: kind for kind in RECORD_TYPES.values() for category in kind.categories}


def record_type_of(category: str) -> RecordType | None:
    """The record type of a category's snapshots; None for a category that is not known."""
    return _BY_CATEGORY.get(category)


def kind_of(feed: Feed) -> RecordType:
    """The record type of a feed that the lake holds."""
    return _BY_CATEGORY[feed.category]

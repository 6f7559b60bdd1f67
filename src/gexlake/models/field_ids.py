"""Field ids: the numbers by which readers of open tables know a column, whatever it is called.

They stand in the Parquet files and in the tables that are published. A name's number is its place in the list of its
data set, so what was written once keeps its meaning: names are added at the end, and none is taken out or moved.

Catalogs number a new table by themselves, some down into each column as it comes, some with all columns first. What has
fields inside is the last column: so all of them give the numbers that are here.
"""

from __future__ import annotations

_SESSION = ("timestamp", "ticker", "package", "category", "session_date")
_MAX_PRIORS = ("max_priors", "max_priors.element", "max_priors.element.strike", "max_priors.element.change")

_NAMES: dict[tuple[str, str], tuple[str, ...]] = {
    ("gex", "snapshots"): (
        *_SESSION, "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol",
        "major_neg_oi", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "extra", "import_id", *_MAX_PRIORS,
    ),
    ("gex", "strikes"): (
        *_SESSION, "strike", "gex_vol", "gex_oi", "prior_1", "prior_2", "prior_3", "prior_4", "prior_5",
    ),
    ("greeks", "snapshots"): (
        *_SESSION, "spot", "min_dte", "sec_min_dte", "major_positive", "major_negative", "major_long_gamma",
        "major_short_gamma", "extra", "import_id",
    ),
    ("greeks", "contracts"): (
        *_SESSION, "strike", "call_ivol", "put_ivol", "value", "prior_1", "prior_2", "prior_3", "field_6",
    ),
    ("orderflow", "snapshots"): (
        *_SESSION, "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma", "zero_mcall", "zero_mput", "one_mcall",
        "one_mput", "zcvr", "ocvr", "zgr", "ogr", "zvanna", "ovanna", "zcharm", "ocharm", "agg_dex", "one_agg_dex",
        "agg_call_dex", "one_agg_call_dex", "agg_put_dex", "one_agg_put_dex", "net_dex", "one_net_dex",
        "net_call_dex", "one_net_call_dex", "net_put_dex", "one_net_put_dex", "dexoflow", "gexoflow", "cvroflow",
        "one_dexoflow", "one_gexoflow", "one_cvroflow", "extra", "import_id",
    ),
}  # fmt: skip

FIELD_IDS: dict[tuple[str, str], dict[str, int]] = {
    dataset: {name: number for number, name in enumerate(names, start=1)} for dataset, names in _NAMES.items()
}
"""By record type and data set, then by name; a dot leads into a nested field, as `max_priors.element.strike`."""

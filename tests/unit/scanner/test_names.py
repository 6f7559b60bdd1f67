"""A path says ticker, package, category and date, or nothing; it never crashes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.models.feed import CATEGORY_ALIASES, FEED_CATEGORIES
from gexlake.scanner.names import Hints, parse_feed, parse_name, parse_path, valid_ticker

DAY = date(2025, 11, 14)
NQ_ZERO = ("NQ_NDX", "classic", "gex_zero", DAY)


def hints_of(path: str) -> Hints:
    *folders, name = path.split("/")
    return parse_path(folders, name)


def said(path: str) -> tuple[str | None, str | None, str | None, date | None]:
    hints = hints_of(path)
    return hints.ticker or hints.folder_ticker, hints.package, hints.category, hints.session_date


@pytest.mark.parametrize(
    "path",
    [
        "2025-11-14_NQ_NDX_classic_gex_zero.json",
        "2025-11-14_NQ_NDX_classic_gex_zero.json.gz",
        "2025-11-14_NQ_NDX_classic_gex_zero.jsonl.zst",
        "2025-11-14_NQ_NDX_classic_gex_zero",
        "2025-11-14_NQ_NDX_classic_zero.json",
        "2025-11-14_nq_ndx_CLASSIC_Gex_Zero.JSON.GZ",
        "20251114_NQ_NDX_classic_gex_zero.json",
        "20251114_093002_NQ_NDX_classic_gex_zero.json",
        "2025-11-14T093002Z_NQ_NDX_classic_gex_zero.json",
        "NQ_NDX_classic_gex_zero_2025-11-14.json",
        "2025-11-14 NQ_NDX classic gex_zero.json",
        "Copy of 2025-11-14_NQ_NDX_classic_gex_zero.json",
        "2025-11-14_NQ_NDX_classic_gex_zero (1).json",
        "2025-11-14_NQ_NDX_classic_gex_zero.json.gz.1",
        "2025-11-14_NQ_NDX_classic_gex_zero.json.gz?sv=2024-11-04&sr=b&se=2026-01-01T00%3A00&sig=a.b%2Fc_state_x%3D",
        "2025-11-14_NQ_NDX_classic_gex_zero.json%3Fsv=2024-11-04&sig=x.y",
        "2025-11-14_NQ_NDX_classic_gex_zero.json@sv=2024-11-04&sig=x.y",
        "elsewhere/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "2024-01-02/SPX/state/gex_full/2025-11-14_NQ_NDX_classic_gex_zero.json",
    ],
)
def test_file_name_alone_says_everything(path: str) -> None:
    assert said(path) == NQ_ZERO
    assert hints_of(path).ticker == "NQ_NDX"
    assert hints_of(path).is_vendor_name


@pytest.mark.parametrize(
    "path",
    [
        "2025-11-14/NQ_NDX/classic/gex_zero.jsonl",
        "2025-11-14/NQ_NDX/classic/zero.jsonl",
        "2025-11-14/NQ_NDX/classic/gex_zero/1763130602.json",
        "2025-11-14/NQ_NDX/classic/zero/1763130602.json",
        "2025-11-14/NQ_NDX/classic_gex_zero.json",
        "2025-11-14/NQ_NDX/CLASSIC/GEX_ZERO/0001.json",
        "20251114/NQ_NDX/classic/gex_zero/x.json",
        "NQ_NDX/2025-11-14/classic_gex_zero.json.gz",
        "NQ_NDX/classic/gex_zero/2025-11-14.json",
        "NQ_NDX/classic/gex_zero/20251114.json",
        "NQ_NDX/classic/gex_zero/2025-11-14/1763130602.json",
        "NQ_NDX/gex_zero/classic/2025-11-14.json",
        "NQ_NDX/gex_zero/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "classic/NQ_NDX/gex_zero/2025-11-14.json",
        "classic/gex_zero/NQ_NDX/2025-11-14.json",
        "classic/gex_zero/2025-11-14_NQ_NDX_classic.json",
        "classic/2025-11-14_NQ_NDX_gex_zero.json",
        "NQ_NDX_classic_gex_zero/2025-11-14.json",
        "2025-11-14_NQ_NDX_classic_gex_zero/1763130602.json",
        "2025-11-14/NQ_NDX_classic_gex_zero_1763130602.json",
        "2024-01-02/2025-11-14/NQ_NDX/classic/gex_zero.json",
    ],
)
def test_folders_complete_the_file_name(path: str) -> None:
    assert said(path) == NQ_ZERO


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2025-11-14/classic_gex_zero.json.gz", (None, "classic", "gex_zero", DAY)),
        ("gexbot-hist/2025-11-14/classic_gex_zero.json.gz", (None, "classic", "gex_zero", DAY)),
        ("NQ_NDX_classic_gex_zero_1763130602.json", ("NQ_NDX", "classic", "gex_zero", None)),
        ("gexbot/NQ_NDX/gex_zero/2025-11-14.json", ("NQ_NDX", None, "gex_zero", DAY)),
        ("2025-11-14_ES_SPX_state_full.json", ("ES_SPX", "state", "gex_full", DAY)),
        ("2025-11-14_BRK.B_classic_gex_one.json", ("BRK.B", "classic", "gex_one", DAY)),
        ("1763130602_SPX_classic_gex_one.json", ("SPX", "classic", "gex_one", None)),
        ("2025-11-14_classic_gex_one.json", (None, "classic", "gex_one", DAY)),
        ("2025-11-14_NQ_NDX_orderflow_orderflow.json", ("NQ_NDX", "orderflow", "orderflow", DAY)),
        ("2025-11-14/NQ_NDX/orderflow/orderflow.json", ("NQ_NDX", "orderflow", "orderflow", DAY)),
        ("2025-11-14/NQ_NDX/orderflow/1.json", ("NQ_NDX", "orderflow", "orderflow", DAY)),
        ("2025-11-14_SPX_state_vanna_one.json", ("SPX", "state", "vanna_one", DAY)),
        ("history.json", (None, None, None, None)),
    ],
)
def test_what_a_path_leaves_open_stays_open(
    path: str, expected: tuple[str | None, str | None, str | None, date | None]
) -> None:
    assert said(path) == expected


@pytest.mark.parametrize(
    ("path", "package", "category"),
    [
        ("srv/state/a/b/NQ_NDX/gex_zero/x.json", None, "gex_zero"),
        ("state/a/b/x.json", None, None),
        ("gex_full/a/b/2025-11-14_SPX_classic.json", "classic", None),
        ("one/full/zero/x.json", None, None),
        ("classic/SPX/zero/x.json", None, None),
        ("orderflow/x/2025-11-14_SPX_gex_zero.json", None, "gex_zero"),
        ("my_state_notes/x.json", None, None),
        ("about_classic_gex_zero_imports/x.json", None, None),
    ],
)
def test_words_far_apart_are_not_taken_for_a_feed(path: str, package: str | None, category: str | None) -> None:
    hints = hints_of(path)
    assert (hints.package, hints.category) == (package, category)


@pytest.mark.parametrize("category", ["gex", "delta", "gamma", "vanna", "charm"])
def test_an_explicit_expiry_is_not_a_session_date(category: str) -> None:
    hints = parse_name(f"SPX_state_{category}_20260717.json")
    assert (hints.category, hints.session_date) == (f"{category}_20260717", None)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2025-13-45_SPX_classic_gex_zero.json", None),
        ("1999-11-14_SPX_classic_gex_zero.json", None),
        ("2025-11-14/2025-13-45_SPX_classic_gex_zero.json", DAY),
        ("2024-01-02/SPX_classic_gex_zero_2025-11-14.json", DAY),
        ("SPX_classic_gex_zero_2025-11-14_2025-11-17.json", None),
        ("2025-11-14_SPX_classic_gex_zero_fetched_2025-12-01.json", DAY),
        ("SPX_classic_gex_zero_20251114.json", None),
        ("backup-2024-01-02/SPX_classic_gex_zero.json", None),
        ("00000001/SPX_classic_gex_zero.json", None),
    ],
)
def test_only_a_plain_date_is_a_date(path: str, expected: date | None) -> None:
    assert hints_of(path).session_date == expected


@pytest.mark.parametrize(
    ("path", "derived_type"),
    [
        ("2025-11-14_SPX_classic_gex_zero_majors.json", "majors"),
        ("SPX/classic/gex_zero/majors.json", "majors"),
        ("SPX/classic/gex_zero/maxchange/2025-11-14.json", "maxchange"),
        ("2025-11-14_SPX_classic_gex_zero_part2.json", None),
    ],
)
def test_summaries_of_a_feed_are_told_from_its_history(path: str, derived_type: str | None) -> None:
    assert hints_of(path).derived_type == derived_type


@pytest.mark.parametrize(
    ("name", "is_data_name"),
    [
        ("x.json", True),
        ("x", True),
        ("x.NDJSON.GZ", True),
        ("x.json.1", True),
        ("x.json.sha256", False),
        ("x.csv", False),
        ("x.md", False),
    ],
)
def test_suffixes_of_data_files(name: str, is_data_name: bool) -> None:
    assert parse_name(name).is_data_name is is_data_name


@pytest.mark.parametrize(
    ("path", "ticker"),
    [
        ("archive/classic/gex_zero/1.json", None),
        ("ARCHIVE/classic/gex_zero/1.json", "ARCHIVE"),
        ("SPX/classic/NDX/gex_zero/1.json", None),
        ("SPX/SPX/classic/gex_zero/1.json", "SPX"),
        ("../classic/gex_zero/1.json", None),
    ],
)
def test_a_folder_is_a_ticker_by_place_and_capitals(path: str, ticker: str | None) -> None:
    assert hints_of(path).ticker is None
    assert hints_of(path).folder_ticker == ticker


@pytest.mark.parametrize(
    "text", ["", "..", "../SPX", "A/B", "A B", "_SPX", "1763130602", "ticker=X", "A" * 25, "S\u00e9"]
)
def test_what_cannot_be_part_of_a_path_is_no_ticker(text: str) -> None:
    assert valid_ticker(text) is None


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("classic_gex_zero", ("classic", "gex_zero")),
        ("/NQ_NDX/classic/zero", ("classic", "gex_zero")),
        ("/NQ_NDX/classic/gex_zero", ("classic", "gex_zero")),
        ("/classic/gex_zero", ("classic", "gex_zero")),
        ("https://api.example/v2/hist/NQ_NDX/state/gex_full/2025-11-14?noredirect", ("state", "gex_full")),
        ("gex_zero", (None, "gex_zero")),
        ("classic", ("classic", None)),
        ("/SPX/orderflow/orderflow", ("orderflow", "orderflow")),
        ("/SPX/state/delta_zero", ("state", "delta_zero")),
        ("snapshot", (None, None)),
        ("", (None, None)),
    ],
)
def test_labels_of_an_envelope(label: str, expected: tuple[str | None, str | None]) -> None:
    assert parse_feed(label) == expected


TICKERS = st.from_regex(r"[A-Z][A-Z0-9]{0,5}(_[A-Z][A-Z0-9]{0,5})?", fullmatch=True).filter(
    lambda ticker: ticker.lower() not in ("state", "classic", "orderflow")
)
DATES = st.dates(date(2000, 1, 1), date(2099, 12, 31))
FEEDS = st.sampled_from(
    [
        (package, word)
        for package, categories in FEED_CATEGORIES.items()
        for word in (*categories, *CATEGORY_ALIASES)
        if CATEGORY_ALIASES.get(word, word) in categories
    ]
)
ANY_NAME = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=60)
WORDS = st.sampled_from(
    ["classic", "state", "gex_zero", "zero", "orderflow", "2025-11-14", "20251114", "1763130602", "SPX", ".json", "?"]
)
TANGLED_NAME = st.lists(WORDS | ANY_NAME, min_size=1, max_size=6).flatmap(
    lambda parts: st.sampled_from(["", "_", " ", "-", "."]).map(lambda glue: glue.join(parts))
)


@pytest.mark.parametrize(
    "path",
    [
        "NQ_NDX/orderflow/orderflow/1763130602.json",
        "NQ_NDX/orderflow/1763130602.json",
        "2025-11-14/NQ_NDX/orderflow/orderflow.jsonl",
        "NQ_NDX/orderflow/2025-11-14/orderflow.json.gz",
    ],
)
def test_folders_of_orderflow_name_the_ticker(path: str) -> None:
    hints = hints_of(path)
    assert (hints.package, hints.category, hints.folder_ticker) == ("orderflow", "orderflow", "NQ_NDX")


@settings(max_examples=50)
@given(DATES, TICKERS, FEEDS, st.sampled_from([".json", ".json.gz", ".jsonl", ".zst", ""]))
def test_every_vendor_name_is_read_back(day: date, ticker: str, feed: tuple[str, str], suffix: str) -> None:
    package, category = feed
    hints = parse_name(f"{day}_{ticker}_{package}_{category}{suffix}")
    assert (hints.ticker, hints.package, hints.category, hints.session_date) == (
        ticker,
        package,
        CATEGORY_ALIASES.get(category, category),
        day,
    )


@settings(max_examples=60)
@given(st.lists(ANY_NAME | TANGLED_NAME, max_size=6), ANY_NAME | TANGLED_NAME)
def test_any_path_is_read_without_a_crash(folders: list[str], name: str) -> None:
    hints = parse_path(folders, name)
    assert hints.ticker == valid_ticker(hints.ticker)
    assert hints.folder_ticker == valid_ticker(hints.folder_ticker)


@settings(max_examples=50)
@given(st.binary(min_size=1, max_size=40))
def test_names_that_are_not_utf8_are_read_without_a_crash(raw: bytes) -> None:
    parse_path([raw.decode("utf-8", "surrogateescape")], raw.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    "ticker", ["^SPX", "$SPX.X", "I:SPX", "SPX:IND", "ES=F", "ES1!", "BRK.B", "#ES", "@ES", "BTC-USD", "NQ_NDX"]
)
def test_a_ticker_is_kept_as_vendors_spell_it_in_capitals(ticker: str) -> None:
    assert valid_ticker(ticker.lower()) == ticker
    assert hints_of(f"2025-11-10_{ticker}_classic_gex_full.json").ticker == ticker
    assert hints_of(f"2025-11-10_{ticker.lower()}_classic_gex_full.json").ticker == ticker
    assert hints_of(f"{ticker}/classic/gex_full/2025-11-10.json").folder_ticker == ticker


def test_a_ticker_is_known_in_a_name_that_is_percent_encoded() -> None:
    assert hints_of("2025-11-10_%5ESPX_classic_gex_full.json").ticker == "^SPX"
    assert hints_of("2025-11-10_%2E%2E%2FSPX_classic_gex_full.json").ticker is None


@pytest.mark.parametrize(
    "text",
    ["^", "A=B", "A^B", "A/F", "A\\F", "%5ESPX", "A*", "A?", "A'B", 'A"B', "A{B}", "A[B]", "A\0", "A\n", "..A", "A:"],
)
def test_characters_that_lead_along_a_path_or_mean_more_than_one_file_are_in_no_ticker(text: str) -> None:
    assert valid_ticker(text) is None


def test_a_folder_in_lower_case_is_a_ticker_where_the_vendor_has_one_of_that_name() -> None:
    assert hints_of("nq_ndx/classic/gex_zero/2025-11-10.jsonl").folder_ticker == "NQ_NDX"
    assert hints_of("history/classic/gex_zero/2025-11-10.jsonl").folder_ticker is None


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("2025-11-10_NQ_NDX_classic_gex_zero.json", True),
        ("2025-11-10_NQ_NDX_classic_gex_zero.json.xz", True),
        ("2025-11-10/classic_gex_zero.json.gz", True),
        ("NQ_NDX/classic/gex_zero/2025-11-10.jsonl", True),
        ("NQ_NDX/classic/gex_zero/2025-11-10/1762785002.json", True),
        ("2025-11-10/NQ_NDX/classic/zero.json", True),
        ("NQ_NDX/classic/gex_zero/2025-11-10/manifest.json", False),
        ("NQ_NDX/classic/gex_zero/2025-11-10/README", False),
        ("2025-11-10_NQ_NDX_classic_gex_zero.json.sha256", False),
        ("2025-11-10_NQ_NDX_classic_gex_zero.csv", False),
        ("NQ_NDX_classic_gex_zero.json", False),
        ("2025-11-10_NQ_NDX_orderflow_orderflow.json", True),
        ("2025-11-10_NQ_NDX_state_gamma_zero.json", True),
        ("2025-11-10_NQ_NDX_state_gex_20251114.json", False),
        ("2025-11-10.json", False),
    ],
)
def test_a_path_claims_history_when_it_gives_feed_and_time(path: str, claims: bool) -> None:
    assert hints_of(path).claims_history is claims

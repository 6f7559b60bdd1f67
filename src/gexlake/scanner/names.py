"""What a path says of the file: ticker, package, category and session date. Pure: nothing is opened.

Archives name their files in many ways; the rules that cover them, in order:

1. The vendor's file name, `{date}_{ticker}_{package}_{category}`, is split on the package, for tickers hold `_` too.
2. What the file name leaves open, the folders may say, the nearest first. A package and a category belong together only
   when at most one folder (a ticker's) stands between them: a `state` far up the path means something else.
3. Short category names (`zero`) are ordinary words, and count only right after a package.
4. A date is `YYYY-MM-DD`; `YYYYMMDD` only as a whole folder or at the start of a file name, because in
   `classic_gex_20260717` it is an expiry. A file name beats its folders.
5. A folder's ticker is known by its place alone, so it is kept apart, for when nothing else names one.

Case does not matter, except that a folder is a ticker only in capitals, or when the vendor has a ticker of that name. A
ticker is in capitals, wherever it comes from, and as it is spelt otherwise: `^SPX` is not `SPX`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from gexlake.models.feed import (
    CATEGORY_ALIASES,
    FEED_CATEGORIES,
    GEX_CATEGORIES,
    GREEK_CATEGORIES,
    ORDERFLOW,
    PACKAGES,
    VENDOR_TICKERS,
    category_of,
)

DATA_SUFFIXES = frozenset({"json", "jsonl", "ndjson", "gz", "gzip", "zst", "zstd", "bz2", "xz"})
"""Suffixes of history files, packed or not. They say nothing of what is inside."""

PACKED_SUFFIXES = frozenset({"zip", "tar", "tgz", "tbz2", "txz", "lzma", "7z", "rar", "lz4", "br"})
"""Suffixes of packed files that are not read as they are, or as archives; what they hold may be history."""

DERIVED_TYPES: tuple[str, ...] = ("majors", "maxchange")
"""The vendor's summaries of a GEX feed: levels and largest changes without a ladder."""

MAX_TICKER_LENGTH = 24
MAX_FOLDERS_BETWEEN = 1
EARLIEST_YEAR, LATEST_YEAR = 2000, 2099
UNIX_TIME_LENGTHS = (10, 13)
"""Digits of a Unix time of this century in seconds and milliseconds."""

_QUERY_MARKS = ("?", "%3f")
_WINDOWS_QUERY_MARK = "@"
"""Where the query string of a signed URL starts: as it is, percent-encoded, as wget writes it for Windows.

The last one stands behind a suffix; before it, it belongs to a ticker.
"""

_SEPARATORS = "_-. "
_SEPARATOR = r"[_\-. ]"
_EXPIRY_CATEGORIES = r"(?:gex|delta|gamma|vanna|charm)_\d{8}"
_FULL_CATEGORIES = "|".join((*GEX_CATEGORIES, *GREEK_CATEGORIES, _EXPIRY_CATEGORIES))
_AFTER_PACKAGE = "|".join((_FULL_CATEGORIES, *CATEGORY_ALIASES, ORDERFLOW))
# Patterns stay text: `re` compiles them on first use, which keeps the import light.
_START, _END = f"(?:^|(?<={_SEPARATOR}))", r"(?=$|[^a-z0-9])"
_FEED = f"{_START}({'|'.join(PACKAGES)}){_SEPARATOR}({_AFTER_PACKAGE}){_END}"
_PACKAGE = f"{_START}({'|'.join(PACKAGES)}){_END}"
_CATEGORY = f"{_START}({_FULL_CATEGORIES}){_END}"

_ISO_DATE = r"(?a:(?<!\d)\d{4}-\d{2}-\d{2}(?!\d))"
_LEADING_DATE = r"(?a:(\d{4}-\d{2}-\d{2}|\d{8})(?!\d)(?:[t_ ]\d{6}z?(?![a-z0-9]))?)"
_UNIX_TIME = r"(?a:(?<!\d)\d{10}(?:\d{3})?(?!\d))"
_TICKER = r"[\^$@#.]?[A-Z][A-Z0-9]*(?:[_.:-][A-Z0-9]+)*(?:=F|!)?"
"""As vendors spell them: `NQ_NDX`, `BRK.B`, `^SPX`, `$SPX.X`, `I:SPX`, `SPX:IND`, `ES=F`, `ES1!`."""
_PERCENT_ENCODED = r"%([2-7][0-9a-f])"


class Hints(NamedTuple):
    """What a path says; None where it says nothing. `category` may be one that no importer reads."""

    ticker: str | None = None
    """Of the file name; `folder_ticker` is a weaker hint."""
    package: str | None = None
    category: str | None = None
    session_date: date | None = None
    derived_type: str | None = None
    """One of `DERIVED_TYPES`, if the name says so."""
    folder_ticker: str | None = None
    unix_time: int | None = None
    """Seconds or milliseconds in the file name: when the file was written, at best."""
    is_data_name: bool = False
    """Nothing in the suffix speaks against JSON."""
    is_vendor_name: bool = False
    """The file name alone gives ticker, package, category and date, and has a fitting suffix."""
    claims_history: bool = False
    """Its path gives a feed and a time, the name has a part in that, and no suffix speaks against history."""


def parse_path(folders: Sequence[str], name: str) -> Hints:
    """What the folders (outermost first) and the file name say together."""
    hints = parse_name(name)
    nearest = next((folder for folder in reversed(folders) if _whole_date(folder) is None), "")
    if _stem(name)[0] == nearest.lower() == ORDERFLOW:
        hints = hints._replace(package=None, category=ORDERFLOW)  # its one category in the folder of the package
    above = _parse_folders(tuple(folders), hints.package is not None, hints.category is not None)
    alias = None
    if hints.category is None and above.parent_is_package:
        alias = category_of(above.package or "", _stem(name)[0])
    category = hints.category or alias or above.category
    package = hints.package or above.package
    if package == ORDERFLOW and hints.package is None and category not in (None, ORDERFLOW):
        package = None  # a folder that cannot mean this feed
    if package == ORDERFLOW and category is None:
        category = ORDERFLOW
    is_of_feed = _is_feed(package, category)
    has_time = bool(hints.session_date or above.session_date or hints.unix_time)
    has_part = bool(hints.package or hints.category or alias or hints.session_date or hints.unix_time)
    return Hints(
        ticker=hints.ticker,
        package=package,
        category=category,
        session_date=hints.session_date or above.session_date,
        derived_type=hints.derived_type or above.derived_type,
        folder_ticker=above.ticker,
        unix_time=hints.unix_time,
        is_data_name=hints.is_data_name,
        is_vendor_name=hints.is_vendor_name,
        claims_history=is_of_feed and has_time and has_part and (hints.is_data_name or _is_packed_name(name)),
    )


def says_feed(names: Iterable[str]) -> bool:
    """Whether one of the paths in an archive speaks of a feed."""
    for name in names:
        *folders, last = name.split("/")
        hints = parse_path(folders, last)
        if _is_feed(hints.package, hints.category):
            return True
    return False


def _is_feed(package: str | None, category: str | None) -> bool:
    return category in FEED_CATEGORIES.get(package or "", ())


def _is_packed_name(name: str) -> bool:
    return name.lower().rpartition(".")[2] in PACKED_SUFFIXES


def parse_name(name: str) -> Hints:
    """What the file name alone says."""
    stem, is_data_name = _stem(name)
    if stem.isdecimal() and stem.isascii():
        return _parse_number(stem, is_data_name)
    package, category, before, after = _split_feed(stem)
    session_date, ticker = _split_lead(before)
    has_ticker = package is not None or category is not None
    if session_date is None:
        session_date = _only_date(stem)
    unix_time = re.search(_UNIX_TIME, stem)
    ticker = ticker if has_ticker else None
    return Hints(
        ticker=ticker,
        package=package,
        category=category,
        session_date=session_date,
        derived_type=_derived_type(after if has_ticker else stem),
        unix_time=int(unix_time[0]) if unix_time else None,
        is_data_name=is_data_name,
        is_vendor_name=is_data_name and None not in (ticker, package, category, session_date),
    )


def _parse_number(stem: str, is_data_name: bool) -> Hints:
    """The common name of a single record, its time; or a date, or a mere number."""
    unix_time = int(stem) if len(stem) in UNIX_TIME_LENGTHS else None
    return Hints(session_date=_whole_date(stem), unix_time=unix_time, is_data_name=is_data_name)


def parse_feed(text: str) -> tuple[str | None, str | None]:
    """Package and category in a label such as `classic_gex_zero`, `/NQ_NDX/classic/zero` or a URL."""
    *folders, name = re.split(r"[/\\]+", text.partition("?")[0])
    hints = parse_path(folders, name)
    return hints.package, hints.category


def valid_ticker(text: str | None) -> str | None:
    """The text in capitals, if it can be a ticker. None of its characters is one that leads along a path."""
    if text and len(text) <= MAX_TICKER_LENGTH and text.isascii() and re.fullmatch(_TICKER, text.upper()):
        return text.upper()
    return None


def _stem(name: str) -> tuple[str, bool]:
    """The name in lower case without query string and suffixes, and whether they fit a history file.

    A trailing number is what wget adds to a name that is taken: `history.json.1`.
    """
    stem = name.lower()
    for mark in _QUERY_MARKS:
        stem = stem.partition(mark)[0]
    before, _, _ = stem.partition(_WINDOWS_QUERY_MARK)
    stem = before if "." in before else stem
    is_data_name = "." not in stem
    while True:
        rest, dot, suffix = stem.rpartition(".")
        if not dot or not (suffix in DATA_SUFFIXES or (suffix.isdecimal() and len(suffix) < 3)):
            return stem, is_data_name
        stem, is_data_name = rest, is_data_name or suffix in DATA_SUFFIXES


def _split_feed(stem: str) -> tuple[str | None, str | None, str, str]:
    """Package, category, and what stands before and after them."""
    feed = re.search(_FEED, stem)
    if feed and (feed[2] not in CATEGORY_ALIASES or category_of(feed[1], feed[2])):
        return feed[1], CATEGORY_ALIASES.get(feed[2], feed[2]), stem[: feed.start()], stem[feed.end() :]
    package, category = re.search(_PACKAGE, stem), re.search(_CATEGORY, stem)
    words = [word for word in (package, category) if word]
    start = min((word.start() for word in words), default=len(stem))
    end = max((word.end() for word in words), default=len(stem))
    return package and package[1], category and category[1], stem[:start], stem[end:]


def _split_lead(before: str) -> tuple[date | None, str | None]:
    """Date and ticker in what stands before the package: `2025-11-14_nq_ndx_`, also after other words."""
    session_date = None
    if lead := re.match(_LEADING_DATE, before):
        session_date = valid_date(lead[1])
    else:
        lead = re.match(_UNIX_TIME, before) or _last(re.finditer(_ISO_DATE, before))
    rest = before[lead.end() :] if lead else before
    rest = re.sub(_PERCENT_ENCODED, lambda found: chr(int(found[1], 16)), rest) if "%" in rest else rest
    return session_date, valid_ticker(rest.strip(_SEPARATORS))


def _last(matches: Iterable[re.Match[str]]) -> re.Match[str] | None:
    return next(reversed(list(matches)), None)


def _only_date(stem: str) -> date | None:
    """The date anywhere in the stem, unless it holds several."""
    dates = set(re.findall(_ISO_DATE, stem)) if "-" in stem else ()
    return valid_date(next(iter(dates))) if len(dates) == 1 else None


def valid_date(text: str) -> date | None:
    """The date that `YYYY-MM-DD` or `YYYYMMDD` denotes, if there is such a day and it is plausible."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None


def _derived_type(words: str) -> str | None:
    first = words.lstrip(_SEPARATORS)
    return next((word for word in DERIVED_TYPES if first.startswith(word)), None)


class _Folders(NamedTuple):
    package: str | None
    category: str | None
    session_date: date | None
    ticker: str | None
    derived_type: str | None
    parent_is_package: bool


@lru_cache(maxsize=1024)
def _parse_folders(folders: tuple[str, ...], has_package: bool, has_category: bool) -> _Folders:
    """What the folders add to a file name that does or does not give package and category itself.

    Cached, because a folder of single records asks the same thousands of times.
    """
    dates = [_whole_date(folder) for folder in reversed(folders)]
    names = [folder for folder, found in zip(reversed(folders), dates, strict=True) if found is None]
    levels = [_parse_folder(folder, parent) for folder, parent in zip(names, [*names, ""][1:], strict=True)]
    file = -1  # where the folders' numbers, nearest first, start: what the file name says stands there
    package_at = file if has_package else _first(level.package for level in levels)
    category_at = file if has_category else _first(level.category for level in levels)
    if has_package and not _belong(category_at, file):
        category_at = None
    if not _belong(package_at, file if category_at is None else category_at):
        package_at = None
    used = [at for at in (package_at, category_at) if at is not None and at > file]
    top = max(used, default=file)
    tickers = {level.ticker for level in levels[: top + 1] if level.ticker}
    tickers.update(
        name.upper() for at, name in enumerate(names[: top + 2]) if at not in used and _is_ticker_folder(name)
    )
    dates += [levels[at].session_date for at in used]
    return _Folders(
        package=levels[package_at].package if package_at in used else None,
        category=levels[category_at].category if category_at in used else None,
        session_date=next((found for found in dates if found), None),
        ticker=tickers.pop() if len(tickers) == 1 else None,
        derived_type=names[0].lower() if names and names[0].lower() in DERIVED_TYPES else None,
        parent_is_package=bool(names) and names[0].lower() in PACKAGES,
    )


def _parse_folder(folder: str, parent: str) -> Hints:
    """What one folder says of the feed: as a whole word, or as a vendor's name of its own."""
    word = folder.lower()
    if word == parent.lower() == ORDERFLOW:
        return Hints(category=ORDERFLOW)
    if word in PACKAGES:
        return Hints(package=word)
    if word in CATEGORY_ALIASES and (category := category_of(parent.lower(), word)):
        return Hints(category=category)
    if re.fullmatch(_CATEGORY, word):
        return Hints(category=word)
    return parse_name(folder) if re.search(_FEED + "$", word) else Hints()


def _first(values: Iterable[str | None]) -> int | None:
    return next((at for at, value in enumerate(values) if value), None)


def _belong(one: int | None, other: int) -> bool:
    """Whether what stands at these two places can speak of one feed."""
    return one is not None and abs(one - other) <= MAX_FOLDERS_BETWEEN + 1


def _whole_date(folder: str) -> date | None:
    return valid_date(folder) if len(folder) in (8, 10) and re.fullmatch(_LEADING_DATE, folder) else None


def _is_ticker_folder(folder: str) -> bool:
    if folder != folder.upper() and folder.upper() not in VENDOR_TICKERS:
        return False
    return valid_ticker(folder) is not None

"""Importable or not: what the path says and what the content says, weighed. Pure.

The file name decides package, category and date, and the ticker if it has one; the content decides the record
type. What the name leaves open comes from the folders, then from the content, except for the ticker: a record's
own comes before a folder's, which may be the name of a disk. Nothing is guessed beyond that: what stays open is a
refusal.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from functools import cache, lru_cache
from typing import NamedTuple

from gexlake.archive import archive_kind, names_in_head
from gexlake.models.feed import ORDERFLOW, Feed, SessionKey
from gexlake.models.location import Location
from gexlake.models.record_types import ORDERFLOW_TYPE, RECORD_TYPES, record_type_of
from gexlake.models.source import Form, SourceFile
from gexlake.packing import Compression
from gexlake.scanner.heads import Head
from gexlake.scanner.names import EARLIEST_YEAR, LATEST_YEAR, Hints, parse_feed, says_feed, valid_ticker
from gexlake.scanner.refusals import Refusal
from gexlake.scanner.sniff import LEFT, OTHER_RECORD_TYPES, Content, is_blank, sniff

UNITS_PER_SECOND = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000))
"""Below which magnitude a Unix time is in seconds, milliseconds, microseconds, nanoseconds."""
MAX_KEYS_SHOWN = 4
MAX_KEY_LENGTH = 24


class Importable(NamedTuple):
    """What an importer needs to know of a file before it opens it."""

    record_type: str
    session: SessionKey
    compression: Compression
    form: Form
    claims_date: bool
    """Its name or folders say the date; else the first record does."""


def source_of(
    location: Location, size_bytes: int, found: Importable, *, etag: str | None = None, synthetic: bool | None = None
) -> SourceFile:
    """The source that a classified file is."""
    return SourceFile(
        location,
        found.record_type,
        found.session,
        size_bytes,
        found.compression,
        found.form,
        claims_date=found.claims_date,
        etag=etag,
        synthetic=synthetic,
    )


def classify(hints: Hints, head: Head) -> Importable | Refusal:
    """Say what a file is by its path and the start of its text, or why it cannot be imported."""
    if head.is_whole and is_blank(head.text):
        return Refusal("empty_file", "There is nothing in it." if not head.text else "There are only blanks in it.")
    if refusal := _archive(hints, head):
        return refusal
    content = sniff(head.text, is_whole=head.is_whole)
    package, category = _feed_words(hints, content)
    if refusal := (
        _other_record_type(hints, content, category)
        or _no_snapshots(hints, content, is_named=None not in (package, category))
        or _no_feed(content, package, category)
    ):
        return refusal
    ticker = hints.ticker or valid_ticker(content.ticker) or hints.folder_ticker
    if ticker is None:
        return Refusal("no_ticker", "Neither its name, its first record nor its folders say which ticker it is.")
    session_date = hints.session_date or session_date_of(content.timestamp) or session_date_of(hints.unix_time)
    if session_date is None:
        return Refusal("no_session_date", "There is no date in its name, its folders or its first record.")
    session = _session(ticker, package or "", category or "", session_date)
    claims_date = hints.session_date is not None
    kind = record_type_of(category or "")
    assert kind is not None, "others have been refused"
    return Importable(kind.name, session, head.compression, content.form, claims_date)


@lru_cache(maxsize=256)
def _session(ticker: str, package: str, category: str, session_date: date) -> SessionKey:
    """The same object for all single records of a session: it takes less room, and sorts faster."""
    return SessionKey(Feed(ticker, package, category), session_date)


def session_date_of(timestamp: str | int | None) -> date | None:
    """The New York date of a Unix time or of ISO 8601 with date and time, which is UTC unless it says otherwise."""
    moment = None if timestamp is None else _moment(timestamp)
    if moment is None:
        return None
    try:
        found = moment.astimezone(_exchange_time_zone()).date()
    except OverflowError:  # at the ends of the calendar
        return None
    return found if EARLIEST_YEAR <= found.year <= LATEST_YEAR else None


def _moment(timestamp: str | int) -> datetime | None:
    try:
        number = float(timestamp)
    except ValueError:
        return _iso_moment(str(timestamp))
    for bound, units in UNITS_PER_SECOND:
        if 0 <= number < bound:
            return datetime.fromtimestamp(number / units, UTC)
    return None


def _iso_moment(text: str) -> datetime | None:
    if "T" not in text and " " not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@cache
def _exchange_time_zone() -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo("America/New_York")


def _feed_words(hints: Hints, content: Content) -> tuple[str | None, str | None]:
    """Package and category by the path, completed by the envelope unless the two contradict each other."""
    package, category = hints.package, hints.category
    if package and category:
        return package, category
    if content.record_type == ORDERFLOW_TYPE.name and not category and package in (None, ORDERFLOW):
        return ORDERFLOW, ORDERFLOW  # there is but one such feed of a ticker
    packages, categories = {package} - {None}, {category} - {None}
    for label in content.labels:
        labelled_package, labelled_category = parse_feed(label)
        packages |= {labelled_package} - {None}
        categories |= {labelled_category} - {None}
    if len(packages) > 1 or len(categories) > 1:
        return package, category
    return next(iter(packages), None), next(iter(categories), None)


def _other_record_type(hints: Hints, content: Content, category: str | None) -> Refusal | None:
    """Other records of the vendor: by name, where it is that of a data file, and by content."""
    other = None
    if hints.is_data_name or content.is_json:
        other = _record_type_of_name(hints, category)
    if other:
        return Refusal("unsupported_record_type", f"By its name it holds {other}, which are not imported.")
    if content.record_type in OTHER_RECORD_TYPES:
        words = OTHER_RECORD_TYPES[content.record_type]
        return Refusal("unsupported_record_type", f"Its records are {words}, which are not imported.")
    found, named = RECORD_TYPES.get(content.record_type or ""), record_type_of(category or "")
    if found and named and found is not named:
        reason = f"Its name says {category}, which are {named.words}, but its records are {found.words}."
        return Refusal("record_type_mismatch", reason)
    return None


def _record_type_of_name(hints: Hints, category: str | None) -> str | None:
    """The record type in words, if the name says one that is not imported."""
    if hints.derived_type and category:
        return OTHER_RECORD_TYPES[hints.derived_type]
    if category is None or record_type_of(category):
        return None
    return f"snapshots of one explicit expiry ({category})"


def _archive(hints: Hints, head: Head) -> Refusal | None:
    """An archive that is not opened: a packed ZIP, or a member of another."""
    kind = archive_kind(head.text)
    if kind is None:
        return None
    if head.is_archive:
        reason = f"It is a {kind} archive inside an archive; unpack the outer one, and import the folder"
    else:
        reason = f"It is a {kind} archive packed by {head.compression}; unpack it, and import the archive"
    is_history = hints.claims_history or says_feed(names_in_head(head.text))
    return Refusal("packed_archive" if is_history else "not_gex", f"{reason}.")


def _no_snapshots(hints: Hints, content: Content, *, is_named: bool) -> Refusal | None:
    """Content that is not history.

    A damaged file is still history when its name says so: the importer then reports its records one by one. What
    is something else altogether under such a name is what a failed download left.
    """
    if content.record_type in RECORD_TYPES:
        return None
    if not content.is_json:
        if hints.is_vendor_name and not content.is_other:
            return None
        return _other(hints, f"It is not JSON: {content.description}", is_text=content.is_text)
    if content.foreign_keys is not None:
        keys = _keys_in_words(content.foreign_keys)
        return _other(hints, f"It is JSON without GEXBot snapshots, {keys}", is_text=True)
    if content.is_other and hints.claims_history:
        return _other(hints, f"It is {content.description}", is_text=True)
    if hints.is_vendor_name or (is_named and (content.has_record or content.has_no_records)):
        return None
    return _other(hints, "It is JSON, but neither its name nor its start are those of GEXBot snapshots")


def _other(hints: Hints, reason: str, *, is_text: bool = False) -> Refusal:
    """A foreign file; under a name that claims a day of history, that day is missing."""
    if not hints.claims_history:
        return Refusal("not_gex", f"{reason}.")
    cause = LEFT if is_text and not reason.endswith(LEFT) else ""
    return Refusal("failed_download", f"{reason}{cause}. Its name says GEX history: download it again.")


def _no_feed(content: Content, package: str | None, category: str | None) -> Refusal | None:
    missing = [word for word, found in (("package", package), ("category", category)) if not found]
    if not missing:
        return None
    kind = RECORD_TYPES.get(content.record_type or "")
    return Refusal(
        "no_feed", f"It holds {kind.words if kind else 'snapshots'}, but nothing says of which {' and '.join(missing)}."
    )


def _keys_in_words(keys: Iterable[str]) -> str:
    shown = [repr(key[:MAX_KEY_LENGTH]) for key in keys]
    if not shown:
        return "an empty object"
    more = ", …" if len(shown) > MAX_KEYS_SHOWN else ""
    return f"with the keys {', '.join(shown[:MAX_KEYS_SHOWN])}{more}"

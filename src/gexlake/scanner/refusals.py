"""Why a file is not importable: the stable codes, and a refusal on its way to the report."""

from __future__ import annotations

from typing import NamedTuple

REFUSALS: dict[str, str] = {
    "unsupported_record_type": "another record type of the vendor: majors, largest changes, one explicit expiry",
    "record_type_mismatch": "its name says another record type than its records have",
    "not_gex": "no GEX history: another format, or JSON without GEXBot snapshots",
    "empty_file": "no content: 0 bytes, only blanks, or nothing once unpacked",
    "unreadable": "the operating system would not let it be read",
    "no_session_date": "no date in its name, its folders or its first record",
    "no_feed": "neither its name, its folders nor its envelope say which package and category it is",
    "no_ticker": "neither its name, its first record nor its folders say which ticker it is",
    "compression_damaged": "its packed stream is broken from the start",
    "failed_download": "its name says a day of GEX history, but it holds a page, a message, or anything else",
    "archive_damaged": "a ZIP or tar archive that is cut short or damaged",
    "member_refused": "a file of GEX history in an archive that is encrypted, doubled, or packed in a way not read",
    "packed_archive": "an archive of GEX history that has to be unpacked first: one inside another, or a packed ZIP",
    "unfinished_download": "an unfinished download, by its name or by a file beside it",
    "not_a_file": "a pipe, socket or device, which is never opened",
    "outside": "a link that leads out of the folders that may be imported, which is not followed",
}
"""Refusal code -> what it means, for reports and docs."""

FAILED_CODES = frozenset(
    {
        "empty_file",
        "unreadable",
        "no_session_date",
        "no_feed",
        "record_type_mismatch",
        "no_ticker",
        "compression_damaged",
        "failed_download",
        "archive_damaged",
        "member_refused",
        "packed_archive",
    }
)
"""Refusals that mean data went missing; the other files are none of ours, or not yet."""


class Refusal(NamedTuple):
    """A code of `REFUSALS`, and a sentence on this one file without its path and without values from it."""

    code: str
    reason: str

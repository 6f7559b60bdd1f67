"""Every rule for records: a stable code, what breaking it leads to, and one sentence for people.

`docs/validation-rules.md` is generated from here, and a test shows one record that breaks each rule.
"""

from __future__ import annotations

from enum import StrEnum

CLOCK_TOLERANCE_US = 60_000_000
"""A recorder's clock may be that far ahead of this machine's before a timestamp counts as one of the future."""


class Severity(StrEnum):
    """What becomes of a record that breaks a rule."""

    REFUSED = "refused"
    """Not imported; kept whole in quarantine."""
    WARNING = "warning"
    """Imported; counted per source file and code."""
    FILE = "file"
    """Says something of the file rather than of one record; its whole records are imported, with one exception."""


class Rule(StrEnum):
    """A code as it stands in quarantine, lineage and reports."""

    severity: Severity
    explanation: str

    def __new__(cls, code: str, severity: Severity, explanation: str) -> Rule:
        rule = str.__new__(cls, code)
        rule._value_ = code
        rule.severity = severity
        rule.explanation = explanation
        return rule

    JSON_INVALID = (
        "json_invalid",
        Severity.REFUSED,
        "The text is not JSON, not UTF-8, or nested too deeply.",
    )
    TRUNCATED = "truncated", Severity.REFUSED, "The file ends inside this record."
    RECORD_TOO_LARGE = (
        "record_too_large",
        Severity.REFUSED,
        "One record is longer than 4 MiB, hundreds of times the usual; its text is kept in a file of its own.",
    )
    NOT_OBJECT = "not_object", Severity.REFUSED, "The record is valid JSON but not an object."
    DUPLICATE_KEY = (
        "duplicate_key",
        Severity.REFUSED,
        "A key stands twice in one object: which value is meant?",
    )
    NUMBER_OVERFLOW = (
        "number_overflow",
        Severity.REFUSED,
        "A number outside the ladder and `spot` is too large for a double.",
    )
    TIMESTAMP_MISSING = "timestamp_missing", Severity.REFUSED, "`timestamp` is absent or null."
    TIMESTAMP_INVALID = (
        "timestamp_invalid",
        Severity.REFUSED,
        "`timestamp` is neither Unix seconds, milli-, micro- or nanoseconds (by magnitude, with or without a fraction) "
        "nor an ISO 8601 date and time, or it is finer than a microsecond and would have to be rounded.",
    )
    TIMESTAMP_WITHOUT_ZONE = (
        "timestamp_without_zone",
        Severity.REFUSED,
        "`timestamp` is a date and time without a zone, which is never guessed; `--naive-zone America/New_York` says "
        "which one is meant. Or, by the clocks of that zone, it stands for two instants or for none.",
    )
    TIMESTAMP_FUTURE = (
        "timestamp_future",
        Severity.REFUSED,
        "`timestamp` is more than a minute after the moment of the import.",
    )
    TIMESTAMP_TOO_OLD = "timestamp_too_old", Severity.REFUSED, "`timestamp` lies before the year 2000."
    TICKER_EMPTY = "ticker_empty", Severity.REFUSED, "`ticker` is absent, empty or not a string."
    TICKER_MISMATCH = "ticker_mismatch", Severity.REFUSED, "`ticker` is not that of the file."
    STRIKES_MISSING = "strikes_missing", Severity.REFUSED, "`strikes` (greeks: `mini_contracts`) is absent or null."
    STRIKES_EMPTY = "strikes_empty", Severity.REFUSED, "`strikes` (greeks: `mini_contracts`) is an empty array."
    STRIKES_MALFORMED = (
        "strikes_malformed",
        Severity.REFUSED,
        "`strikes` is not an array of [strike, gex_vol, gex_oi, [priors]], or `mini_contracts` not one of "
        "[strike, call_ivol, put_ivol, value, [priors]], nor of objects that name these.",
    )
    STRIKE_INVALID = "strike_invalid", Severity.REFUSED, "A strike is not a positive finite number."
    GEX_INVALID = "gex_invalid", Severity.REFUSED, "A value of a ladder, or a prior one, is not a finite number."
    SPOT_MISSING = "spot_missing", Severity.REFUSED, "`spot` (or `spot_price`) is absent or null."
    SPOT_INVALID = "spot_invalid", Severity.REFUSED, "`spot` is not a positive finite number."
    KEY_CONFLICT = (
        "key_conflict",
        Severity.REFUSED,
        "The same feed and timestamp is already there, from another file, with different values; the first one stays.",
    )

    SUM_MISMATCH = (
        "sum_mismatch",
        Severity.WARNING,
        "The ladder's column does not add up to `sum_gex_vol` or `sum_gex_oi`, beyond rounding.",
    )
    MAJOR_OFF_LADDER = "major_off_ladder", Severity.WARNING, "A `major_…` level is no strike of the ladder."
    OPENING_UNPOPULATED = (
        "opening_unpopulated",
        Severity.WARNING,
        "`zero_gamma` and the majors are all 0, as in the first record of a classic day.",
    )
    PRIORS_COUNT = (
        "priors_count",
        Severity.WARNING,
        "A strike has fewer or more than five (greeks: three) prior values.",
    )
    DATE_MISMATCH = (
        "date_mismatch",
        Severity.WARNING,
        "`timestamp` falls on another date in New York than the file's name says; it is stored in its own session.",
    )
    OUTSIDE_CASH_HOURS = (
        "outside_cash_hours",
        Severity.WARNING,
        "`timestamp` falls outside the cash hours of its date in New York.",
    )
    OUT_OF_ORDER = "out_of_order", Severity.WARNING, "`timestamp` is earlier than that of the record before."
    UNKNOWN_FIELD = "unknown_field", Severity.WARNING, "A field has no column; it is kept in `extra`."
    NOT_FINITE = (
        "not_finite",
        Severity.WARNING,
        "An optional field is NaN or infinite, as some JSON writers leave it: its column is NULL; what has no column "
        "is kept in `extra`, with the word as text.",
    )
    NUMBER_AS_TEXT = (
        "number_as_text",
        Severity.WARNING,
        'A number is written as text, such as "24971.25"; it is taken for that number.',
    )
    ZONE_GIVEN = (
        "zone_given",
        Severity.WARNING,
        "`timestamp` has no zone and was read in the one that `--naive-zone` names.",
    )
    FIELD_TYPE = (
        "field_type",
        Severity.WARNING,
        "A known optional field has an unexpected form; it is kept in `extra` and its column is NULL.",
    )

    EXTRA_DIFFERS = (
        "extra_differs",
        Severity.WARNING,
        "A duplicate has other unknown fields than the record that is there, such as a recorder's own `received_at`.",
    )

    UTF16 = (
        "utf16",
        Severity.FILE,
        "The text is UTF-16 and was read as such. Byte offsets are those of the same text as UTF-8.",
    )
    NO_RECORDS = "no_records", Severity.FILE, "The file holds no record at all."
    RECORDS_KEPT = (
        "records_kept",
        Severity.FILE,
        "The file no longer holds records that it gave to the lake; they stay there, unless --prune takes them out.",
    )
    ARRAY_NOT_CLOSED = (
        "array_not_closed",
        Severity.FILE,
        "The array of records has no end: the file was cut short, or damaged there.",
    )
    CONTAINER_FIELD = (
        "container_field",
        Severity.FILE,
        "The object around the records has fields of its own, kept in the lineage record, or holds the records under "
        "another key than the usual ones.",
    )
    COMPRESSION_DAMAGED = (
        "compression_damaged",
        Severity.FILE,
        "The packed stream is broken or fails its checksum, so any value in it may be wrong: only members (zstd "
        "frames, bzip2 and xz streams) in front of the damage, checked whole, are imported, and of a file with one "
        "nothing.",
    )
    STREAM_TRUNCATED = (
        "stream_truncated",
        Severity.FILE,
        "The packed stream is sound up to where it ends early; the rest is missing.",
    )
    EXPANSION_LIMIT = "expansion_limit", Severity.FILE, "The packed stream expands beyond any GEX history."


NO_DAMAGE = frozenset({Rule.CONTAINER_FIELD, Rule.NO_RECORDS, Rule.UTF16, Rule.ZONE_GIVEN})
"""Findings on a file that say nothing against it."""

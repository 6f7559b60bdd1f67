"""`gexlake lineage` and `gexlake quarantine`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, ImportId, LakeOption, Since, SourcePart, Tickers, Until, words
from gexlake.cli.terminal import Terminal
from gexlake.cli.text import beginning

if TYPE_CHECKING:
    import polars as pl

DEFAULT_LIMIT = 50
RAW_LENGTH = 60
"""Characters of a refused record in a table; --output json has it whole."""

Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", min=1, help=f"At most so many rows.  [default: {DEFAULT_LIMIT} in a table, else all]"
    ),
]


@command("lineage", example="gexlake lineage --status partial --status failed --since 2025-11-01")
def show_lineage(
    terminal: Terminal,
    *,
    import_id: ImportId = None,
    statuses: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="STATUS", help="Only success, partial, failed or skipped; repeatable."),
    ] = None,
    tickers: Tickers = None,
    since: Since = None,
    until: Until = None,
    source: SourcePart = None,
    limit: Limit = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Show what became of each source file in each import, the newest first."""
    from gexlake.services.asking.lineage import list_lineage

    limit = _limit(terminal, limit)
    frame = list_lineage(
        lake,
        import_id=import_id,
        statuses=words(statuses),
        tickers=words(tickers),
        since=since,
        until=until,
        source=source,
        limit=limit,
    )
    if terminal.wants_json:
        terminal.json_rows(map(_lineage_document, frame.iter_rows(named=True)))
        return
    terminal.table(
        ["import", "status", "seen", "imported", "duplicate", "quarantined", "file", "findings"],
        map(_lineage_row, frame.iter_rows(named=True)),
        right=["seen", "imported", "duplicate", "quarantined"],
        folds=["file", "findings"],
        least=["duplicate", "seen", "import"],
    )
    _talk_of_limit(terminal, frame, limit)


@command("quarantine", example="gexlake quarantine --reason spot_missing --output json")
def show_quarantine(
    terminal: Terminal,
    *,
    import_id: ImportId = None,
    reasons: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="CODE", help="Only records refused for this; repeatable."),
    ] = None,
    tickers: Tickers = None,
    since: Since = None,
    until: Until = None,
    source: SourcePart = None,
    limit: Limit = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Show refused records, each with its place, the reason and its own text.

    A table shows the beginning of the text, --output json all of it.
    """
    from gexlake.services.asking.lineage import list_quarantine

    limit = _limit(terminal, limit)
    frame = list_quarantine(
        lake,
        import_id=import_id,
        reasons=words(reasons),
        tickers=words(tickers),
        since=since,
        until=until,
        source=source,
        limit=limit,
    )
    if terminal.wants_json:
        terminal.json_rows(frame.iter_rows(named=True))
        return
    terminal.table(
        ["file", "record", "byte", "reason", "message", "text"],
        _iter_quarantine_rows(frame),
        right=["record", "byte"],
        folds=["file", "message", "text"],
        least=["text", "byte"],
    )
    _talk_of_limit(terminal, frame, limit)


def _limit(terminal: Terminal, limit: int | None) -> int | None:
    return limit or (None if terminal.wants_json else DEFAULT_LIMIT)


def _talk_of_limit(terminal: Terminal, frame: pl.DataFrame, limit: int | None) -> None:
    if frame.is_empty():
        terminal.talk("There is nothing to show.")
    elif frame.height == limit:
        terminal.talk(f"These are the first {limit:,} rows; --limit shows more.")


def _lineage_document(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "warnings": json.loads(row["warnings"]), "errors": json.loads(row["errors"])}


def _lineage_row(row: dict[str, Any]) -> list[object]:
    counts = {**json.loads(row["errors"]), **json.loads(row["warnings"])}
    return [
        row["import_id"],
        row["status"],
        *(values.count(row[f"records_{name}"]) for name in ("seen", "imported", "duplicate", "quarantined")),
        row["source_file"],
        ", ".join(f"{code} {values.count(number)}" for code, number in counts.items()),
    ]


def _iter_quarantine_rows(frame: pl.DataFrame) -> Iterator[list[object]]:
    for row in frame.iter_rows(named=True):
        raw = row["raw"] if row["raw"] is not None else f"in {row['raw_file']}"
        text = " ".join(raw[: 2 * RAW_LENGTH].split())
        yield [
            row["source_file"],
            values.count(row["record_index"]),
            values.count(row["byte_offset"]),
            row["reason"],
            row["message"],
            beginning(text, RAW_LENGTH),
        ]

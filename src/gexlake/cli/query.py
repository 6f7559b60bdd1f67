"""`gexlake query`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gexlake.cli import values
from gexlake.cli.command import command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption, parse_zone
from gexlake.cli.terminal import RowsOutput, Terminal, json_text
from gexlake.services.processes.interrupts import undisturbed

if TYPE_CHECKING:
    import polars as pl

TABLE_ROWS = 100
ROWS_PER_WRITE = 20_000
EXPLAINED = "explain_value"
"""The column of EXPLAIN that is a drawing of many lines."""


@command(
    "query",
    example='gexlake query "SELECT session_date, count(*) FROM gex_snapshots GROUP BY ALL ORDER BY ALL"',
    outputs=RowsOutput,
)
def show_query(
    terminal: Terminal,
    statement: Annotated[
        str, typer.Argument(metavar="SQL", help="One statement that only reads; - reads it from stdin.")
    ],
    *,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help=f"At most so many rows.  [default: {TABLE_ROWS} in a table, else all]"
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write all rows there: .parquet, .arrow, .ndjson or .csv."),
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(
            "--tz",
            metavar="ZONE",
            parser=parse_zone,
            help="Zone in which instants are written, with their offset; .parquet and .arrow keep UTC.  [default: UTC]",
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Show the rows of one SQL statement over the lake.

    Tables and views: gex_snapshots, gex_strikes, greeks_snapshots, greeks_contracts, orderflow_snapshots, sessions,
    imports, lineage, quarantine. Nothing can be changed, and no file outside the lake can be read.
    """
    with undisturbed():  # these drop an exception that is raised while they are loaded, or end the process
        import duckdb  # noqa: F401
        import polars  # noqa: F401

        from gexlake.services.asking.export import TEXT, check_target, write_rows
        from gexlake.services.owner.frames import in_zone
        from gexlake.services.statements.query import run_query

    text = sys.stdin.read() if statement == "-" else statement
    if to is not None:
        check_target(to)
        rows = run_query(lake, text, limit=limit)
        size = write_rows((in_zone(rows, tz) if tz and to.suffix.lower() in TEXT else rows).lazy(), to)
        terminal.talk(f"Wrote {to}, {values.size(size)}")
        return
    bound = limit or (TABLE_ROWS if terminal.output == RowsOutput.TABLE else None)
    # One row more than is shown tells whether there are more.
    frame = run_query(lake, text, limit=None if bound is None else bound + 1)
    shown = frame if bound is None else frame.head(bound)
    SHOW[RowsOutput(terminal.output)](terminal, in_zone(shown, tz) if tz else shown)
    if shown.height < frame.height:
        terminal.talk(f"These are the first {values.plural(shown.height, 'row')}; --limit shows more.")


def _show_table(terminal: Terminal, frame: pl.DataFrame) -> None:
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    terminal.table(
        frame.columns,
        ([_cell(value) for value in row] for row in frame.iter_rows()),
        right=numbers,
        least=_least(frame),
        lines=[EXPLAINED],
    )


def _least(frame: pl.DataFrame) -> list[str]:
    """What a narrow screen may leave out: lists and structs, then half of the rest; what is named first matters."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    others = [name for name in frame.columns if name not in nested]
    return (nested + others[::-1])[: len(nested) + len(others) // 2] if others else []


def _show_json(terminal: Terminal, frame: pl.DataFrame) -> None:
    terminal.json_rows(frame.iter_rows(named=True))


def _show_csv(terminal: Terminal, frame: pl.DataFrame) -> None:
    """CSV with a header; lists, structs and bytes as JSON text, because CSV has no form for them."""
    import polars as pl

    from gexlake.services.owner.frames import csv_text

    nested = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
    flat = frame.with_columns(pl.Series(name, map(_json_or_none, frame[name].to_list()), pl.String) for name in nested)
    for number, part in enumerate(flat.iter_slices(ROWS_PER_WRITE)):
        terminal.text(csv_text(part, header=number == 0))
    if flat.is_empty():
        terminal.text(csv_text(flat, header=True))


def _json_or_none(value: object) -> str | None:
    return None if value is None else json_text(value)


SHOW = {RowsOutput.TABLE: _show_table, RowsOutput.JSON: _show_json, RowsOutput.CSV: _show_csv}
"""Form of the rows -> what writes them."""


def _cell(value: object) -> str:
    """A value as text: the shortest that denotes it exactly."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    return json_text(value).strip('"')

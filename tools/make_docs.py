"""Write the pages of docs/ that say what the code says: command line, settings, validation rules, data dictionary.

    python tools/make_docs.py           write them
    python tools/make_docs.py --check   exit with status 1 and name those that are stale

`tests/unit/test_generated_docs.py` fails when one is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import ByteSize
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from gexlake.cli import COMMANDS, app
from gexlake.db.schema import TABLES, VIEWS
from gexlake.importers import IMPORTERS
from gexlake.models.column import PARTITION_COLUMNS, Column
from gexlake.scanner import REFUSALS
from gexlake.scanner.refusals import FAILED_CODES
from gexlake.settings import PREFIX, Settings
from gexlake.validation.rules import Rule, Severity

DOCS = Path(__file__).parents[1] / "docs"
NOTE = "<!-- Written by tools/make_docs.py from the code. Change it there, then run `make docs`. -->"
HELP_WIDTH = "100"
GLOB_NOTE = """**Globs.** `gex/strikes/*/*/*/*/strikes.parquet` matches one file of every session at any moment: each
name is a link to a file of the live version (a copy where the file system has no links), and is
replaced by one rename. So whoever opens a name has one whole version of that file, the one before or
the one after. What is not promised while an import runs: the data sets of a session are replaced one
after the other, some milliseconds apart, so a join of two may meet two versions; and what opens a file
twice, as Polars does, which reads footers when it plans and pages when it runs, may meet one file and
then another, which it need not notice. Where that matters, read `lake.scan_strikes(…)` and
`lake.scan_snapshots(…)`, which go by the names of versions, or these names themselves, by the column
`version` of `sessions`."""


# ---- pages -----------------------------------------------------------------------------------------------------------


def cli_reference() -> str:
    """`--help` of every command."""
    sections = [
        "# Command line",
        NOTE,
        """Data goes to stdout, talk (progress, notes, errors) to stderr. With `--output json` stdout holds one JSON
document and nothing else. Exit status: 0 done; 1 findings, or the work could not be done; 2 the command line is wrong.

`GEXLAKE_LAKE` names the lake where `--lake` does not; `NO_COLOR` turns colours off.""",
        f"```text\n{help_of()}\n```",
    ]
    for name in COMMANDS:
        sections += [f"## gexlake {name}", f"```text\n{help_of(*name.split())}\n```"]
    return page(sections)


def settings_page() -> str:
    """Every setting of the service, with its default."""
    rows = [
        (f"`{name}`", f"`{PREFIX}{name.upper()}`", default_of(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page(
        [
            "# Settings",
            NOTE,
            """Of `gexlake serve`. An option of the command line goes before the environment, the environment before the
file, the file before the default. The file is `gexlake.toml` in the working directory, or the one that `GEXLAKE_CONFIG`
names; its keys are the names below. Relative paths are relative to the working directory.

```toml
lake = "/srv/gexlake/data"
import_roots = ["/srv/gex/history"]
rate_limit = "200/second"
```

`gexlake config` shows what is in force and where it came from, secrets masked. A value that is not valid ends the
command with status 2 and says what would be.""",
            table(["setting", "environment", "default", "meaning"], rows),
        ]
    )


def validation_rules() -> str:
    """Every rule for records and files, and the refusals of the scanner."""
    return page(
        [
            "# Validation rules",
            NOTE,
            "A code is stable: it stands in reports, lineage and quarantine, and scripts may rely on it.",
            "## Records refused",
            "Not imported; kept whole in quarantine, with the code as `reason`. `gexlake quarantine` shows them.",
            table(["code", "meaning"], rules(Severity.REFUSED)),
            "## Records imported with a warning",
            "Counted per source file in `lineage.warnings`.",
            table(["code", "meaning"], rules(Severity.WARNING)),
            "## Findings on a file as a whole",
            "Its whole records are imported, but for `compression_damaged`. Findings stand in `lineage.errors`, those "
            "that are no damage in `lineage.warnings`, and in words in `lineage.message`.",
            table(["code", "meaning"], rules(Severity.FILE)),
            "## Files that are not importable",
            """The scanner names them with one of these codes; `gexlake scan` and the import report show them.
Where data went missing the file is `failed` and the exit status 1; the others are `unsupported`: not history, or not
yet. What is read is told in [source-files.md](source-files.md).""",
            table(["code", "file is", "meaning"], refusals()),
            """## Identity

For every file of every import: seen = imported + duplicate + quarantined. A record that is there already with the same
content, in the same file or another, is a duplicate: counted, not stored. One with the same key, (ticker, package,
category, timestamp), and other content is refused as `key_conflict`; the first stays.""",
        ]
    )


TABLE_NOTES = {
    "gex_snapshots": "One row per GEX snapshot. The same columns as its Parquet files, and the partition columns. In a "
    "lake without `snapshots_in_database` a view over these files, like the tables of the other record types.",
    "greeks_snapshots": "One row per greek profile, in the same way.",
    "orderflow_snapshots": "One row per orderflow snapshot, in the same way.",
    "sessions": "One row per session: a trading date of a feed.",
    "commits": "One row per commit that changed sessions: the commit log.",
    "changes": "One row per session and commit that changed it.",
    "imports": "One row per run of an import.",
    "lineage": "One row per source file per import. Always: seen = imported + duplicate + quarantined.",
    "quarantine": "One row per refused record.",
    "lake_info": "One row: what the lake is.",
    "gex_strikes": "One row per strike of each snapshot: a view over the Parquet files, by timestamp and strike.",
    "greeks_contracts": "One row per entry of each profile's `mini_contracts`, in the same way. More than an entry has "
    "columns for stands in the snapshot's `extra`, whole.",
}


def refusals() -> Iterable[Sequence[str]]:
    """Codes of the scanner, what a file with each is in an import, and what they mean."""
    for code, meaning in REFUSALS.items():
        yield f"`{code}`", "failed" if code in FAILED_CODES else "unsupported", f"{meaning}."


def data_dictionary() -> str:
    """Every column of tables, views and Parquet files."""
    sections = [
        "# Data dictionary",
        NOTE,
        """Instants are UTC and to the microsecond. A stored double is the double that the source text denotes: nothing
is rounded, shifted, scaled, filled or dropped. Prices and strikes stand on the ticker's own scale: `NQ_NDX` is not
`NDX`. The key of a snapshot is (ticker, package, category, timestamp).""",
        "## In DuckDB: gexlake.duckdb",
    ]
    for name, columns in (TABLES | VIEWS).items():
        kind = "View" if name in VIEWS else "Table"
        sections += [f"### {kind} `{name}`", TABLE_NOTES[name], column_table(columns)]
    sections += [
        "## In Parquet",
        "One file per session and data set, at `<record type>/<data set>/ticker=…/package=…/category=…/session_date=…/"
        "<data set>.parquet`: the version that is live. Each version has a name of its own, which never means another, "
        "at `versions/<record type>/<data set>/ticker=…/…/<data set>-<version>.parquet`, and stays there until "
        "`gexlake gc` has no more use for it. The partition columns are in the path:",
        column_table(PARTITION_COLUMNS),
        "Columns are compressed with zstd; in `strikes.parquet`, those whose values mostly differ with LZ4 (the codec "
        "LZ4_RAW). The footer holds a JSON document under the key `gexlake`: version of the software, session, import "
        "id, a summary, and each source file with its SHA-256 and the rows that it gave.",
        GLOB_NOTE,
    ]
    for importer in IMPORTERS.values():
        for dataset in importer.datasets:
            path = f"{importer.record_type}/{dataset.name}"
            sections += [f"### Data set `{path}`", column_table(dataset.columns)]
    return page(sections)


PAGES: dict[str, Callable[[], str]] = {
    "cli-reference.md": cli_reference,
    "settings.md": settings_page,
    "validation-rules.md": validation_rules,
    "data-dictionary.md": data_dictionary,
}
"""File below docs/ -> what writes it."""


# ---- parts -----------------------------------------------------------------------------------------------------------


def help_of(*command: str) -> str:
    """What `gexlake … --help` prints."""
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="gexlake", env={"COLUMNS": HELP_WIDTH})
    if result.exit_code:
        raise RuntimeError(f"gexlake {' '.join(command)} --help failed: {result.output}")
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()).strip()


def default_of(field: FieldInfo) -> str:
    """The default of a setting as one would write it."""
    default = field.default
    if default in (None, "", ()):
        return "none"
    if isinstance(default, ByteSize):
        return f"`{default.human_readable(separator='')}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def rules(severity: Severity) -> Iterable[tuple[str, str]]:
    """Codes and explanations of one severity."""
    return ((f"`{rule.value}`", rule.explanation) for rule in Rule if rule.severity is severity)


def column_table(columns: Iterable[Column]) -> str:
    """Columns with their types and meanings."""
    return table(["column", "type", "meaning"], ((f"`{c.name}`", f"`{c.sql_type}`", c.meaning) for c in columns))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def page(sections: Iterable[str]) -> str:
    """Sections, a blank line between them."""
    return "\n\n".join(sections) + "\n"


def stale_pages() -> list[str]:
    """Pages that do not say what the code says."""
    return [name for name, write in PAGES.items() if not _is_current(DOCS / name, write())]


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with --check say which are stale."""
    if "--check" in arguments:
        stale = stale_pages()
        for name in stale:
            print(f"docs/{name} is stale: run `make docs`.", file=sys.stderr)
        return int(bool(stale))
    for name, write in PAGES.items():
        (DOCS / name).write_text(write(), encoding="utf-8")
        print(f"docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

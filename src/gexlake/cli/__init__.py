"""The command line: words into calls, results into tables or JSON.

    command    what all commands have in common: output, verbosity, errors, exit status
    options    options that several commands share
    terminal   stdout for data, stderr for talk
    values     numbers and times as people read them

and one module per command. Heavy modules are imported where they are used: `gexlake --help` must be quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from gexlake.cli import (
    config,
    export,
    gaps,
    gc,
    get,
    import_history,
    keys,
    lineage,
    live,
    notes,
    plot,
    publish,
    push,
    query,
    replay,
    revise,
    sample,
    scan,
    serve,
    status,
    verify,
    version,
    watch,
)
from gexlake.cli.command import app

__all__ = [
    "app",
    "command_line",
    "config",
    "export",
    "gaps",
    "gc",
    "get",
    "import_history",
    "keys",
    "lineage",
    "live",
    "main",
    "notes",
    "plot",
    "publish",
    "push",
    "query",
    "replay",
    "revise",
    "sample",
    "scan",
    "serve",
    "status",
    "verify",
    "version",
    "watch",
]


COMMANDS = (
    "get",
    "import",
    "watch",
    "scan",
    "status",
    "gaps",
    "lineage",
    "quarantine",
    "query",
    "export",
    "verify",
    "rebuild",
    "forget",
    "restore",
    "publish",
    "push",
    "gc",
    "sample",
    "serve",
    "live",
    "replay",
    "config",
    "version",
    "keys create",
    "keys list",
    "keys revoke",
    "notes list",
    "notes add",
    "notes change",
    "notes delete",
    "plot session",
    "plot profile",
)
"""All commands, in the order of `gexlake --help`: as one comes to need them, groups last."""

app.registered_commands.sort(key=lambda registered: COMMANDS.index(str(registered.name)))


@app.callback()
def gexlake(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", "-V", callback=version.show_short, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A folder of GEXBot history becomes a verified lake of DuckDB and Parquet.

    \b
    Example:
      gexlake import outputs/gex_bridge/history
      gexlake status
    """


@cache
def command_line() -> Callable[..., Any]:
    """The command with all others below it. Typer makes them anew for each call of `app`, which takes 12 ms."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and leave the process with its exit status."""
    # NumPy starts a thread per core for linear algebra, of which there is none here: it costs every process 70 ms.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what its encoding does not have is written out, and no traceback
            stream.reconfigure(errors="backslashreplace")
    command_line()(arguments, prog_name="gexlake")

"""`gexlake version` and `gexlake --version`."""

from __future__ import annotations

import platform

import typer

from gexlake._version import __version__
from gexlake.cli.command import command
from gexlake.cli.terminal import Terminal

LIBRARIES = ("duckdb", "polars", "numpy", "pydantic")


@command("version", example="gexlake version --output json")
def show_version(terminal: Terminal) -> None:
    """Show the versions of gexlake, of its lake format and of what it runs on."""
    from importlib.metadata import version

    from gexlake.db.schema import SCHEMA_VERSION

    versions = {
        "gexlake": __version__,
        "schema_version": SCHEMA_VERSION,
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
    if terminal.wants_json:
        terminal.json(versions)
    else:
        terminal.table(["name", "version"], versions.items())


def show_short(asked: bool) -> None:
    """Print one line and leave, if it was asked for."""
    if asked:
        typer.echo(f"gexlake {__version__}")
        raise typer.Exit

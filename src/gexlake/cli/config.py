"""`gexlake config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gexlake.cli.command import command
from gexlake.cli.terminal import Terminal


@command("config", example="gexlake config --output json")
def show_config(
    terminal: Terminal,
    *,
    lake: Annotated[Path | None, typer.Option("--lake", metavar="DIR", help="The lake.  [default: data]")] = None,
) -> None:
    """Show the settings of the service as they are in force, and where each came from.

    An option goes before the environment (GEXLAKE_PORT for the setting port), the environment before the file, the
    file before the default. The file is gexlake.toml in the working directory, or the one that GEXLAKE_CONFIG names.
    Secrets are masked.
    """
    from gexlake.settings import effective_settings

    effective = effective_settings({"lake": lake})
    if terminal.wants_json:
        terminal.json({setting.name: {"value": setting.value, "source": setting.source} for setting in effective})
        return
    terminal.table(
        ["setting", "value", "source"],
        ([setting.name, _shown(setting.value), setting.source] for setting in effective),
        folds=["value"],
        least=["source"],
    )


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)

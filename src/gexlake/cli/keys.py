"""`gexlake keys create`, `list` and `revoke`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gexlake.cli import values
from gexlake.cli.command import app, command
from gexlake.cli.options import DEFAULT_LAKE, LakeOption
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from gexlake.services.owner.keys import Key

group = typer.Typer(
    name="keys",
    help="Make, list and revoke API keys of a lake.\n\n\b\nExample:\n  gexlake keys create --name charts --scope read",
    short_help="Make, list and revoke API keys of a lake.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group)


class ScopeName(StrEnum):
    """What a key admits to: `services.keys.Scope`, whose module is too heavy for `gexlake --help`."""

    READ = "read"
    IMPORT = "import"
    SQL = "sql"


@command("create", group=group, example="gexlake keys create --name charts --scope read --scope sql")
def create_key(
    terminal: Terminal,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Who or what will use it.")],
    scope: Annotated[
        list[ScopeName] | None,
        typer.Option("--scope", help="What it admits to; repeatable.  [default: read]", show_default=False),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Make an API key and print it, this once: the lake keeps only its SHA-256.

    As soon as a lake has a key, its service answers only to those who have one; a running service sees it at once.
    """
    from gexlake.services.owner import keys

    key, text = keys.create_key(lake, name=name, scopes=[keys.Scope(word) for word in scope or [ScopeName.READ]])
    if terminal.wants_json:
        terminal.json(_document(key) | {"key": text})
        return
    terminal.talk(f"Key {key.id} of {lake}: {key.name}, {', '.join(key.scopes)}. It is shown this once; keep it safe.")
    sys.stdout.write(f"{text}\n")


@command("list", group=group, example="gexlake keys list")
def list_keys(terminal: Terminal, lake: LakeOption = DEFAULT_LAKE) -> None:
    """Show the API keys of a lake, the revoked ones too."""
    from gexlake.services.owner import keys

    listed = keys.list_keys(lake)
    if terminal.wants_json:
        terminal.json([_document(key) for key in listed])
        return
    terminal.table(["id", "name", "scopes", "created", "revoked"], map(_row, listed), folds=["name"], least=["created"])


@command("revoke", group=group, example="gexlake keys revoke 5f2c09aa")
def revoke_key(
    terminal: Terminal,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `gexlake keys list` shows it.")],
    *,
    lake: LakeOption = DEFAULT_LAKE,
) -> None:
    """Take an API key out of use, at once also in a running service."""
    from gexlake.services.owner import keys

    key = keys.revoke_key(lake, key_id)
    if terminal.wants_json:
        terminal.json(_document(key))
    else:
        terminal.talk(f"Key {key.id} ({key.name}) is revoked.")


def _document(key: Key) -> dict[str, Any]:
    return key.model_dump(mode="json", exclude={"sha256"})


def _row(key: Key) -> list[str]:
    revoked = values.instant(key.revoked) if key.revoked else ""
    return [key.id, key.name, ", ".join(key.scopes), values.instant(key.created_at), revoked]

"""What all commands have in common: output, verbosity, errors and exit status.

Exit status: 0 done; 1 findings, or the work could not be done; 2 the command line is wrong.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, Concatenate

import typer
from typer.core import TyperGroup

from gexlake.cli.terminal import Output, Terminal
from gexlake.errors import GexlakeError
from gexlake.models.text import plain
from gexlake.services.processes.interrupts import kept_interrupts, raise_when_interrupted

OTHER_WORDS = {
    "list": "status",
    "ls": "status",
    "info": "status",
    "show": "status",
    "check": "verify",
    "repair": "verify --repair",
    "sql": "query",
    "dump": "export",
    "server": "serve",
    "delete": "forget",
    "remove": "forget",
    "undo": "restore",
    "missing": "gaps",
    "iceberg": "publish",
    "mirror": "push",
    "backup": "push",
    "note": "notes add",
    "annotate": "notes add",
}
"""What people try first -> the command that does it."""


class Commands(TyperGroup):
    """The commands; what somebody typed is named in errors as text that does not act on a terminal."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with _plain_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        with _plain_errors():
            return super().invoke(*arguments, **options)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was named; a word that others use for one is answered with ours."""
        if args and args[0] in OTHER_WORDS and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {OTHER_WORDS[args[0]]!r}?")
        return super().resolve_command(ctx, args)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        error.message = plain(error.message)
        raise


app = typer.Typer(
    name="gexlake",
    cls=Commands,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help would double the time that `gexlake --help` takes
    context_settings={"help_option_names": ["-h", "--help"]},
)

Run = Callable[Concatenate[Terminal, ...], int | None]
"""A command: a terminal and its own options in, the exit status out (None is 0)."""

_Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Show everything.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only data and errors.")]
_Traceback = Annotated[bool, typer.Option("--traceback", help="On an error, show where in the code it arose.")]


def command(
    name: str, *, example: str, outputs: type[StrEnum] | None = Output, group: typer.Typer = app
) -> Callable[[Run], Run]:
    """Make a function a command, perhaps of a group; its docstring is the help, and `example` a line to paste.

    The function's first parameter is the terminal, the others are options as Typer reads them. Added to each are
    --output (one of `outputs`; None for a command whose --output is its own), --verbose, --quiet and --traceback.
    """
    shared = [
        inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=0, annotation=_Verbose),
        inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Quiet),
        inspect.Parameter("traceback", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Traceback),
    ]
    if outputs is not None:
        output = Annotated[outputs, typer.Option("--output", "-o", help="Form of the data on stdout.")]  # type: ignore[valid-type]
        form = inspect.Parameter(
            "output", inspect.Parameter.KEYWORD_ONLY, default=next(iter(outputs)), annotation=output
        )
        shared.insert(0, form)

    def register(run: Run) -> Run:
        _, *own = inspect.signature(run, eval_str=True).parameters.values()
        parameters = [*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *shared]

        def invoke(*, verbose: int, quiet: bool, traceback: bool, **options: Any) -> None:
            form = Output.TABLE if outputs is None else options.pop("output")
            terminal = Terminal(form, -1 if quiet else verbose)
            status = _status_of(run, terminal, options, traceback=traceback)
            # Raised out here, where nothing holds on to an error: DuckDB complains of what is alive at exit.
            raise typer.Exit(status)

        invoke.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        summary, _, _ = (inspect.getdoc(run) or "").partition("\n")
        group.command(name, help=_help(run, example), short_help=summary)(invoke)
        return run

    return register


def _help(run: Run, example: str) -> str:
    lines = "\n".join(f"  {line}" for line in example.splitlines())
    return f"{inspect.getdoc(run)}\n\n\b\nExample:\n{lines}"


def _status_of(run: Run, terminal: Terminal, options: dict[str, Any], *, traceback: bool) -> int:
    try:
        raise_when_interrupted()
        with kept_interrupts():
            status = run(terminal, **options) or 0
        sys.stdout.flush()  # a broken pipe shows here, where it is handled, and not at exit
    except GexlakeError as error:
        if traceback:
            raise
        terminal.complain(error.message, error.hint)
        return error.exit_status
    except KeyboardInterrupt:
        if traceback:
            raise
        terminal.complain("Interrupted.")
        return 1
    return status

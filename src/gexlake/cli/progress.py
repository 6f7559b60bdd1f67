"""How long work is getting on: a bar where stderr is a terminal, a line now and then where it is not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from gexlake.cli import values
from gexlake.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.table import Table

    from gexlake.models.import_order import OnProgress, Progress
    from gexlake.models.report import FileResult
    from gexlake.models.verify_report import SessionProgress
    from gexlake.services.getting.order import GetProgress

MAX_CODES = 4
SECONDS_BETWEEN_LINES = 10.0
BAR_WIDTH = 20


class Position(NamedTuple):
    """Where some work is: `items` and `note` in words, bytes done out of a total, if that is known."""

    items: str
    bytes_done: int
    bytes_total: int | None
    note: str = ""


Show = Callable[[Position], None]


# ---- what is watched -------------------------------------------------------------------------------------------------


@contextmanager
def import_progress(terminal: Terminal) -> Iterator[OnProgress | None]:
    """What an import calls to be watched; None where the terminal is to be quiet."""
    with _display(terminal) as show:
        yield None if show is None else _ImportWatcher(terminal, show).watch


@contextmanager
def session_progress(terminal: Terminal) -> Iterator[Callable[[SessionProgress], None] | None]:
    """What verify and rebuild call to be watched; None where the terminal is to be quiet."""
    with _display(terminal) as show:
        yield None if show is None else lambda progress: show(_session_position(progress))


@contextmanager
def download_progress(terminal: Terminal) -> Iterator[Callable[[GetProgress], None] | None]:
    """What a download calls to be watched; how many bytes will come nobody knows."""
    with _display(terminal) as show:
        yield None if show is None else lambda progress: show(_download_position(progress))


class _ImportWatcher:
    """Shows the position, and names each damaged file as soon as it is known."""

    def __init__(self, terminal: Terminal, show: Show) -> None:
        self._terminal = terminal
        self._show = show
        self._named = 0

    def watch(self, progress: Progress) -> None:
        for result in progress.damaged[self._named :]:
            self._terminal.talk(_damage(result), style="yellow")
        self._named = len(progress.damaged)
        self._show(_import_position(progress))


def _import_position(progress: Progress) -> Position:
    return Position(
        items=f"{progress.files_done:,} of {values.plural(progress.files_total, 'file')}",
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_total,
        note=values.plural(progress.records_imported, "snapshot"),
    )


def _session_position(progress: SessionProgress) -> Position:
    return Position(
        items=f"{progress.sessions_done:,} of {values.plural(progress.sessions_total, 'session')}",
        bytes_done=progress.bytes_done,
        bytes_total=progress.bytes_total,
    )


def _download_position(progress: GetProgress) -> Position:
    return Position(
        items=f"{progress.files_done:,} of {values.plural(progress.files_total, 'file')}",
        bytes_done=progress.bytes_done,
        bytes_total=None,
    )


def _damage(result: FileResult) -> str:
    return f"{result.status.value}: {result.source_file}: {result.message or codes_text(result.errors)}"


def codes_text(counts: dict[str, int]) -> str:
    """The commonest codes with their counts, in one line."""
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    text = ", ".join(f"{code} {number:,}" for code, number in ranked[:MAX_CODES])
    return f"{text} and {len(ranked) - MAX_CODES} more" if len(ranked) > MAX_CODES else text


# ---- where it is shown -----------------------------------------------------------------------------------------------


@contextmanager
def _display(terminal: Terminal) -> Iterator[Show | None]:
    if terminal.quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(terminal) as bar:
            task = bar.add_task("scanning", total=None, note="")
            yield lambda position: bar.update(
                task,
                description=position.items,
                total=position.bytes_total,
                completed=min(position.bytes_done, position.bytes_total or position.bytes_done),
                note=position.note,
            )
    else:
        yield _Lines(terminal).show


def _bar(terminal: Terminal) -> Bar:
    from rich import progress as rich
    from rich.measure import Measurement

    items, done = rich.TextColumn("{task.description}", markup=False), rich.DownloadColumn()
    speed, note = rich.TransferSpeedColumn(), rich.TextColumn("{task.fields[note]}", markup=False)
    left, bar = rich.TimeRemainingColumn(), rich.BarColumn(bar_width=BAR_WIDTH)
    parts: tuple[rich.ProgressColumn, ...] = (items, bar, done, speed, note, left)
    by_weight: tuple[rich.ProgressColumn, ...] = (items, done, note, left, speed, bar)

    class FittingBar(rich.Progress):
        """A bar in one line: of the parts that do not fit beside each other those of the least weight are left out."""

        def make_tasks_table(self, tasks: Iterable[rich.Task]) -> Table:
            listed = list(tasks)
            if listed:  # before the first there is no console either
                self.columns = self._fitting(listed)
            return super().make_tasks_table(listed)

        def _fitting(self, tasks: list[rich.Task]) -> tuple[rich.ProgressColumn | str, ...]:
            fitting: set[rich.ProgressColumn] = set()
            room = self.console.width + 1
            for part in by_weight:
                texts = [Measurement.get(self.console, self.console.options, part(task)) for task in tasks]
                width = 1 + max(text.maximum for text in texts)
                if 1 < width <= room:
                    fitting.add(part)
                    room -= width
            return tuple(part for part in parts if part in fitting)

    return FittingBar(*parts, console=terminal.talk_console, transient=True)


class _Lines:
    """Writes a line every ten seconds."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._started = self._last = time.monotonic()

    def show(self, position: Position) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._terminal.talk(position_line(position, now - self._started))


def position_line(position: Position, elapsed_seconds: float) -> str:
    """One line of where the work is, how fast it goes and how long it will take."""
    rate = position.bytes_done / elapsed_seconds if elapsed_seconds else 0.0
    total = position.bytes_total
    parts = [
        position.items,
        f"{values.size(position.bytes_done)}" + ("" if total is None else f" of {values.size(total)}"),
        f"{values.size(rate)}/s",
        position.note,
    ]
    if rate and total is not None:
        left = max(total - position.bytes_done, 0) / rate
        parts.append(f"about {values.seconds(round(left))} left")
    return ", ".join(part for part in parts if part)

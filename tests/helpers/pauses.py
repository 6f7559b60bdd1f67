"""Imports that wait at a chosen moment, for something else to happen first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.runner import Outcome, Runner, Running


class Paused:
    """An import that has planned its work and closed the database, and waits."""

    def __init__(self, running: Running, resume: Path) -> None:
        self.running = running
        self._resume = resume
        self._outcome: Outcome | None = None
        self._goes_on = False

    def go_on(self) -> None:
        """Let it go on."""
        if not self._goes_on:
            self._goes_on = True
            self._resume.write_text("go on")

    def resume(self) -> Outcome:
        """Let it go on; how it ended."""
        if self._outcome is None:
            self.go_on()
            self._outcome = self.running.wait()
        return self._outcome

    def ended(self) -> Outcome:
        """It was killed while it waited."""
        self._outcome = self.running.wait()
        return self._outcome

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        assert self._outcome is not None, "it waits still"
        return self._outcome


@contextmanager
def paused_import(
    runner: Runner, folder: Path, lake: Path, faults: dict[str, Any] | None = None, **options: Any
) -> Iterator[Paused]:
    """An import that waits while the block runs, unless that lets it go on before its end.

    It waits behind its plan, or with `pause_in="commit"` with the database open.
    """
    pause, resume = lake.with_name("pause"), lake.with_name("resume")
    os.mkfifo(pause)
    os.mkfifo(resume)
    running = runner.start_import(folder, lake, faults, pause=str(pause), resume=str(resume), **options)
    assert pause.read_text() == "ready"
    paused = Paused(running, resume)
    try:
        yield paused
    finally:
        paused.resume()
        pause.unlink()
        resume.unlink()

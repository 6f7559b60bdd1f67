"""An import in a process of its own, at low priority: the order on stdin, progress and report on stdout, as JSON lines.

    {"import_id": …, "sources": […], "lake": …, "options": {…}}          the order
    {"progress": {…}}  …  {"report": {…}} or {"fault": …, "message": …}   the answer

When stdin ends, because who gave the order has ended or wants it stopped, the import ends cleanly as on Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from typing import Any

from gexlake.errors import GexlakeError
from gexlake.models.import_order import ORDER, Progress
from gexlake.services.importing.import_history import import_history
from gexlake.services.owner.served import fault_document
from gexlake.services.processes.workers import NICENESS

PROGRESS_SECONDS = 0.2
STOPPED = {"fault": "Interrupted", "message": "It was stopped before it began.", "hint": ""}
DAMAGED_NAMED = 20
"""Damaged files that a progress report names; the report names all."""


def main() -> None:
    """Carry out the order on stdin."""
    text = sys.stdin.readline()
    if not text:
        _say(STOPPED)
        return
    order = ORDER.validate_json(text)
    os.nice(NICENESS)
    try:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
        report = import_history(
            order.sources, order.lake, order.options, on_progress=_Throttle(), import_id=order.import_id
        )
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # too late to stop anything but the report
        _say({"report": report.model_dump(mode="json")})
    except GexlakeError as error:
        _say(fault_document(error))
    except KeyboardInterrupt:
        _say(STOPPED)


class _Throttle:
    """Reports progress a few times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_SECONDS
            shown = replace(progress, damaged=[])
            damaged = [result.model_dump(mode="json") for result in progress.damaged[:DAMAGED_NAMED]]
            _say({"progress": {**asdict(shown), "damaged": damaged}})


def _say(document: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(document) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody listens any more; stdin has ended as well
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for as long as the process lives


def _stop_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()

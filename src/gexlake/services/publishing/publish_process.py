"""Publishing as commits come, in a process of its own, at low priority: the order on stdin, what came of it on stdout.

    {"lake": …, "order": {…}}                                            the order
    {"report": {…}} | {"fault": …, "message": …, "hint": …}  …           a line each time something was tried

It ends when stdin does, because who gave the order has ended or wants it stopped. What it was at is taken up again by
the next. In the process that answers requests it would hold them up: the library is Python, and takes its time.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gexlake.errors import CatalogError, GexlakeError
from gexlake.models.publishing import PublishOrder
from gexlake.services.owner.served import fault_document
from gexlake.services.processes.workers import NICENESS
from gexlake.services.publishing.publish import iter_published


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A lake whose commits are to be published as they come."""

    lake: Path
    order: PublishOrder


STANDING_ORDER = TypeAdapter(StandingOrder)


def main() -> None:
    """Carry out the order on stdin."""
    text = sys.stdin.readline()
    if not text:
        return
    standing, stop = STANDING_ORDER.validate_json(text), threading.Event()
    os.nice(NICENESS)
    threading.Thread(target=_stop_with_stdin, args=(stop,), daemon=True).start()
    try:
        for report in iter_published(standing.lake, standing.order, stop):
            if isinstance(report, CatalogError):
                _say(fault_document(report))
            else:
                _say({"report": report.model_dump(mode="json")})
    except GexlakeError as error:
        _say(fault_document(error))


def _say(document: dict[str, Any]) -> None:
    try:
        print(json.dumps(document), flush=True)  # noqa: T201 - this is what stdout is for here
    except BrokenPipeError:  # nobody listens any more; stdin has ended as well
        os._exit(0)


def _stop_with_stdin(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


if __name__ == "__main__":
    main()

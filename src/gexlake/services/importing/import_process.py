"""An import in a process of its own, see `services.processes.orders`."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

from gexlake.models.import_order import ORDER, ImportOrder, Progress
from gexlake.models.report import ImportReport
from gexlake.services.importing.import_history import import_history
from gexlake.services.processes.orders import carry_out, say

PROGRESS_SECONDS = 0.2
DAMAGED_NAMED = 20
"""Damaged files that a progress report names; the report names all."""


def _import(order: ImportOrder) -> ImportReport:
    return import_history(order.sources, order.lake, order.options, on_progress=_Throttle(), import_id=order.import_id)


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
            say({"progress": {**asdict(shown), "damaged": damaged}})


if __name__ == "__main__":
    carry_out(ORDER.validate_json, _import)

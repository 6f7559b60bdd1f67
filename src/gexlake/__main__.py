"""`gexlake`, and `python -m gexlake`."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from gexlake.services.processes.interrupts import end_when_interrupted

LIVE_OBJECTS = 50_000
"""So many more of them, and the collector looks for cycles: while modules are loaded there are none to find, and
looking takes an eighth of the time."""


def main() -> None:
    """Run a command and leave the process with its exit status."""
    end_when_interrupted()
    gc.set_threshold(LIVE_OBJECTS)
    if sys.argv[1:2] == ["import"]:
        _start_workers_early(sys.argv[2:])
    from gexlake.cli import main as run

    run()


def _start_workers_early(arguments: list[str]) -> None:
    """Load what workers need beside what the command line needs: for a large first import that is a tenth of its time.

    The arguments are not understood yet. A wrong guess here makes nothing wrong.
    """
    from gexlake.services.processes.pool import start_server_early

    words = [word for argument in arguments for word in argument.split("=", 1)]
    after = words.index("--lake") + 1 if "--lake" in words else len(words)
    lake = words[after] if after < len(words) else os.environ.get("GEXLAKE_LAKE", "data")
    places = [Path(word) for word in words[:after] + words[after + 1 :] if not word.startswith("-")]
    start_server_early(places, Path(lake))


if __name__ == "__main__":
    main()

"""Runs a program that leaves others running, and ends all of them when its own stdin ends: when the test has ended,
however it did. Then it removes the folder that it was given.

Called as `python -m helpers.keeper FOLDER PROGRAM WORDS…`; it writes a line once the program has ended well, and has it
try again where it has not.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

from helpers.processes import descendants

PR_SET_CHILD_SUBREAPER = 36


def main(folder: str, *program: str) -> None:
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError("whoever is left behind would be another's")
    try:
        while subprocess.run(program, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode:
            end_all()
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)


def end_all() -> None:
    """SIGKILL to all below, also to what they start meanwhile."""
    while below := descendants(os.getpid()):
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

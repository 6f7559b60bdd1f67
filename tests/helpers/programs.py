"""The command line as real processes, each forked from one that has everything imported, see `forks`.

    Program(["status", "--lake", lake], stdout=subprocess.PIPE, text=True)

is what `subprocess.Popen([sys.executable, "-m", "gexlake", "status", …], …)` is, for a fifth of the time. Tests of how
a program begins and ends start it cold: `cold`.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

from helpers.runner import python_path

READ_AT_THE_START = re.compile("PYTHON.*|LC_.*|LANG|LANGUAGE|LD_.*")
"""Of the environment, by the interpreter and by the system: what is forked has what its origin had."""

NOT_HERE = ("executable", "preexec_fn", "pass_fds", "shell", "gid", "gids", "uid")
PIPE_ENDS = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


class Program(subprocess.Popen[Any]):
    """A running `gexlake`, with the words of its command line; options as those of `subprocess.Popen`."""

    def __init__(self, words: Iterable[str | Path], **options: Any) -> None:
        self._report = -1
        super().__init__([str(word) for word in words], **options)

    def _execute_child(self, *given: Any) -> None:
        options = signature(subprocess.Popen._execute_child).bind(self, *given).arguments  # type: ignore[attr-defined]
        assert not any(options[name] for name in NOT_HERE), "not for what is forked"
        environment = dict(os.environ if options["env"] is None else options["env"])
        origin, orders = _origin()
        assert _at_the_start(environment) == origin, "start it cold"
        order = {
            "words": options["args"],
            "environment": environment,
            "folder": str(options["cwd"] or Path.cwd()),
            "umask": _umask(),
            "new_session": options["start_new_session"],
        }
        self._report, report = os.pipe()
        ends = [options[name] for name in PIPE_ENDS]
        streams = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]
        try:
            socket.send_fds(orders, [json.dumps(order).encode()], [*streams, report])
        finally:
            os.close(report)
            self._close_pipe_fds(*ends)  # type: ignore[attr-defined]
        self.pid = self._number()
        self._child_created = True

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._report != -1 and select.select([self._report], [], [], 0)[0]:
            self._end()
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self._end()
        return self.returncode

    def _end(self) -> None:
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:  # no other thread has waited
                self.returncode = self._number()
                os.close(self._report)
                self._report = -1

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self._report, 1)
            assert byte, "the process that forks for the tests has died"
            line += byte
        return int(line)


def cold(words: Iterable[str | Path], **options: Any) -> subprocess.Popen[Any]:
    """A `gexlake` that has to load everything by itself."""
    return subprocess.Popen([sys.executable, "-m", "gexlake", *map(str, words)], **options)


def run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """From beginning to end, with what it writes; options as those of `Program`."""
    with Program(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as program:
        out, err = program.communicate()
    return subprocess.CompletedProcess(program.args, program.returncode, out, err)


@cache
def _origin() -> tuple[dict[str, str], socket.socket]:
    """What the process that forks has read at its start, and where it takes orders; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = os.environ | {"PYTHONPATH": python_path()}
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.forks", str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()]
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return _at_the_start(os.environ), ours


def _at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if READ_AT_THE_START.fullmatch(name)}


def _umask() -> int:
    found = re.search(r"^Umask:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1], 8)

"""Forks a process per command, with all imported that commands need: a real process for the price of a fork.

Reads commands from stdin, one JSON document a line, and answers each with two lines: the process id at once, and what
became of it at its end. Every process leads a group of its own, so that it can be killed with all its workers.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from helpers.commands import run

LOADED = (
    "arro3.core",
    "duckdb",
    "gexlake.importers.snapshots.check",
    "gexlake.importers.snapshots.reader",
    "gexlake.services.importing.import_history",
    "gexlake.services.processes.workers",
    "gexlake.services.upkeep.rebuild",
    "gexlake.services.upkeep.revise",
    "gexlake.services.upkeep.verify",
    "helpers.lakes",
    "numpy.ma",
    "polars._utils.parquet",
)
"""What nearly every command needs: all of gexlake takes four times as long, and several of these processes start."""


@contextmanager
def loading() -> Iterator[None]:
    """Within the block all is imported that forks share; the collector need not look through it, then or later."""
    gc.disable()
    yield
    _warm_up()
    gc.freeze()
    gc.enable()


def _warm_up() -> None:
    """What DuckDB makes once in a process, the grammar of its parser above all; no thread of it stays."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SELECT 1").fetchall()


def serve() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(command, out_end, err_end)
        os.close(out_end)
        os.close(err_end)
        _answer({"pid": pid})
        texts = _read_all(out, err)
        _, status, usage = os.wait4(pid, 0)
        ended = {"status": os.waitstatus_to_exitcode(status), "peak_bytes": usage.ru_maxrss * 1024}
        _answer({**ended, "out": texts[out], "err": texts[err]})


def _become(command: dict[str, Any], out: int, err: int) -> None:
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    for descriptor in (out, err):
        os.close(descriptor)
    status = 70
    try:
        status = run(command)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _answer(document: dict[str, Any]) -> None:
    os.write(ANSWERS, json.dumps(document).encode() + b"\n")


def _read_all(*descriptors: int) -> dict[int, str]:
    import selectors

    texts = dict.fromkeys(descriptors, b"")
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, 1 << 16)
                if data:
                    texts[key.fd] += data
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return {descriptor: text.decode(errors="replace") for descriptor, text in texts.items()}


if __name__ == "__main__":
    ANSWERS = os.dup(1)
    os.dup2(2, 1)
    with loading():
        for module in LOADED:
            importlib.import_module(module)
    serve()

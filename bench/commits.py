"""Commit small staged sessions: `python -m bench.commits stage LAKE SESSIONS`, then `commit` or `serve LAKE COPY`.

`stage` makes a lake in which so many sessions are staged and none is committed; it is kept, and each run takes a copy
of it. `commit` commits them in this process. `serve` has a service commit them while this process asks that for
snapshots of a session that it has, over one connection. Prints what it took as JSON. All of it is synthetic.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

from gexlake.db.database import open_database
from gexlake.db.layout import LakeLayout
from gexlake.db.recovery import LOCK_NAME, staging_area
from gexlake.models.import_order import ImportOptions, new_import_id
from gexlake.models.staged import Outcome
from gexlake.sample import write_sample
from gexlake.scanner import scan
from gexlake.services.importing.commits import commit_staged, register_import
from gexlake.services.importing.import_history import import_history
from gexlake.services.importing.plan import Planner
from gexlake.services.importing.stage import stage_sources
from gexlake.services.processes.workers import WorkerThreads

GEXLAKE = str(Path(sys.executable).with_name("gexlake"))
TICKERS = ("NQ_NDX", "ES_SPX", "SPX", "NDX")
SNAPSHOTS, STRIKES = 20, 9
ASKED_TICKER, ASKED_SNAPSHOTS = "QQQ", 2000
PORT = 8995
NAMES = "names.json"
READY_SECONDS = 30
QUIET_SECONDS = 5


def stage(lake: Path, sessions: int) -> None:
    """Import one session to ask for, and stage the others."""
    shutil.rmtree(lake, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        asked, small = Path(folder) / "asked", Path(folder) / "small"
        write_sample(asked, sessions=1, tickers=[ASKED_TICKER], snapshots=ASKED_SNAPSHOTS)
        import_history(asked, lake)
        each = -(-sessions // len(TICKERS))
        write_sample(small, sessions=each, tickers=list(TICKERS), snapshots=SNAPSHOTS, strikes=STRIKES)
        layout, import_id, started = LakeLayout(lake), new_import_id(), datetime.now(UTC)
        with ExitStack() as stack:
            area = stack.enter_context(staging_area(layout, import_id))
            states = register_import(lake, import_id, [str(small)], started)
            planner = Planner(
                import_id,
                lake,
                ImportOptions(),
                started=started,
                area=area,
                found=scan([small]),
                states=states,
            )
            groups = [stage_sources(task) for task in planner.plan(WorkerThreads(1), on_tick=lambda: None).tasks]
            names = [[str(one.directory.relative_to(layout.staging)) for one in g if one.directory] for g in groups]
            (lake / NAMES).write_text(json.dumps(names))
            stack.pop_all()  # what is staged stays


def commit(lake: Path) -> dict[str, float]:
    """Commit all that is staged."""
    groups = json.loads((lake / NAMES).read_text())
    started = time.perf_counter()
    outcomes = commit_staged(lake, groups)
    seconds = time.perf_counter() - started
    if set(outcomes) != {Outcome.COMMITTED}:
        sys.exit("Not all that was staged was committed.")
    return {"sessions": len(outcomes), "seconds": seconds}


def commit_by_service(lake: Path) -> dict[str, float]:
    """Have a service commit all while snapshots are asked for, as they were for a while before."""
    second = first_second(lake)
    with serving(lake):
        with asking(second) as quiet:
            time.sleep(QUIET_SECONDS)
        with asking(second) as beside:
            found = commit(lake)
    return found | _percentiles("quiet", quiet) | _percentiles("beside", beside)


@contextmanager
def asking(second: int) -> Iterator[list[float]]:
    """Ask for snapshots for as long as the block lasts; the seconds that each answer took."""
    stop, latencies = threading.Event(), list[float]()
    reader = threading.Thread(target=ask, args=(second, stop, latencies))
    reader.start()
    try:
        yield latencies
    finally:
        stop.set()
        reader.join()


def _percentiles(name: str, latencies: list[float]) -> dict[str, float]:
    milliseconds = sorted(1000 * one for one in latencies)
    return {
        f"{name}_reads": len(milliseconds),
        f"{name}_p50_ms": statistics.median(milliseconds),
        f"{name}_p99_ms": milliseconds[int(0.99 * len(milliseconds))],
        f"{name}_longest_ms": milliseconds[-1],
    }


@contextmanager
def serving(lake: Path) -> Iterator[None]:
    """A service of the lake, ended at the end of the block."""
    environment = {**os.environ, "GEXLAKE_RATE_LIMIT": "", "GEXLAKE_ACCESS_LOG": "false"}
    command = [GEXLAKE, "serve", "--lake", str(lake), "--port", str(PORT)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            deadline = time.monotonic() + READY_SECONDS
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=1):
                        break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        log.seek(0)
                        sys.exit(log.read().decode(errors="replace"))
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait()


def first_second(lake: Path) -> int:
    """Of the session that is asked for, the only one that the lake has yet."""
    with open_database(LakeLayout(lake), write=False) as connection:
        rows = connection.execute("SELECT epoch(first_timestamp)::BIGINT FROM sessions").fetchall()
    return int(rows[0][0])


def ask(second: int, stop: threading.Event, latencies: list[float]) -> None:
    """Ask for one snapshot after another, each of another second, until told to stop."""
    connection = HTTPConnection("127.0.0.1", PORT)
    number = 0
    while not stop.is_set():
        number += 1
        started = time.perf_counter()
        connection.request("GET", f"/gex/at?symbol={ASKED_TICKER}&timestamp={second + number * 7 % ASKED_SNAPSHOTS}")
        answer = connection.getresponse()
        body = answer.read()
        latencies.append(time.perf_counter() - started)
        assert answer.status == 200, body
        time.sleep(0.001)
    connection.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.commits", description=__doc__)
    parser.add_argument("do", choices=("stage", "commit", "serve"))
    parser.add_argument("lake", type=Path)
    parser.add_argument("rest")
    options = parser.parse_args()
    if options.do == "stage":
        stage(options.lake, int(options.rest))
        return
    copy = Path(options.rest)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(options.lake, copy)
    os.sync()
    (lock,) = LakeLayout(copy).staging.glob(f"*/{LOCK_NAME}")
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as its import does: else a service would settle it at once
        result = (commit if options.do == "commit" else commit_by_service)(copy)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

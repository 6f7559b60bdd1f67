"""What a cluster does for an import, with a scheduler and one and two workers on this machine; and, from that, what
history of many feeds and years would take: `python -m bench.cluster --feed-years 10000 --cores 8,100,1000`.

The second table is a product of the first, not a run: nothing in it was seen.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.data import DataSets, bytes_below
from bench.timing import ROOT

DASK = Path(sys.executable).with_name("dask")
SESSIONS_A_YEAR = 252
EMPTY_TASKS = 500
WORKERS = (1, 2)


@dataclass(frozen=True, slots=True)
class Constants:
    """What was measured; sizes and times are of one session."""

    source_bytes: float
    parquet_bytes: float
    database_bytes: float
    strike_rows: float
    snapshots: float
    stage_cpu_seconds: float
    commit_seconds: float
    task_seconds: float
    import_seconds: dict[int, float]
    """By workers of the cluster, the seconds of the whole import."""


# ---- measured --------------------------------------------------------------------------------------------------------


def measure(work: Path, sessions: int) -> Constants:
    """Stage and commit here, one session after the other; then the same files on a cluster."""
    folder = DataSets(work, _say).sessions(sessions)
    lake = work / "outputs" / "cluster"
    stage_seconds, commit_seconds, totals = _stage_and_commit(folder, lake)
    sizes = _sizes(lake)
    imports, task_seconds = {}, 0.0
    for workers in WORKERS:
        with _cluster(work, workers) as address:
            task_seconds = _empty_task(address)
            imports[workers] = _import(folder, lake, address)
    shutil.rmtree(lake)
    return Constants(
        source_bytes=bytes_below(folder) / sessions,
        parquet_bytes=sizes[0] / sessions,
        database_bytes=sizes[1] / sessions,
        strike_rows=totals[1] / sessions,
        snapshots=totals[0] / sessions,
        stage_cpu_seconds=stage_seconds / sessions,
        commit_seconds=commit_seconds / sessions,
        task_seconds=task_seconds,
        import_seconds=imports,
    )


def _stage_and_commit(folder: Path, lake: Path) -> tuple[float, float, tuple[int, int]]:
    """Processor seconds of staging, seconds of committing it all in one call, and snapshots and strike rows."""
    from gexlake.models.import_order import ImportOptions
    from gexlake.services.importing import import_history as module
    from gexlake.services.processes import workers

    shutil.rmtree(lake, ignore_errors=True)
    spent = {"stage": 0.0, "commit": 0.0}
    stage, commit = module.stage_sources, module.commit_staged

    def timed_stage(*args: object, **options: object) -> object:
        before = time.process_time()
        try:
            return stage(*args, **options)  # type: ignore[arg-type]
        finally:
            spent["stage"] += time.process_time() - before

    def timed_commit(*args: object) -> object:
        before = time.perf_counter()
        try:
            return commit(*args)  # type: ignore[arg-type]
        finally:
            spent["commit"] += time.perf_counter() - before

    workers.INLINE_BYTES = sys.maxsize
    module.stage_sources, module.commit_staged = timed_stage, timed_commit  # type: ignore[assignment]
    try:
        report = module.import_history(folder, lake, ImportOptions())
    finally:
        module.stage_sources, module.commit_staged = stage, commit
    totals = report.totals
    return spent["stage"], spent["commit"], (totals.records_imported, totals.strike_rows)


def _sizes(lake: Path) -> tuple[int, int]:
    """Bytes of the Parquet files, each counted once whatever names it has, and of the database."""
    files = {path.stat().st_ino: path.stat().st_size for path in lake.rglob("s*.parquet")}
    return sum(files.values()), sum(path.stat().st_size for path in lake.glob("gexlake.duckdb*"))


@contextmanager
def _cluster(work: Path, workers: int) -> Iterator[str]:
    """A scheduler and so many workers, each a process of its own; the address."""
    place = work / "scheduler.json"
    place.unlink(missing_ok=True)
    common = ["--no-dashboard", "--scheduler-file", str(place)]
    commands = [[DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", *common]]
    commands += [[DASK, "worker", "--nthreads", "1", "--local-directory", str(work), *common]] * workers
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    running = [subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) for words in commands]
    try:
        while not place.exists():
            time.sleep(0.05)
        address = json.loads(place.read_text())["address"]
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers)
        yield address.replace("tcp://", "dask://")
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            process.wait()


def _empty_task(address: str) -> float:
    """Seconds for each of many tasks in which nothing is done."""
    from gexlake.services.processes.cluster import ClusterWorkers

    workers = ClusterWorkers(address)
    try:
        started = time.perf_counter()
        for future in [workers.submit(_nothing, number) for number in range(EMPTY_TASKS)]:
            future.result()
        return (time.perf_counter() - started) / EMPTY_TASKS
    finally:
        workers.stop()


def _nothing(_: object, **__: object) -> None:
    return None


def _import(folder: Path, lake: Path, address: str) -> float:
    """Seconds of a whole import into a new lake, once the workers have loaded what they need."""
    from gexlake.models.import_order import ImportOptions
    from gexlake.services.importing.import_history import import_history

    for _ in range(2):
        shutil.rmtree(lake, ignore_errors=True)
        started = time.perf_counter()
        report = import_history(folder, lake, ImportOptions(cluster=address))
        seconds = time.perf_counter() - started
        assert report.acceptable, report
    return seconds


# ---- said ------------------------------------------------------------------------------------------------------------


def measured_rows(found: Constants) -> list[tuple[str, str]]:
    """The constants, in words."""
    rate = found.source_bytes / 1e6 / found.stage_cpu_seconds
    one, two = (found.import_seconds[workers] for workers in WORKERS)
    return [
        ("JSON of a session", f"{found.source_bytes / 1e6:.0f} MB, {found.snapshots:,.0f} snapshots"),
        ("Parquet of a session", f"{found.parquet_bytes / 1e6:.1f} MB, {found.strike_rows / 1e6:.2f} M strike rows"),
        ("database of a session", f"{found.database_bytes / 1e6:.2f} MB"),
        ("staging", f"{found.stage_cpu_seconds:.2f} s of a core: {rate:.0f} MB/s"),
        ("commit", f"{1000 * found.commit_seconds:.0f} ms: {1 / found.commit_seconds:.0f} sessions/s"),
        ("a task through Dask in which nothing is done", f"{1000 * found.task_seconds:.1f} ms"),
        ("import by a cluster of one worker, of two", f"{one:.1f} s, {two:.1f} s: {one / two:.2f} times as fast"),
    ]


def model_rows(found: Constants, feed_years: int, cores: Sequence[int]) -> list[tuple[str, str]]:
    """What so much history would take, if everything went as it did here."""
    sessions = feed_years * SESSIONS_A_YEAR
    core_hours = sessions * found.stage_cpu_seconds / 3600
    fed = found.stage_cpu_seconds / found.commit_seconds
    rows = [
        ("sessions", f"{sessions / 1e6:.2f} M, as many tasks, {2 * sessions / 1e6:.2f} M data files"),
        ("sources", f"{sessions * found.source_bytes / 1e12:,.1f} TB"),
        ("lake", f"{sessions * found.parquet_bytes / 1e12:,.1f} TB of Parquet"),
        ("rows", f"{sessions * found.strike_rows:.1e} of ladders, {sessions * found.snapshots:.1e} snapshots"),
        ("database", f"{sessions * found.database_bytes / 1e12:,.2f} TB"),
        ("staging", f"{core_hours:,.0f} core hours"),
        ("commits by one owner", f"{sessions * found.commit_seconds / 3600:.1f} h; it keeps up with {fed:.0f} cores"),
        ("tasks through the scheduler", f"{sessions * found.task_seconds / 60:.0f} min"),
    ]
    for count in cores:
        hours = max(core_hours / count, sessions * found.commit_seconds / 3600)
        bits = 8 * sessions * (found.source_bytes + found.parquet_bytes) / (hours * 3600)
        staged = 2 * count * found.parquet_bytes
        bound = "the cores" if count < fed else "the owner"
        rows.append(
            (
                f"on {count:,} cores",
                f"{hours:,.1f} h, bound by {bound}; {bits / 1e9:.1f} Gbit/s of shared disk, "
                f"{staged / 1e9:.1f} GB in staging at a time",
            )
        )
    return rows


def main() -> None:
    """Measure, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument("--sessions", type=int, default=4, metavar="N")
    parser.add_argument("--feed-years", type=int, default=10_000, metavar="N")
    parser.add_argument("--cores", type=lambda text: [int(word) for word in text.split(",")], default=[8, 100, 1000])
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work", help="where sources and products lie")
    options = parser.parse_args()
    found = measure(options.work.absolute(), options.sessions)
    _print(f"measured, {options.sessions} synthetic sessions", measured_rows(found))
    _print(f"{options.feed_years:,} feed-years, computed", model_rows(found, options.feed_years, options.cores))


def _print(title: str, rows: list[tuple[str, str]]) -> None:
    print(f"\n| {title} | |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()

"""Put the service under load: `python -m bench.serving --sessions 20 --seconds 10 --minutes 10 --write-docs`.

Needs wrk, and roapi for its column (`pip install roapi`). Makes its lake once, in the work directory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import product
from pathlib import Path

from bench.report import MIB, Finding, Findings, Table, machine, mebibytes, render, write_results
from bench.serving.load import Load, Question, put_under_load, quietest
from bench.timing import ROOT

GEXLAKE = str(Path(sys.executable).with_name("gexlake"))
ROAPI = str(Path(sys.executable).with_name("roapi"))
PAGE = ROOT / "docs" / "benchmarks-service.md"
PORTS = {"gexlake": 8991, "naive": 8992, "roapi": 8993}
SPAN_SECONDS = 23_000
P99_MS = 10.0
Q2_RATE = 3000.0
TIMES_NAIVE = 8.0
READY_SECONDS = 2.0
RSS_BYTES = 1024 * MIB
COLD_MS = 50.0
STARTS, TOUCHED = 5, 8
"""How often the server is started, and how many sessions are touched then."""
NEW_SESSIONS = 8
TICKER = "NQ_NDX"
ENVIRONMENT = {"GEXLAKE_RATE_LIMIT": "", "GEXLAKE_ACCESS_LOG": "false", "GEXLAKE_LOG_LEVEL": "warning"}

FEED = f"symbol={TICKER}"
QUESTIONS = {
    "q1": Question("q1 latest with ladder", f"/gex/latest?{FEED}"),
    "q2": Question("q2 as of a random second, with ladder", f"/gex/at?{FEED}&timestamp=SECOND"),
    "q3": Question("q3 1,000 snapshots without ladders", f"/gex?{FEED}&start=SECOND&limit=1000&strikes=false"),
    "q4": Question("q4 100 snapshots with ladders", f"/gex?{FEED}&start=SECOND&limit=100"),
}
LADDER = "SELECT * FROM strikes WHERE timestamp = (SELECT max(timestamp) FROM snapshots WHERE timestamp <= %s)"
ROAPI_QUESTIONS = {
    "q1": Question("q1", "/api/sql", LADDER % "now()"),
    "q2": Question("q2", "/api/sql", LADDER % "to_timestamp(SECOND)"),
    "q3": Question(
        "q3",
        "/api/sql",
        "SELECT * FROM snapshots WHERE timestamp >= to_timestamp(SECOND) ORDER BY timestamp LIMIT 1000",
    ),
}


def main() -> None:
    """Measure, and print the results as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, metavar="N")
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="of each load")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="of the long load, for growth")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work" / "serving")
    parser.add_argument("--write-docs", action="store_true", help=f"put the results into docs/{PAGE.name} as well")
    options = parser.parse_args()
    machine_line = machine()
    lake = make_lake(options.work.absolute(), options.sessions)
    starts = session_starts(lake)
    results = [measure_questions(lake, starts, options.seconds), measure_import(lake, starts, options.work.absolute())]
    if options.minutes:
        results.append(measure_growth(lake, starts, options.minutes))
    asked = f"--sessions {options.sessions} --seconds {options.seconds} --minutes {options.minutes:g}"
    report = render(f"python -m bench.serving {asked}", machine_line, results)
    print(report)
    if options.write_docs:
        write_results(PAGE, report)


# ---- the lake ------------------------------------------------------------------------------------------------------


def make_lake(work: Path, sessions: int) -> Path:
    """A lake of synthetic sessions; the history beside it has some more, which are not imported."""
    lake, history = work / f"lake-{sessions}", work / f"history-{sessions}"
    if not (lake / "whole").exists():
        _say(f"making a lake of {sessions} synthetic sessions")
        _run(GEXLAKE, "sample", str(history), "--sessions", str(sessions + NEW_SESSIONS), "-q")
        _run(GEXLAKE, "import", *map(str, sorted(history.glob("*.json"))[:sessions]), "--lake", str(lake), "-q")
        (lake / "whole").touch()
    return lake


def session_starts(lake: Path) -> list[int]:
    """The second in which each session begins."""
    done = subprocess.run(
        [GEXLAKE, "query", "SELECT first_timestamp FROM sessions ORDER BY 1", "--lake", str(lake), "-o", "json"],
        capture_output=True,
        check=True,
    )
    return [int(datetime.fromisoformat(row["first_timestamp"]).timestamp()) for row in json.loads(done.stdout)]


# ---- servers -------------------------------------------------------------------------------------------------------


@contextmanager
def running(name: str, lake: Path) -> Iterator[tuple[str, int, float]]:
    """A server over the lake: its URL, its process and the seconds until it was ready."""
    port = PORTS[name]
    url = f"http://127.0.0.1:{port}"
    snapshots = f"{lake}/gex/snapshots/"
    commands = {
        "gexlake": [GEXLAKE, "serve", "--lake", str(lake), "--port", str(port), "-q"],
        "naive": [sys.executable, "-m", "bench.serving.naive_app", str(lake), str(port)],
        "roapi": [
            ROAPI,
            "--addr-http",
            f"127.0.0.1:{port}",
            *(
                word
                for table in ("snapshots", "strikes")
                for word in ("--table", f"{table}={snapshots.replace('snapshots', table)},format=parquet")
            ),
        ],
    }
    probe = {"gexlake": "/ready", "naive": f"/gex/latest?{FEED}", "roapi": "/health"}[name]
    started = time.perf_counter()
    process = subprocess.Popen(commands[name], cwd=ROOT, env={**os.environ, **ENVIRONMENT})
    try:
        while not _answers(url + probe):
            if process.poll() is not None:
                sys.exit(f"{name} ended with {process.returncode}")
            time.sleep(0.02)
        yield url, process.pid, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def anonymous_bytes(pid: int) -> int:
    """Memory of a process that no file stands behind."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)


# ---- measurements --------------------------------------------------------------------------------------------------


def load_all(lake: Path, starts: Sequence[int], seconds: int) -> tuple[dict[tuple[str, str, int], Load], int]:
    """What each load has shown, by server, question and number of clients; and our anonymous memory after ours."""
    loads: dict[tuple[str, str, int], Load] = {}
    memory = 0
    for name in [name for name in PORTS if name != "roapi" or Path(ROAPI).exists()]:
        with running(name, lake) as (url, pid, _):
            if name == "gexlake":
                warm_up(url, starts)
            questions = ROAPI_QUESTIONS if name == "roapi" else QUESTIONS
            for (key, question), connections in product(questions.items(), (16, 1)):
                _say(f"{name}, {question.name}, {connections} clients")
                ask = partial(put_under_load, url, question, starts, span=SPAN_SECONDS)
                loads[name, key, connections] = quietest(partial(ask, connections=connections, seconds=seconds))
            if name == "gexlake":
                memory = anonymous_bytes(pid)
    return loads, memory


def measure_questions(lake: Path, starts: Sequence[int], seconds: int) -> Findings:
    """Every question to every server, 16 clients and one."""
    ready_seconds, cold_ms = measure_starts(lake, starts)
    loads, memory = load_all(lake, starts, seconds)
    ours = {
        key: loads["gexlake", key, connections] for key, connections in (("q1", 16), ("q2", 16), ("q3", 16), ("q4", 1))
    }
    times_naive = ours["q2"].rate / loads["naive", "q2", 16].rate
    failures = sum(load.failures for (name, _, _), load in loads.items() if name == "gexlake")
    findings = [
        *(
            Finding(
                f"{key}: p99 with {'1 client' if key == 'q4' else '16 clients'}",
                f"{load.p99_ms:.1f} ms",
                "< 10 ms",
                load.p99_ms < P99_MS,
            )
            for key, load in ours.items()
        ),
        Finding("q2: requests per second", f"{ours['q2'].rate:,.0f}", ">= 3,000", ours["q2"].rate >= Q2_RATE),
        Finding("q2: times the naive app", f"{times_naive:.1f}x", ">= 8x", times_naive >= TIMES_NAIVE),
        Finding(
            f"first touch of a cold session, the slowest of {TOUCHED}",
            f"{cold_ms:.0f} ms",
            "< 50 ms",
            cold_ms < COLD_MS,
        ),
        Finding("start to ready", f"{ready_seconds:.2f} s", "< 2 s", ready_seconds < READY_SECONDS),
        Finding("anonymous memory after the load", mebibytes(memory), "<= 1 GiB", memory <= RSS_BYTES),
        Finding("failed requests", str(failures), "0", not failures),
    ]
    rows = [
        [
            name,
            QUESTIONS[key].name,
            str(connections),
            f"{load.rate:,.0f}",
            f"{load.p50_ms:.2f}",
            f"{load.p99_ms:.2f}",
            str(load.failures),
            f"{load.stolen:.0%}",
        ]
        for (name, key, connections), load in loads.items()
    ]
    header = ["server", "question", "clients", "requests/s", "p50 ms", "p99 ms", "failed", "stolen"]
    return Findings(findings, [Table("Every question to every server", header, rows)])


def measure_starts(lake: Path, starts: Sequence[int]) -> tuple[float, float]:
    """Of a server whose cache is empty: seconds from its start until it is ready, and milliseconds of the slowest first
    question about a session; the medians of several starts.
    """
    ready_seconds, slowest = [], []
    for _ in range(STARTS):
        shutil.rmtree(lake / "cache", ignore_errors=True)
        with running("gexlake", lake) as (url, _, ready):
            ready_seconds.append(ready)
            spent = []
            for start in starts[:TOUCHED]:
                before = time.perf_counter()
                assert _answers(f"{url}/gex/at?{FEED}&timestamp={start + 5000}")
                spent.append((time.perf_counter() - before) * 1000)
            slowest.append(max(spent))
    return statistics.median(ready_seconds), statistics.median(slowest)


def warm_up(url: str, starts: Sequence[int]) -> None:
    """Touch every session, and wait until all are rendered."""
    _say("rendering all sessions")
    for _ in range(600):
        for start in starts:
            assert _answers(f"{url}/gex/at?{FEED}&timestamp={start + 5000}")
        with urllib.request.urlopen(f"{url}/metrics") as response:
            lines = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines() if line[0] != "#")
        if float(lines["gexlake_store_builds_waiting"]) == 0:
            return
        time.sleep(0.5)
    sys.exit("The sessions were not rendered in five minutes.")


def measure_import(lake: Path, starts: Sequence[int], work: Path) -> Findings:
    """One client beside an import of new sessions with two workers, into a copy of the lake."""
    history = work / lake.name.replace("lake", "history")
    files = [str(path) for path in sorted(history.glob("*.json"))[-NEW_SESSIONS:]]
    findings, rows = [], []
    for key in ("q1", "q2"):
        copy = work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(lake, copy)
        with running("gexlake", copy) as (url, _, _):
            warm_up(url, starts)
            importing = subprocess.Popen(
                [GEXLAKE, "import", *files, "--lake", str(copy), "--workers", "2", "-q"], stdout=subprocess.DEVNULL
            )
            load = put_under_load(url, QUESTIONS[key], starts, span=SPAN_SECONDS, connections=1, seconds=6)
            still = importing.poll() is None
            assert importing.wait(120) == 0
        findings.append(
            Finding(
                f"{key}: p99 with 1 client while an import runs",
                f"{load.p99_ms:.1f} ms, {load.failures} failed",
                "< 10 ms, 0",
                load.p99_ms < P99_MS and not load.failures,
            )
        )
        row = [QUESTIONS[key].name, f"{load.rate:,.0f}", f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}"]
        rows.append([*row, "yes" if still else "no"])
    header = ["question", "requests/s", "p50 ms", "p99 ms", "import ran to the end of it"]
    return Findings(findings, [Table("Beside an import of new sessions with two workers, one client", header, rows)])


def measure_growth(lake: Path, starts: Sequence[int], minutes: float) -> Findings:
    """Anonymous memory over a long load."""
    with running("gexlake", lake) as (url, pid, _):
        warm_up(url, starts)
        put_under_load(url, QUESTIONS["q2"], starts, span=SPAN_SECONDS, connections=16, seconds=30)
        before = anonymous_bytes(pid)
        parts = list(QUESTIONS)
        for key in parts:
            _say(f"{minutes / len(parts):g} minutes of {key}")
            put_under_load(
                url, QUESTIONS[key], starts, span=SPAN_SECONDS, connections=16, seconds=int(minutes * 60 / len(parts))
            )
        after = anonymous_bytes(pid)
    grown = after - before
    text = f"{mebibytes(before)} to {mebibytes(after)}"
    return Findings(
        [Finding(f"anonymous memory over {minutes:g} minutes of load", text, "no growth", grown < 16 * MIB)]
    )


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

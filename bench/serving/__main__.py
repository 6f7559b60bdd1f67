"""Put the service under load: `python -m bench.serving --sessions 200 --seconds 10 --minutes 10 --write-docs`.

Needs wrk, and roapi for its column (`pip install roapi`). Makes its lake once, in the work directory: half of the
sessions are of each of two feeds, and of 200 it takes 6 GB and a quarter of an hour.
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
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path

from bench.report import MIB, Finding, Findings, Table, machine, mebibytes, render, write_results
from bench.serving.frames import measure_frames, timed
from bench.serving.load import Load, Question, Start, put_under_load, quietest
from bench.timing import ROOT
from gexlake.validation.calendar import trading_days

GEXLAKE = str(Path(sys.executable).with_name("gexlake"))
ROAPI = str(Path(sys.executable).with_name("roapi"))
PAGE = ROOT / "docs" / "benchmarks-service.md"
PORTS = {"gexlake": 8991, "naive": 8992, "roapi": 8993}
CONNECTIONS = {"gexlake": (16, 4, 1)}
SPAN_SECONDS = 23_000
P99_MS = {
    ("q1", 16): 10.0,
    ("q1", 1): 3.0,
    ("q2", 16): 10.0,
    ("q2", 1): 3.0,
    ("q3", 16): 40.0,
    ("q3", 4): 10.0,
    ("q4", 16): 60.0,
    ("q4", 1): 10.0,
    ("sql", 1): 20.0,
}
"""By question and number of clients."""
BESIDE_P99_MS = 10.0
IMPORT_SECONDS = 3
"""Of load beside an import, which ends soon."""
Q2_RATE = 2000.0
READY_SECONDS = 2.0
RSS_BYTES = 512 * MIB
TOUCH_MS = 10.0
STARTS, TOUCHED = 5, 8
"""How often the server is started, and how many sessions are touched then."""
NEW_SESSIONS = 4
ROAPI_SESSIONS = 50
"""It takes all of them into memory: with 200 sessions it had 20 GB when the system ended it."""
SLICE_SESSIONS = 5
"""So many sessions of history, of each feed, lie on the disk at once while the lake is made."""
FIRST_DAY = date(2023, 1, 3)
TICKER, OTHER = "NQ_NDX", "SPX"
BEFORE = {
    ("every session asked for before", 1): "p99 < 1 ms",
    ("every session asked for before", 16): "13,500/s, p99 2.3 ms",
    ("none asked for before", 1): "105/s, p50 10.7, p99 37 ms",
    ("none asked for before", 16): "265 to 290/s, p99 126 to 141 ms",
    ("committed a second ago", 1): "p99 17.7 ms",
    ("committed a second ago", 16): "214/s, p99 144 ms",
}
"""q2 of the version that rendered sessions ahead, recorded with eight sessions; "none" had a cache for two of them."""
HEATMAPS = 20
HEATMAP_BEFORE_MS = {"NQ_NDX": "34.1", "SPX": "43.0"}
"""Of the version that rendered sessions ahead, in a pair with this one: 10.5 and 8.2 ms there."""
ENVIRONMENT = {"GEXLAKE_RATE_LIMIT": "", "GEXLAKE_ACCESS_LOG": "false", "GEXLAKE_LOG_LEVEL": "warning"}

FEED = "symbol=SYMBOL"
QUESTIONS = {
    "q1": Question("q1 latest with ladder", f"/gex/latest?{FEED}"),
    "q2": Question("q2 as of a random second, with ladder", f"/gex/at?{FEED}&timestamp=SECOND"),
    "q3": Question("q3 1,000 snapshots without ladders", f"/gex?{FEED}&start=SECOND&limit=1000&strikes=false"),
    "q4": Question("q4 100 snapshots with ladders", f"/gex?{FEED}&start=SECOND&limit=100"),
}
OURS = QUESTIONS | {"sql": Question("a small SQL statement", "/sql", '{"statement": "SELECT count(*) FROM sessions"}')}
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
    parser.add_argument("--sessions", type=int, default=200, metavar="N")
    parser.add_argument("--seconds", type=int, default=10, metavar="N", help="of each load")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="of the long load, for growth")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work" / "serving")
    parser.add_argument("--write-docs", action="store_true", help=f"put the results into docs/{PAGE.name} as well")
    options = parser.parse_args()
    machine_line = machine()
    lake = make_lake(options.work.absolute(), options.sessions)
    starts = session_starts(lake)
    results = [
        measure_questions(lake, starts, options.seconds),
        measure_states(lake, starts, options.seconds),
        measure_import(lake, starts),
        measure_frames(lake, (TICKER, OTHER)),
        measure_heatmaps(lake, starts),
    ]
    if options.minutes:
        results.append(measure_growth(lake, starts, options.minutes))
    asked = f"--sessions {options.sessions} --seconds {options.seconds} --minutes {options.minutes:g}"
    report = render(f"python -m bench.serving {asked}", machine_line, results)
    print(report)
    if options.write_docs:
        write_results(PAGE, report)


# ---- the lake ------------------------------------------------------------------------------------------------------


def warm_page_cache(lake: Path) -> None:
    """Read all that is published: what the system has let go of by now would make a load one of the disk."""
    unread = bytearray(1 << 20)
    for file in (lake / "versions").rglob("*.parquet"):
        with file.open("rb", buffering=0) as stream:
            while stream.readinto(unread):
                pass


def make_lake(work: Path, sessions: int) -> Path:
    """A lake of synthetic sessions, half of them of each feed; the history beside it has some that are not imported."""
    lake, history = work / f"lake-{sessions}", work / f"history-{sessions}"
    if not (lake / "whole").exists():
        _say(f"making a lake of {sessions} synthetic sessions")
        days = trading_days(FIRST_DAY, FIRST_DAY + timedelta(days=sessions + 60))
        for first in range(0, sessions // 2, SLICE_SESSIONS):
            count = min(SLICE_SESSIONS, sessions // 2 - first)
            _write_history(history, days[first], count, TICKER, OTHER)
            _run(GEXLAKE, "import", str(history), "--lake", str(lake), "-q")
            shutil.rmtree(history)
        _write_history(history, days[sessions // 2], NEW_SESSIONS, TICKER)
        (lake / "whole").touch()
    return lake


def _write_history(history: Path, start: date, sessions: int, *tickers: str) -> None:
    words = [word for ticker in tickers for word in ("--ticker", ticker)]
    _run(GEXLAKE, "sample", str(history), "--start", str(start), "--sessions", str(sessions), *words, "-q")


def session_starts(lake: Path) -> list[Start]:
    """Of every session, by date."""
    statement = "SELECT ticker, first_timestamp FROM sessions ORDER BY 2, 1"
    command = [GEXLAKE, "query", statement, "--lake", str(lake), "-o", "json"]
    done = subprocess.run(command, capture_output=True, check=True)
    rows = json.loads(done.stdout)
    return [Start(row["ticker"], int(datetime.fromisoformat(row["first_timestamp"]).timestamp())) for row in rows]


# ---- servers -------------------------------------------------------------------------------------------------------


@contextmanager
def running(name: str, lake: Path) -> Iterator[tuple[str, int, float]]:
    """A server over the lake, which is in the page cache: its URL, its process and the seconds until it was ready."""
    warm_page_cache(lake)
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
    probe = {"gexlake": "/ready", "naive": f"/gex/latest?symbol={TICKER}", "roapi": "/health"}[name]
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


def load_all(lake: Path, starts: Sequence[Start], seconds: int) -> tuple[dict[tuple[str, str, int], Load], int]:
    """What each load has shown, by server, question and number of clients; and our anonymous memory after ours."""
    loads: dict[tuple[str, str, int], Load] = {}
    memory = 0
    has_roapi = Path(ROAPI).exists() and len(starts) <= ROAPI_SESSIONS
    for name in [name for name in PORTS if name != "roapi" or has_roapi]:
        with running(name, lake) as (url, pid, _):
            questions = {"roapi": ROAPI_QUESTIONS, "gexlake": OURS}.get(name, QUESTIONS)
            for (key, question), connections in product(questions.items(), CONNECTIONS.get(name, (16, 1))):
                if question.path == "/sql":
                    if connections > 1:  # few statements run at once
                        continue
                    _load_once(url, question, starts, connections, 1)  # the first after a start waits for a worker
                _say(f"{name}, {question.name}, {connections} clients")
                loads[name, key, connections] = _load(url, question, starts, connections, seconds)
            if name == "gexlake":
                memory = anonymous_bytes(pid)
    return loads, memory


def _load(url: str, question: Question, starts: Sequence[Start], connections: int, seconds: int) -> Load:
    ask = partial(put_under_load, url, question, starts, span=SPAN_SECONDS, connections=connections, seconds=seconds)
    return quietest(ask)


def _p99(what: str, load: Load, bound: float) -> Finding:
    return Finding(what, f"{load.p99_ms:.1f} ms", f"< {bound:g} ms", load.rate > 0 and load.p99_ms < bound)


def measure_questions(lake: Path, starts: Sequence[Start], seconds: int) -> Findings:
    """Every question to every server."""
    ready_seconds, touch_ms = measure_starts(lake, starts)
    loads, memory = load_all(lake, starts, seconds)
    rate = loads["gexlake", "q2", 16].rate
    failures = sum(load.failures for (name, _, _), load in loads.items() if name == "gexlake")
    findings = [
        *(
            _p99(f"{key}: p99 with {count} client{'s' * (count > 1)}", loads["gexlake", key, count], bound)
            for (key, count), bound in P99_MS.items()
        ),
        Finding("q2: requests per second with 16 clients", f"{rate:,.0f}", f">= {Q2_RATE:,.0f}", rate >= Q2_RATE),
        Finding("q2: times the naive app", f"{rate / loads['naive', 'q2', 16].rate:.1f}x", "", True),
        Finding(
            f"first touch, the slowest of {TOUCHED}", f"{touch_ms:.1f} ms", f"< {TOUCH_MS:g} ms", touch_ms < TOUCH_MS
        ),
        Finding("start to ready", f"{ready_seconds:.2f} s", "< 2 s", ready_seconds < READY_SECONDS),
        Finding("anonymous memory after the load", mebibytes(memory), "<= 512 MiB", memory <= RSS_BYTES),
        Finding("failed requests", str(failures), "0", not failures),
    ]
    rows = [
        [
            name,
            OURS[key].name,
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


def measure_states(lake: Path, starts: Sequence[Start], seconds: int) -> Findings:
    """q2 to a service that has been asked before, to one that has just started, and about sessions that are new."""
    loads: dict[tuple[str, int], Load] = {}
    question = QUESTIONS["q2"]
    for connections in (1, 16):
        with running("gexlake", lake) as (url, _, _):
            loads["none asked for before", connections] = _load_once(url, question, starts, connections, seconds)
            for start in starts:
                assert _answers(f"{url}/gex/at?symbol={start.symbol}&timestamp={start.second + 5000}")
            loads["every session asked for before", connections] = _load(url, question, starts, connections, seconds)
        with copied(lake) as copy, running("gexlake", copy) as (url, _, _):
            _run(GEXLAKE, "import", str(history_of(lake)), "--lake", str(copy), "-q")
            new = session_starts(copy)[-NEW_SESSIONS:]
            loads["committed a second ago", connections] = _load_once(url, question, new, connections, seconds)
    rows = [
        [
            state,
            str(connections),
            BEFORE[state, connections],
            f"{load.rate:,.0f}/s, p50 {load.p50_ms:.2f}, p99 {load.p99_ms:.2f} ms",
        ]
        for (state, connections), load in sorted(loads.items())
    ]
    header = ["sessions", "clients", "rendered ahead (recorded)", "straight from Parquet"]
    return Findings([], [Table("q2, as of a random second, in every state of the service", header, rows)])


def _load_once(url: str, question: Question, starts: Sequence[Start], connections: int, seconds: int) -> Load:
    """A load that cannot be repeated: behind it the service is in another state."""
    return put_under_load(url, question, starts, span=SPAN_SECONDS, connections=connections, seconds=seconds)


def history_of(lake: Path) -> Path:
    """What is not imported yet."""
    return lake.with_name(lake.name.replace("lake", "history"))


@contextmanager
def copied(lake: Path) -> Iterator[Path]:
    """A lake of the same sessions, to import into: its Parquet files are links, which no import writes to."""
    copy = lake.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    for tree in ("gex", "versions"):
        shutil.copytree(lake / tree, copy / tree, copy_function=os.link)
    rest = shutil.ignore_patterns("gex", "versions", "cache", "server.json")
    shutil.copytree(lake, copy, dirs_exist_ok=True, ignore=rest)
    yield copy
    shutil.rmtree(copy)


def measure_starts(lake: Path, starts: Sequence[Start]) -> tuple[float, float]:
    """Of a server: seconds from its start until it is ready, and milliseconds of the slowest first question about a
    session; the medians of several starts.
    """
    ready_seconds, slowest = [], []
    for _ in range(STARTS):
        with running("gexlake", lake) as (url, _, ready):
            ready_seconds.append(ready)
            spent = []
            for start in starts[:TOUCHED]:
                before = time.perf_counter()
                assert _answers(f"{url}/gex/at?symbol={start.symbol}&timestamp={start.second + 5000}")
                spent.append((time.perf_counter() - before) * 1000)
            slowest.append(max(spent))
    return statistics.median(ready_seconds), statistics.median(slowest)


def measure_import(lake: Path, starts: Sequence[Start]) -> Findings:
    """One client beside an import of new sessions with two workers, into a copy of the lake."""
    findings, rows = [], []
    for key in ("q1", "q2"):
        with copied(lake) as copy, running("gexlake", copy) as (url, _, _):
            importing = subprocess.Popen(
                [GEXLAKE, "import", str(history_of(lake)), "--lake", str(copy), "--workers", "2", "-q"],
                stdout=subprocess.DEVNULL,
            )
            load = _load_once(url, QUESTIONS[key], starts, 1, IMPORT_SECONDS)
            still = importing.poll() is None
            assert importing.wait(120) == 0
        findings.append(_p99(f"{key}: p99 with 1 client while an import runs", load, BESIDE_P99_MS))
        row = [QUESTIONS[key].name, f"{load.rate:,.0f}", f"{load.p50_ms:.2f}", f"{load.p99_ms:.2f}", str(load.failures)]
        rows.append([*row, "yes" if still else "no"])
    header = ["question", "requests/s", "p50 ms", "p99 ms", "failed", "import ran to the end of it"]
    return Findings(findings, [Table("Beside an import of new sessions with two workers, one client", header, rows)])


def measure_heatmaps(lake: Path, starts: Sequence[Start]) -> Findings:
    """The latest session of each feed by the minute, as JSON: the best of some answers."""
    rows = []
    with running("gexlake", lake) as (url, _, _):
        for ticker in (TICKER, OTHER):
            day = datetime.fromtimestamp(max(start.second for start in starts if start.symbol == ticker), UTC).date()
            ask = partial(_size_of, f"{url}/gex/heatmap?symbol={ticker}&interval=1m&start={day}&end={day}")
            best, size = min(timed(ask) for _ in range(HEATMAPS))
            rows.append([ticker, HEATMAP_BEFORE_MS[ticker], f"{best:.1f}", f"{size:,}"])
    header = ["feed", "rendered ahead (recorded) ms", "ms", "bytes"]
    return Findings([], [Table(f"The 1-minute heatmap of a session, the best of {HEATMAPS}", header, rows)])


def _size_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=60) as response:
        return len(response.read())


def measure_growth(lake: Path, starts: Sequence[Start], minutes: float) -> Findings:
    """Anonymous memory over a long load."""
    with running("gexlake", lake) as (url, pid, _):
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

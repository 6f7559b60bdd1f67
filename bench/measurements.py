"""What is measured, a function each; all take a `Bench` and return `Findings`."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data import SMALL_RECORDS, DataSets, bytes_below
from bench.report import MIB, Finding, Findings, Table, mebibytes, ratio, seconds
from bench.timing import ROOT, Contestant, Run, Spread, peak_of, ratio_of, run_in_turn, seconds_of

GEXLAKE = str(Path(sys.executable).with_name("gexlake"))
PYTHON = sys.executable

TIMES_DUCKDB = 3.0
TIMES_CHDB = 2.0
TIMES_BARE_PARSE = 1.0
PEAK_BYTES = 500 * MIB
PARQUET_SHARE = 0.35
FILES_SHARE = 0.25
HELP_SECONDS = 0.3
STAGED_SESSIONS, COMMITS_A_SECOND, BESIDE_MS = 1000, 100, 10
LADDER_WRITERS = ("none", "gexlake", "polars", "pyarrow", "duckdb")
DOUBLING = 2.1
"""Twice the sessions may take this much longer and still be called linear; 2.0 is exact."""

IMPORT, DRY_RUN, CHDB, BARE_PARSE = "gexlake import", "gexlake import --dry-run", "chdb SQL", "bare simdjson parse"
DUCKDB_FORMS = {
    "DuckDB SQL, from_json": "from_json",
    "DuckDB SQL, one scan": "one_scan",
    "DuckDB SQL, casts": "cast",
    "DuckDB SQL, auto-detected": "auto",
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share."""

    work: Path
    sessions: int
    runs: int
    quick: bool
    say: Callable[[str], None]

    def forget_products(self) -> None:
        """Remove what contestants have made."""
        shutil.rmtree(self.work / "outputs", ignore_errors=True)

    @property
    def data(self) -> DataSets:
        return DataSets(self.work, self.say)

    def output(self, name: str) -> Path:
        """An empty place for a contestant's products."""
        path = self.work / "outputs" / name
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def gexlake(self, source: Path, *options: str, name: str, lake: str, keeps: bool = False) -> Contestant:
        """The import of `source` by the command line."""
        output = self.output(lake)
        command = (GEXLAKE, "import", str(source), "--lake", str(output), "--output", "json", *options)
        return Contestant(name, command, output, keeps)

    def program(self, module: str, *arguments: str | Path, name: str, output: str | None = None) -> Contestant:
        """A program of `bench`; the place for its products is its last argument."""
        place = self.output(output) if output else None
        command = [PYTHON, "-m", f"bench.{module}", *map(str, arguments), *([str(place)] if place else [])]
        return Contestant(name, tuple(command), place)

    def run(self, contestants: Sequence[Contestant], runs: int | None = None) -> dict[str, list[Run]]:
        """All in turn, `runs` rounds unless told otherwise."""
        return run_in_turn(contestants, runs or self.runs, say=self.say)


def measure_import(bench: Bench) -> Findings:
    """The import against every other way to do the work, or part of it."""
    source = bench.data.sessions(bench.sessions)
    contestants = [
        bench.gexlake(source, name=IMPORT, lake="lake"),
        bench.gexlake(source, "--dry-run", name=DRY_RUN, lake="dry-run"),
        *(bench.program("peers.duckdb_sql", form, source, name=n, output=form) for n, form in DUCKDB_FORMS.items()),
        bench.program("peers.chdb_sql", source, name=CHDB, output="chdb"),
        bench.program("peers.simdjson_parse", source, name=BARE_PARSE),
    ]
    runs = bench.run(contestants)
    _check_products(bench, [c for c in contestants if c.name not in (DRY_RUN, BARE_PARSE)])

    ours, size = runs[IMPORT], bytes_below(source)
    best = min(DUCKDB_FORMS, key=lambda name: seconds_of(runs[name]).median)
    dry = ratio_of(runs[DRY_RUN], ours)
    peak = peak_of(ours)
    share = _largest_parquet_share(source, bench.work / "outputs" / "lake")
    return Findings(
        [
            _times_as_fast("the best DuckDB SQL", runs[best], ours, TIMES_DUCKDB),
            _times_as_fast("chdb", runs[CHDB], ours, TIMES_CHDB),
            _times_as_fast("a bare simdjson parse (an aim)", runs[BARE_PARSE], ours, TIMES_BARE_PARSE),
            Finding("Dry run, time over that of the import", ratio(dry), "<= 1.0x", met=dry.median <= 1),
            Finding("Peak memory of any process", mebibytes(peak), "<= 500 MiB", met=peak <= PEAK_BYTES),
            Finding(
                "Parquet of a session over its JSON, largest", f"{share:.2f}x", "<= 0.35x", met=share <= PARQUET_SHARE
            ),
        ],
        [
            Table(
                f"Import of {bench.sessions} sessions, {size / 1e6:.0f} MB",
                ["", "seconds", "processor s", "MB/s", "peak MiB", "output MB", "time over gexlake's"],
                [
                    [
                        contestant.name,
                        seconds(seconds_of(runs[contestant.name])),
                        _processor(runs[contestant.name]),
                        f"{size / 1e6 / seconds_of(runs[contestant.name]).median:.0f}",
                        f"{peak_of(runs[contestant.name]) / MIB:.0f}",
                        _output_size(contestant),
                        "" if contestant.name == IMPORT else ratio(ratio_of(runs[contestant.name], ours)),
                    ]
                    for contestant in contestants
                ],
            )
        ],
    )


def measure_again(bench: Bench) -> Findings:
    """The second run over a folder in which nothing has changed, against hashing its files with the usual tool.

    Beside it, hashing as fast as this machine can, without the start of an import.
    """
    source = bench.data.sessions(bench.sessions)
    again = bench.gexlake(source, name="gexlake import, second run", lake="again", keeps=True)
    usual = Contestant("sha256sum *.json", ("sha256sum", *map(str, sorted(source.glob("*.json")))))
    fastest = bench.program("peers.sha256", source, name="hashlib SHA-256, a process per core")
    runs = bench.run([again, usual, fastest])  # the warm-up is the first import
    cost = ratio_of(runs[again.name], runs[usual.name])
    return Findings(
        [Finding("Second run, time over that of sha256sum", ratio(cost), "<= 1.0x", met=cost.median <= 1)],
        [_simple_table(f"{bench.sessions} unchanged sessions", runs)],
    )


def measure_linear(bench: Bench) -> Findings:
    """More sessions take as much longer as they are more."""
    counts = (1, 2, 4, 8)
    contestants = [
        bench.gexlake(bench.data.sessions(count), name=f"{count} session{'s' * (count > 1)}", lake=f"linear-{count}")
        for count in counts
    ]
    runs = bench.run(contestants)
    growth = ratio_of(runs["8 sessions"], runs["4 sessions"])
    table = _simple_table("Sessions and time", runs)
    table.header.append("seconds per session")
    for row, contestant, count in zip(table.rows, contestants, counts, strict=True):
        row.append(f"{seconds_of(runs[contestant.name]).median / count:.2f}")
    return Findings(
        [Finding("8 sessions, time over that of 4", ratio(growth), f"<= {DOUBLING}x", met=growth.median <= DOUBLING)],
        [table],
    )


def measure_memory(bench: Bench) -> Findings:
    """Peak memory with one file of 2 GB."""
    if bench.quick:
        return Findings()
    source = bench.data.big()
    runs = bench.run([bench.gexlake(source, name="one file of 2 GB", lake="big")], 1)
    peak = peak_of(runs["one file of 2 GB"])
    return Findings(
        [Finding("Peak memory of any process, 2 GB file", mebibytes(peak), "<= 500 MiB", met=peak <= PEAK_BYTES)],
        [_simple_table("One large file", runs)],
    )


def measure_files(bench: Bench) -> Findings:
    """Files of one record each against array files."""
    small = bench.gexlake(bench.data.one_record_files(), name=f"{SMALL_RECORDS:,} one-record files", lake="objects")
    array = bench.gexlake(bench.data.same_records_array(), name="the same records as one array", lake="array")
    whole = bench.gexlake(bench.data.sessions(1), name="a whole session as one array", lake="whole")
    runs = bench.run([small, array, whole])
    records = {small.name: SMALL_RECORDS, array.name: SMALL_RECORDS, whole.name: _snapshots(whole)}
    table = _simple_table("Records per second by form", runs)
    table.header.append("records/s")
    for row in table.rows:
        row.append(f"{records[row[0]] / seconds_of(runs[row[0]]).median:,.0f}")
    rate = ratio_of(runs[array.name], runs[small.name])
    what = "One-record files against the same records as an array, rate in records"
    return Findings([Finding(what, ratio(rate), ">= 0.25x", met=rate.median >= FILES_SHARE)], [table])


def measure_compressed(bench: Bench) -> Findings:
    """Compressed sources against plain ones."""
    count = min(bench.sessions, 2)
    contestants = [bench.gexlake(bench.data.sessions(count), name="plain", lake="plain")]
    contestants += [
        bench.gexlake(bench.data.compressed(name, count), name=name, lake=name) for name in ("gzip", "zstd")
    ]
    return Findings([], [_simple_table(f"{count} sessions by compression", bench.run(contestants))])


def measure_types(bench: Bench) -> Findings:
    """A session of each record type: rates per byte, beside that of GEX."""
    sources = {
        "gex": bench.data.sessions(1),
        "greeks": bench.data.of_category("gamma_zero"),
        "orderflow": bench.data.of_category("orderflow"),
    }
    contestants = [bench.gexlake(source, name=name, lake=f"type-{name}") for name, source in sources.items()]
    runs = bench.run(contestants)
    sizes = {name: bytes_below(source) for name, source in sources.items()}
    times = ratio_of(runs["gex"], runs["greeks"])
    scale = sizes["greeks"] / sizes["gex"]
    share = Spread(times.median * scale, times.lowest * scale, times.highest * scale)
    orderflow = seconds_of(runs["orderflow"])
    table = _simple_table("A session of each record type", runs)
    table.header.append("MB/s")
    for row, name in zip(table.rows, sources, strict=True):
        row.append(f"{sizes[name] / seconds_of(runs[name]).median / 1e6:.0f}")
    return Findings(
        [
            Finding("Greeks, rate per byte over that of GEX", ratio(share), ">= 0.33x", share.median >= 1 / 3),
            Finding(
                f"A day of orderflow, {sizes['orderflow'] / 1e6:.0f} MB",
                f"{seconds(orderflow)} s",
                "< 0.7 s for 12 MB",
                orderflow.median < 0.7,
            ),
        ],
        [table],
    )


def measure_writers(bench: Bench) -> Findings:
    """The ladders of one session from Parquet to Parquet; "none" reads them only."""
    first = bench.gexlake(bench.data.sessions(1), name="the session's lake", lake="writers")
    bench.run([first], 1)
    lake = bench.work / "outputs" / "writers"
    contestants = [
        bench.program("ladder_writers", name, lake, name=name, output=f"written-by-{name}") for name in LADDER_WRITERS
    ]
    table = _simple_table("Parquet of one session's ladders by writer, reading included", bench.run(contestants))
    table.header.append("MB")
    for row, contestant in zip(table.rows, contestants, strict=True):
        row.append(_output_size(contestant))
    return Findings([], [table])


def measure_commits(bench: Bench) -> Findings:
    """Small sessions that are staged already, committed by the owner of the database: how many a second."""
    staged, copy = bench.work / "staged", bench.output("commits")
    _commits("stage", staged, str(STAGED_SESSIONS))
    found = {do: [_commits(do, staged, str(copy)) for _ in range(bench.runs)] for do in ("commit", "serve")}
    rates = {do: Spread.of([run["sessions"] / run["seconds"] for run in runs]) for do, runs in found.items()}
    beside = found["serve"]
    return Findings(
        [
            Finding(
                f"Commit of {STAGED_SESSIONS:,} small staged sessions, a second",
                f"{rates['commit'].median:.0f} ({rates['commit'].lowest:.0f}–{rates['commit'].highest:.0f})",
                f">= {COMMITS_A_SECOND}",
                met=rates["commit"].median >= COMMITS_A_SECOND,
            ),
            Finding(
                "A snapshot over HTTP meanwhile, p99",
                f"{statistics.median(run['beside_p99_ms'] for run in beside):.1f} ms",
                f"< {BESIDE_MS} ms",
                met=statistics.median(run["beside_p99_ms"] for run in beside) < BESIDE_MS,
            ),
        ],
        [
            Table(
                "Commits, and answers beside them",
                ["", "sessions/s", "snapshots p50 ms", "p99 ms"],
                [
                    ["in the process that imports", f"{rates['commit'].median:.0f}", "", ""],
                    ["by a service", f"{rates['serve'].median:.0f}", *_latencies(beside, "beside")],
                    ["a service at rest", "", *_latencies(beside, "quiet")],
                ],
            )
        ],
    )


def _commits(do: str, *arguments: str | Path) -> dict[str, float]:
    command = [PYTHON, "-m", "bench.commits", do, *map(str, arguments)]
    text = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(text) if text else {}
    return found


def _latencies(runs: Sequence[dict[str, float]], name: str) -> list[str]:
    return [f"{statistics.median(run[f'{name}_{which}'] for run in runs):.1f}" for which in ("p50_ms", "p99_ms")]


def measure_startup(bench: Bench) -> Findings:
    """How long nothing takes."""
    contestants = [
        Contestant("gexlake --help", (GEXLAKE, "--help")),
        Contestant("import gexlake", (PYTHON, "-c", "import gexlake")),
        Contestant("python -c pass", (PYTHON, "-c", "pass")),
    ]
    runs = bench.run(contestants, max(bench.runs, 10))
    taken = seconds_of(runs["gexlake --help"])
    return Findings(
        [Finding("gexlake --help", f"{seconds(taken)} s", "< 0.3 s", met=taken.median < HELP_SECONDS)],
        [_simple_table("Start-up", runs)],
    )


MEASUREMENTS: dict[str, Callable[[Bench], Findings]] = {
    "import": measure_import,
    "again": measure_again,
    "linear": measure_linear,
    "memory": measure_memory,
    "files": measure_files,
    "compressed": measure_compressed,
    "types": measure_types,
    "writers": measure_writers,
    "commits": measure_commits,
    "startup": measure_startup,
}
"""Option value -> measurement, in the order of the report."""


def _times_as_fast(whom: str, theirs: Sequence[Run], ours: Sequence[Run], required: float) -> Finding:
    times = ratio_of(theirs, ours)
    return Finding(f"Import, times as fast as {whom}", ratio(times), f">= {required}x", met=times.median >= required)


def _simple_table(title: str, runs: dict[str, list[Run]]) -> Table:
    return Table(
        title,
        ["", "seconds", "processor s", "peak MiB"],
        [
            [name, seconds(seconds_of(some)), _processor(some), f"{peak_of(some) / MIB:.0f}"]
            for name, some in runs.items()
        ],
    )


def _processor(runs: Sequence[Run]) -> str:
    return f"{Spread.of([run.cpu_seconds for run in runs]).median:.2f}"


def _output_size(contestant: Contestant) -> str:
    if contestant.output is None or not contestant.output.exists():
        return ""
    return f"{bytes_below(contestant.output) / 1e6:.0f}"


def _largest_parquet_share(source: Path, lake: Path) -> float:
    """Bytes of both data sets over bytes of the source, of the session where that is largest."""
    return max(
        sum(path.stat().st_size for path in lake.glob(f"gex/*/*/*/*/session_date={file.name[:10]}/*.parquet"))
        / file.stat().st_size
        for file in source.iterdir()
    )


def _check_products(bench: Bench, contestants: Sequence[Contestant]) -> None:
    """End the program unless all have made the same snapshots and strike rows, to the bit."""
    products = {contestant.name: _products(contestant) for contestant in contestants}
    expected = products[contestants[0].name]
    wrong = {name: made for name, made in products.items() if made != expected}
    if wrong:
        sys.exit(f"The products differ. {contestants[0].name} made {expected}; {wrong}")
    bench.say(f"{len(products)} contestants made the same, to the bit: {expected}")


def _products(contestant: Contestant) -> dict[str, int | float]:
    command = [PYTHON, "-m", "bench.products", str(contestant.output)]
    made: dict[str, int | float] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return made


def _snapshots(contestant: Contestant) -> int:
    return int(_products(contestant)["snapshots"])

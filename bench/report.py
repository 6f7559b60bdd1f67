"""Results as Markdown, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import timeit
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.timing import Spread

MIB = 1 << 20
PACKAGES = ("gexlake", "duckdb", "polars", "chdb", "pysimdjson")
OPENING, CLOSING = "<!-- results -->", "<!-- /results -->"
BUSY_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One measured value beside what is required of it."""

    what: str
    result: str
    required: str
    met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title; the first column names the row."""

    title: str
    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What one measurement has shown."""

    findings: list[Finding] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def seconds(spread: Spread) -> str:
    """Median and range."""
    return f"{spread.median:.2f} ({spread.lowest:.2f}–{spread.highest:.2f})"


def ratio(spread: Spread) -> str:
    """Median and range, as a factor."""
    return f"{spread.median:.2f}x ({spread.lowest:.2f}–{spread.highest:.2f})"


def mebibytes(count: int) -> str:
    """Bytes in MiB."""
    return f"{count / MIB:.0f} MiB"


def machine() -> str:
    """Where and with what the results were found."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    busy = f" Other work ran at the time (load {load:.1f}): take ratios, not seconds." if load > BUSY_LOAD else ""
    return (
        f"{cores} cores of {_processor_model()}, {memory:.0f} GiB, {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()} ({_additions_ms():.0f} ms for a million additions), {versions}.{busy}"
    )


def _additions_ms() -> float:
    """How fast this build of Python is: one without optimization by profile took a third longer for this."""
    found = timeit.repeat("for i in numbers: total += i", "numbers, total = range(1_000_000), 0", number=1, repeat=9)
    return min(found) * 1000


def render(command: str, machine_line: str, results: Iterable[Findings]) -> str:
    """The whole report: the requirements first, then the tables that they were taken from."""
    results = list(results)
    lines = [f"`{command}`", "", machine_line, ""]
    findings = [
        [finding.what, finding.result, finding.required, "yes" if finding.met else "**no**"]
        for result in results
        for finding in result.findings
    ]
    lines += _table_lines(["", "measured", "required", "met"], findings)
    for result in results:
        for table in result.tables:
            lines += ["", f"### {table.title}", "", *_table_lines(table.header, table.rows)]
    return "\n".join(lines)


def write_results(page: Path, report: str) -> None:
    """Put the report between the markers of a page."""
    before, rest = page.read_text(encoding="utf-8").split(OPENING)
    _, after = rest.split(CLOSING)
    page.write_text(f"{before}{OPENING}\n{report}\n{CLOSING}{after}", encoding="utf-8")


def _table_lines(header: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---", *["---:"] * (len(header) - 1)], *rows)]


def _processor_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

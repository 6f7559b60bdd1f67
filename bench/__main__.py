"""Measure, and print the results as Markdown: `python -m bench --sessions 5 --runs 5 --only import,startup`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.data import MOST_SESSIONS
from bench.measurements import MEASUREMENTS, Bench
from bench.report import machine, render, write_results
from bench.timing import ROOT, adopt_orphans

PAGE = ROOT / "docs" / "benchmarks.md"


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--sessions", type=int, default=5, choices=range(1, MOST_SESSIONS + 1), metavar="N")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="rounds after the warm-up (default 5)")
    parser.add_argument("--only", type=_names, default=list(MEASUREMENTS), help=f"some of {','.join(MEASUREMENTS)}")
    parser.add_argument("--quick", action="store_true", help="leave out the file of 2 GB")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work", help="where sources and products lie")
    parser.add_argument("--write-docs", action="store_true", help=f"put the results into docs/{PAGE.name} as well")
    return parser.parse_args()


def command_line(options: argparse.Namespace) -> str:
    """The command that repeats these measurements."""
    words = ["python -m bench", f"--sessions {options.sessions}", f"--runs {options.runs}"]
    if options.only != list(MEASUREMENTS):
        words.append(f"--only {','.join(options.only)}")
    if options.quick:
        words.append("--quick")
    return " ".join(words)


def main() -> None:
    """Run what was asked for."""
    options = parse_options()
    adopt_orphans()
    machine_line = machine()
    bench = Bench(options.work.absolute(), options.sessions, options.runs, options.quick, _say)
    results = []
    for name in options.only:
        results.append(MEASUREMENTS[name](bench))
        bench.forget_products()
    report = render(command_line(options), machine_line, results)
    print(report)
    if options.write_docs:
        write_results(PAGE, report)


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = set(names) - MEASUREMENTS.keys()
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(MEASUREMENTS)}")
    return names


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

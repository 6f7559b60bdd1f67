"""Load by wrk, from a process of its own: random seconds over all sessions, latency by percentile."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

_TIMES = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_PERCENTILE = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
_FAILURES = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")

SCRIPT = """
math.randomseed(%(seed)d)
wrk.headers["Content-Type"] = "application/json"
local starts = {%(starts)s}
request = function()
  local start = starts[math.random(#starts)]
  local words = { SYMBOL = start[1], SECOND = tostring(start[2] + math.random(0, %(span)d)) }
  local path = string.gsub([[%(path)s]], "%%u%%u%%u%%u%%u%%u", words)
  local body = string.gsub([[%(body)s]], "%%u%%u%%u%%u%%u%%u", words)
  if body == "" then return wrk.format("GET", path) end
  return wrk.format("POST", path, nil, body)
end
"""


class Start(NamedTuple):
    """The second in which a session of a feed begins."""

    symbol: str
    second: int


@dataclass(frozen=True, slots=True)
class Question:
    """A request with `SYMBOL` and `SECOND` where a feed and a random second of it go; a body makes it a POST."""

    name: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What a load has shown; latencies in milliseconds; `stolen` is the share of the processors that the host took."""

    rate: float
    p50_ms: float
    p99_ms: float
    failures: int
    stolen: float = 0.0


QUIET_SHARE = 0.03
MOST_TRIES = 3


def quietest(load: Callable[[], Load]) -> Load:
    """A load under which the host was quiet; of several, where it never was, the one it disturbed least.

    A virtual machine's neighbours can double a 99th percentile. Its kernel counts the time that it was kept waiting.
    """
    tries: list[Load] = []
    while len(tries) < MOST_TRIES and not (tries and tries[-1].stolen <= QUIET_SHARE):
        tries.append(load())
    return min(tries, key=lambda done: done.stolen)


def _processor_time() -> tuple[int, int]:
    """Ticks stolen by the host, and all ticks, since the machine was started (proc(5), /proc/stat)."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


def put_under_load(
    url: str, question: Question, starts: Sequence[Start], *, span: int, connections: int, seconds: int
) -> Load:
    """Ask over and over for `seconds`, from `connections` clients that wait for each answer: about random sessions of
    `starts`, up to `span` seconds behind the start of each.
    """
    if shutil.which("wrk") is None:
        sys.exit("This needs wrk: apt-get install wrk")
    values = {
        "seed": 7,
        "starts": ",".join(f'{{"{start.symbol}",{start.second}}}' for start in starts),
        "span": span,
        "path": question.path,
        "body": question.body,
    }
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "load.lua"
        script.write_text(SCRIPT % values)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
        stolen, ticks = _processor_time()
        done = subprocess.run([*command, "-s", str(script), url], capture_output=True, text=True, check=True)
        stolen_then, ticks_then = _processor_time()
    return replace(read_report(done.stdout), stolen=(stolen_then - stolen) / max(1, ticks_then - ticks))


def read_report(text: str) -> Load:
    """The numbers of wrk's report."""
    percentiles = {name: float(number) * _TIMES[unit] for name, number, unit in _PERCENTILE.findall(text)}
    rate = _RATE.search(text)
    if rate is None or len(percentiles) != 2:
        sys.exit(f"wrk said nothing that could be read:\n{text}")
    failed = _FAILURES.search(text)
    socket = _SOCKET.search(text)
    failures = int(failed[1]) if failed else 0
    failures += sum(map(int, socket.groups())) if socket else 0
    return Load(float(rate[1]), percentiles["50"], percentiles["99"], failures)

"""How long a record takes from the socket to an answer, and what recording costs: `python -m bench.live`.

    python -m bench.live [--by socket|poll] [--where inside|alone] [--seconds 60] [--speed 1] [--tickers 11]

`gexlake replay` of a synthetic lake stands in for the vendor: 11 tickers x 5 categories, a record of each once a
second of its clock. They are recorded inside `gexlake serve`, or by `gexlake live` beside it. This process has a socket
of its own for each hub, with another key, and listens to `/events`. The n-th message of a group came when this
process has it, and could be read when the event of the n-th record of its feed is here: the difference is measured,
so the delivery of the event counts as well. By polling, whose grid of seconds counts too, it is from the same moment.

Every record of the time has to become readable, and what stands in the segments is compared with what was replayed:
what is missing or differs is counted; by polling but for the last of each feed, behind which the clock stands and
nothing is asked for. Processor time is that of the recording processes, services and imports, from
the first message to the last, as the kernel counts it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from bench.timing import ROOT

PACKAGES = ("classic", "state", "orderflow")
CATEGORIES = ("gex_zero", "gamma_zero", "delta_zero", "orderflow")
"""Of a ticker: five feeds, gex_zero being in two packages."""
TICKERS = ("SPX", "NDX", "RUT", "VIX", "ES_SPX", "NQ_NDX", "SPY", "QQQ", "IWM", "TSLA", "NVDA")
DAY = date(2025, 11, 10)
GEXLAKE = (sys.executable, "-m", "gexlake")
SUBPROTOCOL = "protobuf.webpubsub.azure.v1"
SETTLE_SECONDS = 20.0
"""How long the last records are waited for when nothing comes."""
TICKS = os.sysconf("SC_CLK_TCK")
Feed = tuple[str, ...]


class Measured:
    """When the messages of each feed came, and when so many of its records could be read; monotonic seconds."""

    def __init__(self) -> None:
        self.came: defaultdict[Feed, list[float]] = defaultdict(list)
        self.readable: defaultdict[Feed, list[float]] = defaultdict(list)
        self.broken = 0
        """How often the stream of events was: who lags behind is sent away."""

    @property
    def lacking(self) -> int:
        """Messages whose record cannot be read."""
        return sum(max(0, len(came) - len(self.readable[feed])) for feed, came in self.came.items())

    def seconds(self) -> list[float]:
        """From one to the other, of each record."""
        return sorted(
            readable - came
            for feed, times in self.came.items()
            for came, readable in zip(times, self.readable[feed], strict=False)
        )


def make_lake(folder: Path, tickers: int, seconds: int, strikes: int) -> Path:
    """What is replayed; made once."""
    lake = folder / f"lake-{tickers}x{seconds}x{strikes}"
    if not lake.exists():
        source = folder / f"source-{tickers}x{seconds}x{strikes}"
        words = [word for ticker in TICKERS[:tickers] for word in ("--ticker", ticker)]
        words += [word for package in PACKAGES for word in ("--package", package)]
        words += [word for category in CATEGORIES for word in ("--category", category)]
        words += ["--sessions", "1", "--start", str(DAY), "--snapshots", str(seconds), "--strikes", str(strikes)]
        subprocess.run([*GEXLAKE, "sample", source, *words], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*GEXLAKE, "import", source, "--lake", lake], check=True, stdout=subprocess.DEVNULL)
    return lake


@contextmanager
def running(
    pattern: str, *command: object, log: Path, **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A command under way, and what it said that fits; it is ended behind the block."""
    with log.open("w") as said:
        process = subprocess.Popen([*GEXLAKE, *map(str, command)], stderr=said, env={**os.environ, **environment})
    try:
        while not (found := re.search(pattern, log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.05)
        yield process, found[1]
    finally:
        process.terminate()
        process.wait()


async def listen_to_vendor(url: str, feeds: list[Feed], measured: Measured) -> None:
    """The same messages as they come to whoever listens."""
    from gexlake.vendor.frames import CODECS, GroupMessage

    groups = {"_".join(feed): feed for feed in feeds}
    spots = dict.fromkeys(f"{feed[0]}_spot" for feed in feeds)
    async with httpx.AsyncClient(headers={"Authorization": "Bearer probe", "User-Agent": "bench"}) as client:
        answer = await client.post(f"{url}/v2/negotiate", json={"groups": [*groups, *spots]})
        urls = answer.raise_for_status().json()["websocket_urls"]
    codec = CODECS[SUBPROTOCOL]

    async def hear(address: str) -> None:
        async with connect(address, subprotocols=[SUBPROTOCOL], compression=None) as socket:  # type: ignore[list-item]
            async for frame in socket:
                now = time.monotonic()
                said = codec.read_downstream(frame)
                if isinstance(said, GroupMessage):
                    name = said.group or ""
                    feed = groups.get(name) or groups.get(name.partition("_")[2])  # with the vendor's prefix
                    if feed is not None:
                        measured.came[feed].append(now)

    async with asyncio.TaskGroup() as group:
        for address in urls.values():
            group.create_task(hear(address))


async def listen_to_service(url: str, places: dict[Feed, dict[float, int]], measured: Measured) -> None:
    """The events of records that can be read, each with all before it; anew where this process is too slow for them."""
    while True:
        with suppress(httpx.RemoteProtocolError):
            await _read_events(url, places, measured)
        measured.broken += 1


async def _read_events(url: str, places: dict[Feed, dict[float, int]], measured: Measured) -> None:
    async with httpx.AsyncClient(timeout=None) as client, client.stream("GET", f"{url}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: ") and (event := json.loads(line[6:])).get("type", "live") == "live":
                feed = (event["ticker"], event["package"], event["category"])
                readable = measured.readable[feed]
                readable += [time.monotonic()] * (places[feed][event["timestamp"]] - len(readable))


async def settle(measured: Measured) -> None:
    """Until all can be read, or nothing comes any more."""
    lacking, until = measured.lacking, time.monotonic() + SETTLE_SECONDS
    while measured.lacking and time.monotonic() < until:
        await asyncio.sleep(0.05)
        if measured.lacking != lacking:
            lacking, until = measured.lacking, time.monotonic() + SETTLE_SECONDS


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Of a process and of its children that have ended."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


async def measure(
    vendor: str, service: str, places: dict[Feed, dict[float, int]], options: argparse.Namespace, recording: list[Any]
) -> tuple[Measured, float]:
    """Run the replay for so long; what came, and the share of a core."""
    measured = Measured()
    listening = [
        asyncio.create_task(listen_to_service(service, places, measured)),
        asyncio.create_task(listen_to_vendor(vendor, list(places), measured)),
    ]
    await asyncio.sleep(1)  # until both are there
    async with httpx.AsyncClient(timeout=60) as client:
        before, began = sum(map(cpu_seconds, recording)), time.monotonic()
        await client.post(f"{vendor}/gexlake/replay/resume", json={})
        await asyncio.sleep(options.seconds)
        await client.post(f"{vendor}/gexlake/replay/pause", json={})
        share = (sum(map(cpu_seconds, recording)) - before) / (time.monotonic() - began)
    if options.by == "poll":
        for times in measured.came.values():
            times.pop()
    await settle(measured)
    for task in listening:
        task.cancel()
    for ended in await asyncio.gather(*listening, return_exceptions=True):
        if not isinstance(ended, asyncio.CancelledError):
            raise SystemExit(f"Listening has ended: {ended!r}")
    return measured, share


def compare(recorded: Path, source: Path, measured: Measured) -> tuple[int, int]:
    """Of the records that came, how many stand in no segment, and how many otherwise than they were replayed.

    A sum that does not fit the wire is the ladder's, and says so: that is no difference.
    """
    lost = different = 0
    for feed, came in measured.came.items():
        name = f"{DAY}_{'_'.join(feed)}"
        theirs = json.loads((source / f"{name}.json").read_bytes())[: len(came)]
        lines = [line for path in sorted(recorded.glob(f"{name}.*.jsonl")) for line in path.read_bytes().splitlines()]
        mine = {record["timestamp"]: record for record in map(json.loads, lines)}
        lost += sum(record["timestamp"] not in mine for record in theirs)
        for record in theirs:
            found = mine.get(record["timestamp"], record)
            corrected = found.pop("sum_saturated", [])
            different += any(found[name] != record[name] for name in record.keys() - corrected)
    return lost, different


def report(options: argparse.Namespace, measured: Measured, share: float, found: tuple[int, int]) -> None:
    """A line that can stand in a table."""
    spans = measured.seconds()
    count = sum(map(len, measured.came.values()))
    p50, p99 = (spans[min(len(spans) - 1, int(len(spans) * part))] * 1000 for part in (0.5, 0.99))
    mean = statistics.fmean(spans) * 1000
    print(
        f"| {options.by} | {options.where} | {count:,} in {options.seconds} s ({count / options.seconds:.0f}/s) | "
        f"{p50:.0f} | {p99:.0f} | {spans[-1] * 1000:.0f} | {share:.0%} | {found[0]} | {found[1]} |"
    )
    rest = f"{measured.lacking} not readable, stream broken {measured.broken} times, load {os.getloadavg()[0]:.1f}"
    print(f"mean {mean:.0f} ms, {rest}", file=sys.stderr)


def main() -> None:
    """Measure, and print a row: way, where, records, p50, p99 and longest in ms, share of a core, lost, different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by", choices=["socket", "poll"], default="socket")
    parser.add_argument("--where", choices=["inside", "alone"], default="inside")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--speed", type=float, default=1)
    parser.add_argument("--tickers", type=int, default=11, choices=range(1, len(TICKERS) + 1), metavar="N")
    parser.add_argument("--strikes", type=int, default=99, help="of each ladder")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work" / "live")
    options = parser.parse_args()
    seconds = round(options.seconds * options.speed) + 60
    vendor_lake = make_lake(options.work.absolute(), options.tickers, seconds, options.strikes)
    source = vendor_lake.with_name(vendor_lake.name.replace("lake", "source"))
    places = {feed: places_of(source, feed) for feed in feeds_of(source)}
    with tempfile.TemporaryDirectory(dir=options.work) as folder, running(
        r"Replaying .* at (http://\S+)", "replay", "--lake", vendor_lake, "--port", "0", "--paused",
        "--speed", options.speed, "--backlog", 1_000_000, log=Path(folder, "replay.log"),
    ) as (_, vendor):  # fmt: skip
        lake = Path(folder, "data")
        with recording(options, lake, vendor) as (processes, service):
            measured, share = asyncio.run(measure(vendor, service, places, options, processes))
        report(options, measured, share, compare(lake / "live" / str(DAY), source, measured))


def feeds_of(source: Path) -> list[Feed]:
    """The feeds of the replayed history."""
    from gexlake.scanner import scan

    return [tuple(file.session.feed) for file in scan([source]).files]


def places_of(source: Path, feed: Feed) -> dict[float, int]:
    """Of each instant of a feed, the how-manieth it is."""
    records = json.loads((source / f"{DAY}_{'_'.join(feed)}.json").read_bytes())
    return {record["timestamp"]: place for place, record in enumerate(records, 1)}


@contextmanager
def recording(options: argparse.Namespace, lake: Path, vendor: str) -> Iterator[tuple[list[Any], str]]:
    """The processes that record, and where the service is."""
    environment = {"GEXLAKE_VENDOR_KEY": "bench", "GEXLAKE_ACCESS_LOG": "false", "GEXLAKE_RATE_LIMIT": ""}
    environment |= {"GEXLAKE_VENDOR_URL": f"{vendor}/v2", "GEXLAKE_VENDOR_CLOCK_FROM": vendor}
    environment |= {"GEXLAKE_LIVE_CATEGORIES": ",".join(CATEGORIES), "GEXLAKE_LIVE_METHOD": options.by}
    tickers = TICKERS[: options.tickers]
    inside = [word for ticker in tickers if options.where == "inside" for word in ("--live", ticker)]
    ready = r"Polling|Listening"
    with running(
        r"Serving .* at (http://\S+)", "serve", "--lake", lake, "--port", "0", *inside, log=lake.with_suffix(".log"),
        **environment,
    ) as (server, url):  # fmt: skip
        if options.where == "inside":
            while not re.search(ready, lake.with_suffix(".log").read_text()):
                time.sleep(0.05)
            yield [server], url
            return
        words = [word for ticker in tickers for word in ("--ticker", ticker)]
        words += [word for category in CATEGORIES for word in ("--category", category)]
        with running(
            f"({ready})", "live", "--lake", lake, *words, "--by", options.by, "--base-url", f"{vendor}/v2",
            "--clock-from", vendor, log=lake.with_suffix(".live.log"), **environment,
        ) as (live, _):  # fmt: skip
            yield [server, live], url


if __name__ == "__main__":
    main()

"""What it costs to replay a day to many at once: `python -m bench.replay_clients [--clients 100] [--seconds 60]`.

`gexlake replay` of a synthetic day, five feeds once a second; each client has a key and sockets of its own, a hub each,
and listens to all five. Printed are the messages that came, how many a client got less than another, the share of a
core that the replay took, and how long after the first client the last one had a message. All clients are in this
process, which takes time as well: the server may be quicker than it looks.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from itertools import count
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from bench.live import SUBPROTOCOL, cpu_seconds, feeds_of, make_lake, running
from bench.timing import ROOT

LEAST_BYTES = 100
"""What is shorter is no record."""
Times = defaultdict[tuple[str, int], list[float]]
"""Hub and number of a message -> when it came to each client."""


async def addresses(vendor: str, key: str, groups: list[str]) -> dict[str, str]:
    """Where a client of that key listens, by hub."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}", "User-Agent": "bench"}) as client:
        answer = await client.post(f"{vendor}/v2/negotiate", json={"groups": groups}, timeout=60)
    found: dict[str, str] = answer.raise_for_status().json()["websocket_urls"]
    return found


async def hear(hub: str, address: str, times: Times) -> None:
    """Note when each message comes."""
    numbers = count()
    async with connect(address, subprotocols=[SUBPROTOCOL], compression=None) as socket:  # type: ignore[list-item]
        async for frame in socket:
            if len(frame) >= LEAST_BYTES:
                times[hub, next(numbers)].append(time.monotonic())


async def listen(vendor: str, groups: list[str], clients: int, times: Times) -> list[asyncio.Task[None]]:
    """Have so many clients listen."""
    found = [await addresses(vendor, f"client-{number}", groups) for number in range(clients)]
    return [asyncio.create_task(hear(hub, address, times)) for urls in found for hub, address in urls.items()]


def main() -> None:
    """Measure, and print a row: clients, messages, missed, share of a core, p50, p99 and longest in ms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--strikes", type=int, default=99, help="of each ladder")
    parser.add_argument("--work", type=Path, default=ROOT / "bench" / "work" / "live")
    options = parser.parse_args()
    lake = make_lake(options.work.absolute(), 1, options.seconds + 60, options.strikes)
    groups = ["_".join(feed) for feed in feeds_of(lake.with_name(lake.name.replace("lake", "source")))]
    with tempfile.TemporaryDirectory(dir=options.work) as folder, running(
        r"Replaying .* at (http://\S+)", "replay", "--lake", lake, "--port", "0", "--paused", log=Path(folder, "log")
    ) as (process, vendor):  # fmt: skip

        async def measure() -> tuple[Times, float]:
            times: Times = defaultdict(list)
            listening = await listen(vendor, groups, options.clients, times)
            await asyncio.sleep(2)  # until all are there
            async with httpx.AsyncClient(timeout=60) as client:
                before, began = cpu_seconds(process), time.monotonic()
                await client.post(f"{vendor}/gexlake/replay/resume", json={})
                await asyncio.sleep(options.seconds)
                await client.post(f"{vendor}/gexlake/replay/pause", json={})
                share = (cpu_seconds(process) - before) / (time.monotonic() - began)
            await asyncio.sleep(2)
            for task in listening:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*listening)
            return times, share

        times, share = asyncio.run(measure())
    came = sum(map(len, times.values()))
    spans = sorted((max(all_) - min(all_)) * 1000 for all_ in times.values())
    p50, p99 = (spans[min(len(spans) - 1, int(len(spans) * part))] for part in (0.5, 0.99))
    missed = len(times) * options.clients - came
    print(
        f"| {options.clients} | {came:,} in {options.seconds} s | {missed} | {share:.0%} | "
        f"{p50:.0f} | {p99:.0f} | {spans[-1]:.0f} |"
    )


if __name__ == "__main__":
    main()

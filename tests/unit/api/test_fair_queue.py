"""Requests go on in order of arrival, in each cycle of the loop as many as are answered in a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby

from gexlake.api.fair_queue import CYCLE_SECONDS, FairQueue


def cycles_of(costs: dict[str, float]) -> list[str]:
    """Who went on in which cycle, of requests that wait together, by what answering each takes of a clock."""
    events: list[str] = []
    now = 0.0

    async def request(queue: FairQueue, name: str) -> None:
        nonlocal now
        await queue.wait()
        events.append(name)
        now += costs[name]

    async def newcomers() -> None:
        while len(events) - events.count("look") < len(costs):
            events.append("look")
            await asyncio.sleep(0)

    async def run() -> None:
        queue = FairQueue(lambda: now)
        await asyncio.gather(*(request(queue, name) for name in costs), newcomers())

    asyncio.run(run())
    together: Iterator[tuple[bool, Iterator[str]]] = groupby(events, lambda event: event == "look")
    return ["".join(names) for is_look, names in together if not is_look]


def test_large_answers_are_given_one_in_each_cycle() -> None:
    assert cycles_of(dict.fromkeys("abc", CYCLE_SECONDS)) == ["a", "b", "c"]
    assert cycles_of(dict.fromkeys("abc", 10 * CYCLE_SECONDS)) == ["a", "b", "c"]


def test_small_answers_are_given_as_many_in_a_cycle_as_it_has_time_for() -> None:
    assert cycles_of(dict.fromkeys("abcdefghij", CYCLE_SECONDS * 0.3)) == ["a", "bcd", "efg", "hij"]
    assert cycles_of(dict.fromkeys("abcdefgh", 0.0)) == ["a", "bcdefgh"]


def test_behind_a_large_answer_there_is_one_in_a_cycle() -> None:
    small, large = CYCLE_SECONDS * 0.3, CYCLE_SECONDS * 5
    costs = dict.fromkeys("abcdefgh", small) | {"c": large}
    assert cycles_of(costs) == ["a", "bcd", "e", "fgh"]


def test_behind_a_pause_there_is_one_in_a_cycle() -> None:
    async def run() -> list[int]:
        queue, through, seen = FairQueue(lambda: 0.0), [], []

        async def request(name: str) -> None:
            await queue.wait()
            through.append(name)

        for _ in range(2):
            tasks = [asyncio.create_task(request(name)) for name in "abc"]
            before = len(through)
            while len(through) == before:
                await asyncio.sleep(0)
            seen.append(len(through) - before)
            await asyncio.gather(*tasks)
        return seen

    assert asyncio.run(run()) == [1, 1]


def test_who_gives_up_keeps_nobody_waiting() -> None:
    async def run() -> list[str]:
        queue, through = FairQueue(), []

        async def request(name: str) -> None:
            await queue.wait()
            through.append(name)

        tasks = [asyncio.create_task(request(name)) for name in "abc"]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await request("later")
        return through

    assert asyncio.run(run()) == ["c", "later"]


def test_a_turn_comes_at_once_where_nobody_waits() -> None:
    async def run() -> None:
        queue = FairQueue()
        for _ in range(3):
            await queue.wait()

    asyncio.run(run())

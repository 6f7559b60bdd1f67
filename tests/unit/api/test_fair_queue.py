"""One request goes on in each cycle of the loop, in order of arrival."""

from __future__ import annotations

import asyncio

from gexlake.api.fair_queue import FairQueue


def test_they_go_on_in_order_and_the_loop_looks_for_others_between_them() -> None:
    events: list[str] = []

    async def request(queue: FairQueue, name: str) -> None:
        await queue.wait()
        events.append(name)

    async def newcomers(loops: int) -> None:
        for _ in range(loops):
            events.append("look")
            await asyncio.sleep(0)

    async def run() -> None:
        queue = FairQueue()
        await asyncio.gather(*(request(queue, name) for name in "abc"), newcomers(10))

    asyncio.run(run())
    assert [event for event in events if event != "look"] == ["a", "b", "c"]
    between = "".join(event[0] for event in events).strip("l")
    assert "ab" not in between
    assert "bc" not in between


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

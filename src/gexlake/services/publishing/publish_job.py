"""Publishing beside a service: a process that is kept running, and what it says in the service's log."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from gexlake.models.publishing import PublishOrder, PublishReport
from gexlake.services.publishing.publish_process import STANDING_ORDER, StandingOrder

log = logging.getLogger(__name__)
AGAIN_SECONDS = 10.0
"""Until a process that has ended by itself is started again."""
LINE_BYTES = 1 << 20


async def publish_as_committed(lake: Path, order: PublishOrder) -> None:
    """Carry over what is committed, now and as it comes, until this is cancelled."""
    while True:
        await _run(StandingOrder(lake, order))
        log.warning("publishing to the catalog %s ended; it begins again in %g s", order.catalog, AGAIN_SECONDS)
        await asyncio.sleep(AGAIN_SECONDS)


async def _run(standing: StandingOrder) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gexlake.services.publishing.publish_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
        start_new_session=True,  # Ctrl-C in the service's terminal is the service's, which ends it itself
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(STANDING_ORDER.dump_json(standing) + b"\n")
        await process.stdin.drain()
        async for line in process.stdout:
            _note(line)
    finally:
        process.stdin.close()
        await process.wait()


def _note(line: bytes) -> None:
    document = json.loads(line)
    if "report" not in document:
        log.warning("%s %s", document["message"], document["hint"])
        return
    report = PublishReport.model_validate(document["report"])
    if report.changed:
        log.info("published to the catalog %s: %s", report.catalog, report.tag)

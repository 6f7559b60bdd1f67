"""Publishing beside a service: a process that is kept running, and what it says in the service's log."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from pathlib import Path
from typing import Any

from gexlake.models.publishing import PublishOrder, PublishReport
from gexlake.services.processes.orders import OrderProcess
from gexlake.services.publishing.publish_process import STANDING_ORDER, StandingOrder

log = logging.getLogger(__name__)
MODULE = "gexlake.services.publishing.publish_process"
AGAIN_SECONDS = 10.0
"""Until a process that has ended by itself is started again."""


async def publish_as_committed(lake: Path, order: PublishOrder) -> None:
    """Carry over what is committed, now and as it comes, until this is cancelled."""
    standing = STANDING_ORDER.dump_json(StandingOrder(lake, order))
    while True:
        try:
            process = await OrderProcess.start(MODULE)
            async with aclosing(process.answers(standing)) as answers:
                async for answer in answers:
                    _note(answer)
        except OSError as error:
            log.warning("the process that publishes cannot be started: %s", error.strerror)
        log.warning("publishing to the catalog %s ended; it begins again in %g s", order.catalog, AGAIN_SECONDS)
        await asyncio.sleep(AGAIN_SECONDS)


def _note(answer: dict[str, Any]) -> None:
    said = answer.get("progress", answer)
    if "fault" in said:
        log.warning("%s", f"{said['message']} {said['hint']}".strip())
        return
    report = PublishReport.model_validate(said)
    if report.changed:
        log.info("published to the catalog %s: %s", report.catalog, report.tag)

"""Publishing as commits come, in a process of its own for a service; see `services.processes.orders`.

In the process that answers requests it would hold them up: the library is Python, and takes its time. It is stopped
like any other such process, and what it was at is taken up again by the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from gexlake.errors import CatalogError, fault_document
from gexlake.models.publishing import PublishOrder, PublishReport
from gexlake.services.processes.orders import carry_out, say
from gexlake.services.publishing.publish import iter_published


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """A lake whose commits are to be published as they come."""

    lake: Path
    order: PublishOrder


STANDING_ORDER = TypeAdapter(StandingOrder)


def _publish(standing: StandingOrder) -> PublishReport:
    """Each time something was tried, say what came of it: a report, or what the catalog had against it."""
    for report in iter_published(standing.lake, standing.order):
        if isinstance(report, CatalogError):
            say({"progress": fault_document(report)})
        else:
            say({"progress": report.model_dump(mode="json")})
    raise AssertionError("there is no last commit")


if __name__ == "__main__":
    carry_out(STANDING_ORDER.validate_json, _publish)

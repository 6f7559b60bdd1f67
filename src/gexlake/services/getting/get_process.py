"""A `gexlake get` in a process of its own, for a service; see `services.processes.orders`."""

from __future__ import annotations

from gexlake.services.getting.order import TASK, GetTask
from gexlake.services.getting.report import GetReport
from gexlake.services.getting.run import fetch_history
from gexlake.services.processes.orders import carry_out
from gexlake.vendor.vendor_key import load_key


def _get(task: GetTask) -> GetReport:
    return fetch_history(task.order, load_key(task.key_file), now=task.now).finish()


if __name__ == "__main__":
    carry_out(TASK.validate_json, _get)

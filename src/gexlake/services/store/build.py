"""Rendering a session in a worker process."""

from __future__ import annotations

from collections.abc import Callable

from gexlake.services.store.rendered import BuildTask, Built, write_rendered


def build_rendered(task: BuildTask, *, on_bytes: Callable[[int], None] | None = None) -> Built:
    """Work for `services.workers`: make a session's rendered file; raises what `write_rendered` raises.

    `on_bytes` is called with the bytes of text as they are written, so a pool that stops can end it in between.
    """
    return write_rendered(task, on_bytes=on_bytes)

"""Deleting what was recorded live of a session date, once it is of no more use."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import NamedTuple

from gexlake.db.layout import LakeLayout
from gexlake.db.segments import day_folder, is_segment, segments_of, session_of_segment, waiting_segments
from gexlake.errors import LakeError, UsageError
from gexlake.services.importing.commits import load_lake


class Pruned(NamedTuple):
    """What was deleted."""

    segments: int
    bytes: int


def prune_day(lake: Path, day: date) -> Pruned:
    """Delete the segments of a date.

    Raises `UsageError` where there are none, and `LakeError` where the lake has no file of the vendor's for one of
    them, or has not imported it.
    """
    layout = LakeLayout(lake.absolute())
    segments = segments_of(layout, day)
    if not segments:
        raise UsageError(f"Nothing was recorded of {day}.", hint=f"Look into {layout.live}.")
    if waiting := waiting_segments(layout, day):
        raise LakeError(
            f"{len(waiting)} segments of {day} are not imported yet, as {next(iter(waiting)).name}.",
            hint=f"Run `gexlake import {day_folder(layout, day)}`, or let `gexlake live` do it.",
        )
    recorded = {session.feed for path in segments if (session := session_of_segment(path))}
    replaced = {
        state.feed
        for state in load_lake(layout.root)
        for known in state.known
        if known.sessions.get(day.isoformat()) and not is_segment(known.source_file, layout.live)
    }
    if lacking := sorted(recorded - replaced):
        raise LakeError(
            f"The lake has no file of the vendor's for {lacking[0]} of {day}: what was recorded is all there is.",
            hint="Run `gexlake get`, then this again.",
        )
    size = sum(path.stat().st_size for path in segments)
    shutil.rmtree(day_folder(layout, day))
    return Pruned(len(segments), size)

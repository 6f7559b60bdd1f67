"""One snapshot straight from the published files, in the vendor's shape: what `/gex/at` gives, without a service."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from datetime import date
from pathlib import Path
from typing import Any

from gexlake.db.layout import LakeLayout
from gexlake.db.published import sound_footer
from gexlake.models.feed import Feed, SessionKey
from gexlake.services.asking.moments import iso
from gexlake.services.asking.nearness import age_of, check_near, no_snapshot
from gexlake.services.asking.session_frames import published_files
from gexlake.services.store.opened import open_session
from gexlake.services.store.values import SEPARATOR, Snapshots


def snapshot_at(layout: LakeLayout, feed: Feed, asked_us: int, *, strikes: bool, max_age: float | None) -> Any:
    """The last snapshot at or before an instant, with `as_of` and its age at that instant.

    It is of the same session, by New York's date, unless `max_age` says how many seconds old it may be. Raises
    `NoSnapshotError` where there is none, `LakeError` where a file is damaged.
    """
    timestamp_us, text = _find_last(layout, feed, asked_us, strikes=strikes)
    check_near(feed, timestamp_us, asked_us, max_age)
    return _document(timestamp_us, text, asked_us)


def latest_snapshot(layout: LakeLayout, feed: Feed, *, strikes: bool, max_age: float | None) -> Any:
    """The last snapshot of all, with `as_of` and its age at this moment; `max_age` bounds that where it is said.

    Raises as `snapshot_at` does.
    """
    timestamp_us, text = _find_last(layout, feed, None, strikes=strikes)
    now_us = time.time_ns() // 1000
    if max_age is not None:
        check_near(feed, timestamp_us, now_us, max_age)
    return _document(timestamp_us, text, now_us)


def _document(timestamp_us: int, text: bytes, asked_us: int) -> Any:
    about = {"as_of": iso(timestamp_us), "age_seconds": age_of(timestamp_us, asked_us)}
    return json.loads(text) | about


def _find_last(layout: LakeLayout, feed: Feed, asked_us: int | None, *, strikes: bool) -> tuple[int, bytes]:
    """Sessions hardly ever overlap, but they may: each that begins before the instant is a candidate."""
    spans = []
    for file in published_files(layout, "snapshots", feed):
        footer = sound_footer(file)
        summary = footer["summary"]
        if summary["snapshots"] and (asked_us is None or summary["first_us"] <= asked_us):
            last_us = summary["last_us"] if asked_us is None else min(summary["last_us"], asked_us)
            spans.append((last_us, file, footer["version"]))
    best_us, best = -1, None
    for most_us, file, version in sorted(spans, reverse=True):
        if most_us <= best_us:
            break
        session = _open(layout, feed, file, version)
        timestamps = session.timestamps
        index = len(timestamps) - 1 if asked_us is None else bisect_right(timestamps, asked_us) - 1
        if index >= 0 and timestamps[index] > best_us:
            best_us, best = timestamps[index], (session, index)
    if best is None:
        raise no_snapshot(feed)
    session, index = best
    (text,) = session.texts(index, index + 1, strikes=strikes)
    return best_us, bytes(text).removesuffix(SEPARATOR)


def _open(layout: LakeLayout, feed: Feed, file: Path, version: str) -> Snapshots:
    day = date.fromisoformat(file.parent.name.partition("=")[2])
    key = SessionKey(feed, day)
    return open_session(layout, key, version)

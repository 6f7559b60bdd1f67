"""Segments: what was recorded live of a feed in ten minutes, as JSON Lines in the vendor's shape.

    live/2025-11-14/2025-11-14_NQ_NDX_classic_gex_zero.0930.jsonl    a segment; a source file like any other
    live/2025-11-14/.imported                                        the segments that an import has taken up
    live/2025-11-14/.interruptions.jsonl                             when nothing came, and why
    live/lock                                                        held by the one process that records

A segment is open while it may still grow. It bears the time of day in New York at which it was begun, by the clock of
whoever records.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gexlake.db.layout import LakeLayout, sync_directory
from gexlake.models.feed import FEED_CATEGORIES, Feed, SessionKey
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

SEGMENT_SECONDS = 600
SUFFIX = ".jsonl"
IMPORTED = ".imported"
INTERRUPTIONS = ".interruptions.jsonl"
_ZONE = ZoneInfo(EXCHANGE_TIME_ZONE)


def slot_of(instant_us: int) -> str:
    """Which ten minutes an instant is in: their beginning in New York, as `0930`."""
    moment = datetime.fromtimestamp(instant_us // 1_000_000 // SEGMENT_SECONDS * SEGMENT_SECONDS, UTC)
    return f"{moment.astimezone(_ZONE):%H%M}"


def day_folder(layout: LakeLayout, day: date) -> Path:
    """Where the segments of a session date are."""
    return layout.live / day.isoformat()


def segment_file(layout: LakeLayout, session: SessionKey, slot: str) -> Path:
    """The segment of a feed that was begun at a time of day."""
    day = session.session_date
    return day_folder(layout, day) / f"{day.isoformat()}_{'_'.join(session.feed)}.{slot}{SUFFIX}"


def session_of_segment(file: Path) -> SessionKey | None:
    """The session of a segment by its name; None for any other file."""
    stem, dot, slot = file.name.removesuffix(SUFFIX).rpartition(".")
    day, _, rest = stem.partition("_")
    if not (dot and file.suffix == SUFFIX and slot.isdecimal() and day == file.parent.name):
        return None
    for package, categories in FEED_CATEGORIES.items():
        for category in categories:
            ticker = rest.removesuffix(f"_{package}_{category}")
            if ticker not in (rest, ""):
                return SessionKey(Feed(ticker, package, category), date.fromisoformat(day))
    return None


def is_segment(path: str, live: Path) -> bool:
    """Whether a source file of that path was recorded live in the lake that has this folder."""
    return Path(path).is_relative_to(live.absolute())


def recorded_days(layout: LakeLayout) -> list[date]:
    """The session dates of which something was recorded, ascending."""
    days = []
    if layout.live.is_dir():
        for path in layout.live.iterdir():
            try:
                days.append(date.fromisoformat(path.name))
            except ValueError:
                continue
    return sorted(days)


def segments_of(layout: LakeLayout, day: date) -> list[Path]:
    """The segments of a session date, by name."""
    return sorted(path for path in day_folder(layout, day).glob(f"*{SUFFIX}") if session_of_segment(path))


# ---- what an import has taken up -----------------------------------------------------------------------------------


def imported_segments(layout: LakeLayout, day: date) -> dict[str, int]:
    """The names of the segments that an import has read, and how many bytes each had then."""
    try:
        lines = (day_folder(layout, day) / IMPORTED).read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return {}
    found = (line.partition(" ") for line in lines)
    return {name: int(size) for name, _, size in found if size.isdecimal()}


def note_imported(layout: LakeLayout, day: date, segments: Mapping[Path, int]) -> None:
    """Write down that an import has read these, and how many bytes of each."""
    _append(day_folder(layout, day) / IMPORTED, "".join(f"{path.name} {size}\n" for path, size in segments.items()))


def waiting_segments(layout: LakeLayout, day: date) -> dict[Path, int]:
    """The segments that no import has read as they are now, by name, and how many bytes each has."""
    done = imported_segments(layout, day)
    sizes = {path: path.stat().st_size for path in segments_of(layout, day)}
    return {path: size for path, size in sizes.items() if size and done.get(path.name) != size}


# ---- when nothing came ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interruption:
    """A stretch without a record of a feed, and why. Unix microseconds; from its last record to the first new one."""

    ticker: str
    package: str
    category: str
    start_us: int
    end_us: int
    reason: str

    @property
    def feed(self) -> Feed:
        """Whose."""
        return Feed(self.ticker, self.package, self.category)


def note_interruptions(layout: LakeLayout, day: date, interruptions: Iterable[Interruption]) -> None:
    """Write down what was missed."""
    text = "".join(json.dumps(asdict(one)) + "\n" for one in interruptions)
    if text:
        _append(day_folder(layout, day) / INTERRUPTIONS, text)


def interruptions_of(layout: LakeLayout, day: date) -> list[Interruption]:
    """What was missed of a session date; a line that is not whole is left out."""
    found = []
    try:
        text = (day_folder(layout, day) / INTERRUPTIONS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    for line in text.split("\n")[:-1]:
        try:
            found.append(Interruption(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def _append(file: Path, text: str) -> None:
    is_new = not file.exists()
    with file.open("a", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    if is_new:
        sync_directory(file.parent)

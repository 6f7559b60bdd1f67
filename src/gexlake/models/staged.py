"""Finished work that waits to be committed: what a worker hands to the owner of the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from gexlake.models.feed import Feed, SessionKey
from gexlake.models.lineage import FileStatus, LineageRecord


class Outcome(StrEnum):
    """What has become of work that was to be committed."""

    COMMITTED = "committed"
    STALE = "stale"
    """The lake has moved on since it was staged: it has to be staged anew."""
    HELD_BACK = "held_back"
    """Work of its feed that comes before it was not committed, and has to be first."""


MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What a session holds: timestamps in Unix microseconds UTC, None where it is empty.

    `rows` counts strike rows; `holes` are the stretches of cash hours without a snapshot, as (start, end) in Unix
    microseconds.
    """

    snapshots: int
    rows: int
    first_us: int | None
    last_us: int | None
    holes: list[tuple[int, int]]


@dataclass(slots=True)
class StagedSession:
    """One session, staged in `directory`: finished Parquet files where `summary` is set, and perhaps lineage.

    `base_version` is the version of the session in the lake that this work builds on, None where there was none; the
    commit refuses it when the lake has moved on. With `removes`, the session leaves the lake. Sources may give to
    several sessions: one of these carries their lineage, and `follows` names the versions of the others by date, which
    must be there when it is committed. Of the versions before, `keep_versions` are kept for `gexlake restore`;
    None where the content is that of the version before, in other files: then what is kept stays as it is.
    `revised_by` is the last import that took out or brought back snapshots without a source that says so.
    The manifest is written last, so where it stands the work is whole.
    """

    import_id: str
    record_type: str
    session: SessionKey
    version: str
    base_version: str | None
    directory: Path | None
    lineage: list[LineageRecord]
    summary: SessionSummary | None = None
    checksum: str | None = None
    source_files: int = 0
    source_bytes: int = 0
    has_quarantine: bool = False
    raw_files: list[str] = field(default_factory=list)
    removes: bool = False
    follows: dict[str, str] = field(default_factory=dict)
    keep_versions: int | None = 1
    revised_by: str | None = None

    @property
    def changes_data(self) -> bool:
        """Whether the session's data files are to be replaced."""
        return self.summary is not None

    def dump(self) -> str:
        """The manifest's text."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        return json.dumps(document, default=_plain)

    @classmethod
    def load(cls, directory: Path) -> StagedSession:
        """The manifest in a staging directory; raises `OSError` or `ValueError` where there is no whole one."""
        document: dict[str, Any] = json.loads((directory / MANIFEST_NAME).read_text(encoding="utf-8"))
        feed, day = document["session"]
        document["session"] = SessionKey(Feed(*feed), date.fromisoformat(day))
        document["directory"] = directory
        document["lineage"] = [_load_lineage(record) for record in document["lineage"]]
        if document["summary"] is not None:
            holes = [(start, end) for start, end in document["summary"].pop("holes")]
            document["summary"] = SessionSummary(**document["summary"], holes=holes)
        return cls(**{item.name: document[item.name] for item in fields(cls)})


def _plain(value: object) -> object:
    if isinstance(value, LineageRecord | SessionSummary):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    return str(value)


def _load_lineage(record: dict[str, Any]) -> LineageRecord:
    moment = record["import_timestamp"]
    record["import_timestamp"] = datetime.fromisoformat(moment) if moment else None
    record["status"] = FileStatus(record["status"])
    return LineageRecord(**record)

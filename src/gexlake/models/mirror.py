"""The published form of a lake, the same in a bucket and in a folder.

    versions/…                        the Parquet files of versions, under the keys that they have in the lake
    imports/<id>/<table>-<sum>.parquet    the journal of each import
    quarantine/…                      refused records too large for a table
    notes/<date>-<sum>.jsonl          users' notes of a session date
    commits/<number>.json             what each publication changed, numbered from 1; the truth of what is published
    lists/<number>.json               all that is live after a publication, so that who begins need not read all
    lease.json                        who writes

Nothing but the lease is ever replaced under its key.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from gexlake.models.feed import Feed, SessionKey

FORMAT = 1
COMMITS = "commits"
LISTS = "lists"
LEASE = "lease.json"
FOLDERS = ("versions", "imports", "quarantine", "notes")
"""Of files that publications name."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._=+-]{0,199}$")]
"""Of a file or folder: it leads nowhere else."""


class PublishedFile(BaseModel):
    """A file of the published form; its checksum is its seal, or XXH3-128 of all its bytes where it has none."""

    key: str
    size: int
    checksum: str


class PublishedChange(BaseModel):
    """What a commit made of a session; see the columns of the table `changes`. `version` None: it was removed."""

    commit: int
    record_type: str
    ticker: str
    package: str
    category: str
    session_date: date
    version: str | None
    replaced: str | None = None
    keep_versions: int | None = None
    import_id: str | None = None
    files: list[PublishedFile] = []

    @property
    def session(self) -> SessionKey:
        """The session."""
        return SessionKey(Feed(self.ticker, self.package, self.category), self.session_date)


class PublishedJournal(BaseModel):
    """The journal of an import, by table, and the refused records that lie in files of their own."""

    import_id: Name
    tables: dict[Name, PublishedFile]
    raw_files: dict[Name, PublishedFile] = {}


class PublishedCommit(BaseModel):
    """One publication: what was committed since the one before. With `whole`, all that is live, and no others.

    `notes` are the files of notes, by session date, that have become others since; with `whole`, all of them.
    """

    format: Literal[1] = 1
    mirror: str
    """The same in all publications of a place."""
    number: int
    before: int
    """The publication before; it is 0 where there is none."""
    owner: str
    """The lake, on its machine, that published it."""
    commit: int
    """The last commit of the lake that is in it."""
    times: dict[int, datetime]
    """When commits were made, UTC, by number: those that are in it, of a list the last alone."""
    gexlake_version: str
    whole: bool
    snapshots_in_database: bool = True
    """Whether the owner's database has tables of snapshots."""
    changes: list[PublishedChange]
    journals: list[PublishedJournal]
    notes: dict[date, PublishedFile] = {}

    @property
    def committed_at(self) -> datetime | None:
        """When the last of its commits was made."""
        return self.times.get(self.commit)

    def to_json(self) -> bytes:
        """As it is published: what is as by default is left out."""
        return b'{"format":%d,' % self.format + self.model_dump_json(exclude_defaults=True).encode()[1:]


class PushReport(BaseModel):
    """What a push has carried over. `publication` is the number of the last one, `sessions` count changes."""

    lake: str
    mirror: str
    publication: int
    commit: int
    changed: bool
    sessions: int = 0
    imports: int = 0
    notes: int = 0
    """Session dates of which there are other notes."""
    files: int = 0
    bytes: int = 0


class PullReport(BaseModel):
    """What a pull has brought. `publication` is the number of the last one that was applied."""

    lake: str
    mirror: str
    publication: int
    commit: int
    publications: int = 0
    sessions: int = 0
    files: int = 0
    bytes: int = 0


class MirrorStatus(BaseModel):
    """How far a mirror is behind its lake."""

    mirror: str
    publication: int
    commit: int
    commits_behind: int
    pushed_at: datetime | None
    problem: str = ""


class ReplicaStatus(BaseModel):
    """How far a replica has followed the lake that it is of; `problem` is why it does not get on."""

    source: str
    publication: int
    commit: int
    committed_at: datetime | None
    behind_seconds: float = Field(
        description="For how long it has not been known that nothing newer is published; 0 for less than two seconds."
    )
    problem: str = ""


def commit_key(number: int) -> str:
    """The key of a publication."""
    return f"{COMMITS}/{number:012}.json"


def list_key(number: int) -> str:
    """The key of the list of all that is live after a publication."""
    return f"{LISTS}/{number:012}.json"


def number_of(key: str) -> int | None:
    """The number of either, None for another key."""
    stem = Path(key).name.removesuffix(".json")
    return int(stem) if stem.isdecimal() else None

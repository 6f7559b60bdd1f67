"""What the routes of a replay share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from starlette.requests import HTTPConnection

from gexlake.replay.archive import Archive
from gexlake.replay.clock import Clocks
from gexlake.replay.faults import FaultBox
from gexlake.replay.hubs.broadcast import Hubs
from gexlake.replay.hubs.slots import Slots
from gexlake.replay.lake_reader import LakeReader
from gexlake.replay.pace import Pace
from gexlake.replay.signing import Signer

PREFIX = "/gexlake/replay"
"""Of all routes that are ours."""


@dataclass
class Replay:
    """One replay."""

    reader: LakeReader
    clocks: Clocks
    archive: Archive
    signer: Signer
    hubs: Hubs
    faults: FaultBox
    days: tuple[date, ...]
    slots: Slots = field(default_factory=Slots)
    pace: Pace = field(default_factory=Pace)
    strict: bool = False
    carry_over: bool = False
    """Whether, before the first record of a day, the last of the day before stands."""


def replay_of(connection: HTTPConnection) -> Replay:
    """The replay that a request is made to."""
    replay: Replay = connection.app.state.replay
    return replay


def origin_of(connection: HTTPConnection, schemes: Mapping[str, str] | None = None) -> str:
    """Scheme and host as the client has them: `http://127.0.0.1:8766`; `schemes` says what another is to be."""
    scheme = connection.url.scheme
    return f"{(schemes or {}).get(scheme, scheme)}://{connection.url.netloc}"

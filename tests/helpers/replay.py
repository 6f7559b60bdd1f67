"""A running `gexlake replay`: the vendor's service as tests and their clients meet it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gexlake.models.feed import PACKAGES, Feed
from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history
from gexlake.vendor.frames import (
    CODECS,
    Ack,
    Connected,
    Downstream,
    GroupMessage,
    JoinGroup,
    Ping,
    Pong,
    Upstream,
)
from helpers.histories import MONDAY
from helpers.processes import PATIENCE_SECONDS, until
from helpers.programs import Program

KEY = "gexbot_custom_open-sesame"
CONTROL = "/gexlake/replay"
RELIABLE = "json.reliable.webpubsub.azure.v1"


class ReplayProcess:
    """A replay on a free port, as a process; its control routes as methods."""

    def __init__(self, lake: Path, *options: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GEXLAKE_")}
        self.process = Program(
            ["replay", "--lake", lake, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.url = self._url()
        self.client = httpx2.Client(base_url=self.url, timeout=PATIENCE_SECONDS)

    def _url(self) -> str:
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"Replaying .* at (http://\S+)", line):
                return found[1]
        raise AssertionError("it ended without a word of where it listens: " + "".join(said))

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Exit status, stdout and the rest of stderr."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err

    # ---- what the vendor's clients do ----------------------------------------------------------------------

    def get(self, path: str, *, key: str = KEY, **options: Any) -> httpx2.Response:
        """An answer of a vendor's route to a key."""
        headers = {"Authorization": f"Bearer {key}", **options.pop("headers", {})}
        return self.client.get(path, headers=headers, **options)

    def post(self, path: str, document: Any, *, key: str = KEY, method: str = "POST") -> httpx2.Response:
        """The same of a route that takes a document."""
        return self.client.request(method, path, headers={"Authorization": f"Bearer {key}"}, json=document)

    # ---- control -------------------------------------------------------------------------------------------

    def control(self, name: str, **body: Any) -> dict[str, Any]:
        """A control request about the clock; what it shows then."""
        return self._done(self.client.post(f"{CONTROL}/{name}", json=body))

    def open(self, url: str, subprotocol: str | None = RELIABLE, **options: Any) -> Socket:
        """A socket, which is there for the server as well."""
        before = self.status()["sockets"]["groups"]
        socket = Socket(url, subprotocol, **options)
        if subprotocol is None:  # no greeting says so: that it is in the groups that were negotiated does
            until(lambda: self.status()["sockets"]["groups"] != before)
        return socket

    def faults(self, **faults: Any) -> None:
        """These go wrong from now on, and nothing else."""
        self._done(self.client.put(f"{CONTROL}/faults", json=faults))

    def status(self) -> dict[str, Any]:
        """What it says about itself."""
        return self._done(self.client.get(CONTROL))

    @staticmethod
    def _done(response: httpx2.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


@contextmanager
def running_replay(lake: Path, *options: str) -> Iterator[ReplayProcess]:
    """A replay for as long as the block lasts, which ends well."""
    replay = ReplayProcess(lake, *options)
    try:
        yield replay
        status, _, err = replay.end()
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        replay.process.kill()


def make_lake(
    folder: Path,
    *,
    sessions: int = 2,
    snapshots: int = 30,
    strikes: int = 9,
    categories: Sequence[str] | None = None,
) -> Path:
    """A lake of NQ_NDX from 2025-11-10 on, all 15 feeds or those; its history stays beside it in `source`."""
    source, lake = folder / "source", folder / "data"
    feeds: dict[str, Any] = {"packages": PACKAGES, "categories": categories} if categories else {"all_categories": True}
    write_sample(source, sessions=sessions, start=MONDAY, snapshots=snapshots, strikes=strikes, **feeds).note.unlink()
    import_history(source, lake)
    return lake


def source_file(lake: Path, day: object, package: str, category: str, ticker: str = "NQ_NDX") -> Path:
    """The history file that a session of such a lake was made of."""
    return lake.parent / "source" / f"{day}_{ticker}_{package}_{category}.json"


def records_of_source(lake: Path, day: object, feed: Feed) -> list[dict[str, Any]]:
    """The records that a session of such a lake was made of."""
    records: list[dict[str, Any]] = json.loads(source_file(lake, day, feed.package, feed.category).read_bytes())
    return records


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """These records, in this order, with these numbers. In words of its own: a diff of ladders takes minutes."""
    assert [record["timestamp"] for record in found] == [record["timestamp"] for record in expected]
    for one, other in zip(found, expected, strict=True):
        different = [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]
        assert not different, f"{different} of {one['timestamp']}"
        assert list(one) == list(other)


class Socket:
    """A socket of a hub, in one of the subprotocols or none; it waits for what it expects."""

    def __init__(self, url: str, subprotocol: str | None = RELIABLE, **options: Any) -> None:
        offered = [Subprotocol(subprotocol)] if subprotocol else None
        self._stack = ExitStack()
        self.connection = self._stack.enter_context(connect(url, subprotocols=offered, compression=None, **options))
        assert self.connection.subprotocol == subprotocol
        self.codec = CODECS[subprotocol]
        if subprotocol:
            assert isinstance(self.receive(), Connected)
        self._acks = 0

    def receive(self) -> Downstream | None:
        """The next frame."""
        return self.codec.read_downstream(self.connection.recv(timeout=PATIENCE_SECONDS))

    def say(self, value: Upstream) -> None:
        """Send a frame."""
        frame = self.codec.write_upstream(value)
        assert frame is not None
        self.connection.send(frame)

    def join(self, group: str) -> Ack:
        """Join a group, by its whole name, and wait for the answer."""
        self._acks += 1
        self.say(JoinGroup(group, self._acks))
        answer = self.receive()
        assert isinstance(answer, Ack)
        assert answer.ack_id == self._acks
        return answer

    def messages(self, count: int) -> list[GroupMessage]:
        """The next messages, which nothing else comes between."""
        found = [self.receive() for _ in range(count)]
        assert all(isinstance(message, GroupMessage) for message in found), found
        return found  # type: ignore[return-value]

    def so_far(self) -> list[GroupMessage]:
        """All messages that the server has sent until now: the answer to a ping is behind them."""
        self.say(Ping())
        found = []
        while not isinstance(received := self.receive(), Pong):
            assert isinstance(received, GroupMessage)
            found.append(received)
        return found

    def is_silent(self) -> bool:
        """Whether nothing has come until now."""
        return not self.so_far()

    def close(self) -> None:
        """Say goodbye."""
        self._stack.close()

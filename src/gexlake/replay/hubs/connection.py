"""One socket: what a client says on it, and what it is told."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from gexlake.replay.hubs.outbox import Outbox, OverflowingError
from gexlake.vendor.frames import (
    CODECS,
    Ack,
    BrokenFrameError,
    Connected,
    Disconnected,
    Frame,
    JoinGroup,
    LeaveGroup,
    Ping,
    Pong,
    choose,
)
from gexlake.vendor.groups import Group

NORMAL, POLICY = 1000, 1008
NETWORK_SECONDS = 0.05
"""An opening and an ack take as long as over a network. The Azure client in Python, which the vendor's program uses,
begins to wait for either after it has asked, misses one that is there already, and stands still for 30 seconds."""
DRAIN_SECONDS = 0.005
"""How often to look whether all has been sent before a close."""
Join = Callable[["Connection", str], str | None]
"""Joins a connection to a group by its whole name; the name of an error, or None."""
Leave = Callable[["Connection", str], None]


class Connection:
    """A socket of one hub. `offer` may be called at any time; `run` lasts as long as the socket."""

    def __init__(self, websocket: WebSocket, hub: str) -> None:
        self.hub = hub
        self.connection_id = secrets.token_urlsafe(12)
        self.subprotocol = choose(websocket.scope["subprotocols"])
        self.codec = CODECS[self.subprotocol]
        self.outbox = Outbox()
        self.groups: set[Group] = set()
        """Those that it is told of, kept by whoever joins it to them."""
        self._websocket = websocket
        self._something = asyncio.Event()
        self._sequence = 0
        self._close_code: int | None = NORMAL
        self._ending = asyncio.Event()

    # ---- what it is told -----------------------------------------------------------------------------------

    def offer(self, group: str, frame: Frame) -> None:
        """News of a group, as the codec's `shared` has made them."""
        self.outbox.offer(group, frame)
        self._something.set()

    def end(self, reason: str) -> None:
        """Say that it is over, and close."""
        self._answer(self.codec.write_downstream(Disconnected(reason)))
        self.drop(NORMAL)

    def drop(self, code: int | None) -> None:
        """Close with a code, or, with None, break the connection off."""
        self._close_code = code
        self._ending.set()

    # ---- as long as it lasts -------------------------------------------------------------------------------

    async def run(self, join: Join, leave: Leave, joined: list[str]) -> None:
        """Greet, join it to these groups, and go on until either side has had enough."""
        await asyncio.sleep(NETWORK_SECONDS)
        await self._websocket.accept(subprotocol=self.subprotocol)
        self._answer(self.codec.write_downstream(Connected(self.connection_id)))
        for group in joined:
            join(self, group)
        writing = asyncio.create_task(self._write())
        tasks = [
            asyncio.create_task(self._read(join, leave)),
            writing,
            asyncio.create_task(self._ending.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await self._close(writing)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                    raise outcome

    async def _close(self, writing: asyncio.Task[None]) -> None:
        if not self._ending.is_set() or self._close_code is None:
            return  # the client is gone, or is to be left without a word: the server breaks the connection off
        try:
            async with asyncio.timeout(1):  # a reader that does not read is not waited for
                while self.outbox and not writing.done():
                    await asyncio.sleep(DRAIN_SECONDS)
                writing.cancel()  # nothing may be sent behind the close
                await self._websocket.close(self._close_code)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            return

    async def _read(self, join: Join, leave: Leave) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            try:
                self._hear(text if text is not None else event["bytes"], join, leave)
            except BrokenFrameError:
                self.drop(POLICY)

    def _hear(self, frame: Frame, join: Join, leave: Leave) -> None:
        said = self.codec.read_upstream(frame)
        match said:
            case JoinGroup(group, ack_id):
                self._acknowledge(ack_id, join(self, group), group)
            case LeaveGroup(group, ack_id):
                leave(self, group)
                self._acknowledge(ack_id, None, group)
            case Ping():
                self._answer(self.codec.write_downstream(Pong()))

    def _acknowledge(self, ack_id: int | None, error: str | None, group: str) -> None:
        if ack_id is not None:
            message = f"Group {group[:100]!r}." if error else ""
            frame = self.codec.write_downstream(Ack(ack_id, error, message))
            asyncio.get_running_loop().call_later(NETWORK_SECONDS, self._answer, frame)

    def _answer(self, frame: Frame | None) -> None:
        if frame is None:
            return
        try:
            self.outbox.answer(frame)
        except OverflowingError:
            self.drop(POLICY)
        self._something.set()

    async def _write(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self.outbox:
                group, frame = self.outbox.take()
                if group is not None:
                    self._sequence += 1
                    frame = self.codec.numbered(frame, self._sequence)
                # Waits for a reader that is slow; what comes meanwhile waits in the outbox.
                kind = "text" if isinstance(frame, str) else "bytes"
                await self._websocket.send({"type": "websocket.send", kind: frame})

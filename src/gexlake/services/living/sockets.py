"""Sockets: negotiated, listened to, and negotiated anew when they are lost.

A successful POST closes the sockets that the key had before, so there are never two within `APART_SECONDS`, and the
waits between them double. One socket that closes is opened once more at the same address; then all are negotiated anew.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException

from gexlake.models.feed import Feed
from gexlake.services.living.clock import Clock
from gexlake.services.living.messages import MessageTaker
from gexlake.services.living.recorder import Recorder
from gexlake.validation.calendar import cash_hours, new_york_day
from gexlake.vendor.frames import CODECS, BrokenFrameError, Disconnected, GroupMessage, SequenceAck
from gexlake.vendor.http import USER_AGENT
from gexlake.vendor.live import LiveClient, hubs_of
from gexlake.vendor.messages import MOST_BYTES
from gexlake.vendor.trouble import TroubleError

log = logging.getLogger(__name__)

SUBPROTOCOLS = ("protobuf.webpubsub.azure.v1", "json.reliable.webpubsub.azure.v1", "json.webpubsub.azure.v1")
"""In order of preference. Without one a message does not say of which category it is."""
FIRST_WAIT_SECONDS, LAST_WAIT_SECONDS, JITTER = 1.0, 60.0, 0.3
APART_SECONDS = 5.0
ADDRESS_SECONDS = 900.0
"""How long after the POST an address may be opened again."""
STEADY_SECONDS = 60.0
"""Sockets that lasted so long were sound: the waits begin anew."""
MUTE_SECONDS = 60.0
"""In market hours, after which a hub that says nothing is taken for lost."""
WATCH_SECONDS = 1.0
"""How often that is looked at."""
OPEN_SECONDS = 20.0
PING_SECONDS, PONG_SECONDS = 20.0, 20.0
ACK_SECONDS = 1.0
FRAMES_AHEAD = 1 << 12
"""Of a hub that are taken off the line before they are recorded, of some kB each: minutes in which this process gets
too little of the processor. What stays on the line, the other side leaves out or ends."""


class LostError(Exception):
    """The sockets are of no more use; in words."""


@dataclass(slots=True)
class _Hub:
    """A hub's socket: when it last said something, by the loop's clock."""

    name: str
    feeds: list[Feed]
    heard_at: float
    opened: bool = False
    spoke: bool = False


@dataclass
class Sockets:
    """Listens until it is cancelled. Raises `VendorError` where the vendor does not take the key."""

    client: LiveClient
    feeds: Sequence[Feed]
    recorder: Recorder
    clock: Clock
    say: Callable[[str], None] = log.info
    wait_seconds: float = FIRST_WAIT_SECONDS
    apart_seconds: float = APART_SECONDS
    address_seconds: float = ADDRESS_SECONDS
    mute_seconds: float = MUTE_SECONDS
    _posted_at: float = field(default=float("-inf"), init=False)
    _hubs: list[_Hub] = field(default_factory=list, init=False)

    async def run(self, urls: dict[str, str] | None = None) -> None:
        """Go on for ever; with the answer to a POST where there is one already."""
        wait_seconds = self.wait_seconds
        while True:
            begun = _now()
            reason = await self._listen_once(urls)
            urls = None
            self.recorder.interrupt(self.feeds, reason)
            self.recorder.warn(f"{reason} Negotiating anew.")
            self.recorder.reconnects += 1
            if _now() - begun > STEADY_SECONDS:
                wait_seconds = self.wait_seconds
            await asyncio.sleep(wait_seconds * random.uniform(1, 1 + JITTER))
            wait_seconds = min(2 * wait_seconds, LAST_WAIT_SECONDS)

    async def negotiate(self) -> dict[str, str]:
        """POST, no sooner than some seconds after the last time."""
        await asyncio.sleep(max(0.0, self._posted_at + self.apart_seconds - _now()))
        self._posted_at = _now()
        return await self.client.negotiate(self.feeds)

    async def _listen_once(self, urls: dict[str, str] | None) -> str:
        """Listen for as long as it goes well; why it ended."""
        try:
            urls = urls or await self.negotiate()
        except TroubleError as error:
            return error.message
        hubs = hubs_of(self.feeds)
        lacking = sorted(hubs.keys() - urls.keys())
        if lacking:
            return f"The vendor gave no address for {', '.join(lacking)}: the key may not have it."
        taker = MessageTaker(self.recorder, self.feeds)
        self._hubs = [_Hub(name, feeds, _now()) for name, feeds in hubs.items()]
        work = [self._watch(), taker.release_late()]
        work += [self._keep_open(hub, urls[hub.name], taker) for hub in self._hubs]
        return await _first_loss([asyncio.create_task(one) for one in work])

    async def _keep_open(self, hub: _Hub, url: str, taker: MessageTaker) -> None:
        """Listen to a hub; open its address again once after each time that it spoke, while the address is good."""
        while True:
            reason = await self._listen(hub, url, taker)
            self.recorder.interrupt(hub.feeds, reason)
            if not hub.spoke or _now() - self._posted_at > self.address_seconds:
                raise LostError(reason)
            hub.spoke = False

    async def _listen(self, hub: _Hub, url: str, taker: MessageTaker) -> str:
        """One connection of a hub to its end; why it ended."""
        reason = ""
        try:
            async with connect(
                url,
                subprotocols=SUBPROTOCOLS,  # type: ignore[arg-type]  # NewType of str
                compression=None,  # messages are packed already
                user_agent_header=USER_AGENT,
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PONG_SECONDS,
                close_timeout=1,
                max_size=MOST_BYTES,
                max_queue=FRAMES_AHEAD,
            ) as socket:
                self.recorder.reconnects += hub.opened
                hub.opened, hub.heard_at = True, _now()
                if all(hub.opened for hub in self._hubs):
                    self.say(f"Listening to {len(self._hubs)} hubs.")
                reason = await self._hear(hub, socket, taker)
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            return reason or f"{hub.name} was closed ({code or 'broken off'})."
        except InvalidHandshake as error:
            return f"{hub.name} could not be opened: {type(error).__name__}."
        except (WebSocketException, OSError, TimeoutError) as error:
            return f"{hub.name} is lost: {type(error).__name__}."
        return reason

    async def _hear(self, hub: _Hub, socket: ClientConnection, taker: MessageTaker) -> str:
        codec, sequence, acked_at, reason = CODECS[socket.subprotocol], 0, _now(), ""
        async for frame in socket:
            try:
                said = codec.read_downstream(frame)
            except BrokenFrameError:
                self.recorder.unknown["broken frame"] += 1
                continue
            match said:
                case GroupMessage():
                    hub.heard_at, hub.spoke = _now(), True
                    taker.take(hub.feeds, said)
                    await asyncio.sleep(0)  # all feeds speak in the same moment: others have their turn between two
                    sequence = said.sequence_id or sequence
                    if sequence and _now() - acked_at > ACK_SECONDS:
                        acked_at = _now()
                        if (ack := codec.write_upstream(SequenceAck(sequence))) is not None:
                            await socket.send(ack)
                case Disconnected(why):
                    reason = f"{hub.name} was ended by the vendor: {self.client.redact(why)[:120]}"
        return reason or f"{hub.name} was closed ({socket.close_code})."

    # ---- silence -------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Raise `LostError` where a hub says nothing for long, in market hours alone."""
        since = _now()
        while True:
            await asyncio.sleep(min(WATCH_SECONDS, self.mute_seconds))
            if not self._is_session():
                since = _now()
                continue
            now = _now()
            mute = [hub for hub in self._hubs if now - max(hub.heard_at, since) > self.mute_seconds]
            if mute:
                raise LostError(explain_silence([hub.name for hub in mute], len(self._hubs), self.mute_seconds))

    def _is_session(self) -> bool:
        now_us = self.clock.now_us()
        hours = cash_hours(new_york_day(now_us))
        return hours is not None and hours.open_us <= now_us <= hours.close_us


async def _first_loss(tasks: list[asyncio.Task[None]]) -> str:
    """Wait until one of the tasks, which have no end, is lost, and end the others; why it was.

    A group of tasks would drop a cancellation of the caller that comes in the moment of a loss, until Python 3.13, and
    listen for ever.
    """
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    errors = [error for task in done if (error := task.exception()) is not None]
    for error in errors:
        if not isinstance(error, LostError):
            raise error
    return str(errors[0])


def explain_silence(mute: Sequence[str], hubs: int, seconds: float) -> str:
    """Why nothing comes from these of so many hubs, as far as can be told."""
    silence = f"Nothing came from {', '.join(mute)} for {seconds:.0f} s"
    if len(mute) == hubs:
        return (
            f"{silence} in market hours: the network, the vendor, or another program that uses the key and took the "
            "place of this one."
        )
    return f"{silence}, while other hubs speak: the key may not have its groups."


def _now() -> float:
    return asyncio.get_running_loop().time()

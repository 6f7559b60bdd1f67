"""Announcements of committed sessions: within the process always, and over Redis where there is one.

    async with Announcer(redis_url) as announcer:
        announcer.publish({"type": "session", …})         # from any thread, never waits
        async with announcer.subscribe() as events:
            async for event in events: …

Redis is a convenience here, never a condition: when it is lost, that is logged once, announcements go on within the
process, and what was published meanwhile is sent when it is back. Messages on the channel `gexlake:sessions` are JSON
objects: the event and, as `publisher`, the announcer that it came from.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from gexlake.errors import GexlakeError

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

CHANNEL = "gexlake:sessions"
MAX_LAG_EVENTS = 1000
"""Events that a subscriber may be behind, and that are kept for a Redis that is lost."""
MAX_EVENT_BYTES = 64 << 10
"""Of a message from others."""
FIRST_RETRY_SECONDS = 0.1
LAST_RETRY_SECONDS = 30.0
ANSWER_SECONDS = 2.0
"""Within which Redis has to answer, else it is lost."""
PING_SECONDS = 5.0

Event = dict[str, Any]
Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)


class LaggedError(GexlakeError):
    """A subscriber was so far behind that events were lost to it: it has to read anew what it follows."""

    retryable = True


class Announcer:
    """Passes events on to all subscribers of this process, and over Redis to those of others."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._redis_url = redis_url
        self._publisher = secrets.token_hex(8)
        self._subscriptions: set[_Subscription] = set()
        self._unsent: deque[str] = deque(maxlen=MAX_LAG_EVENTS)
        self._has_unsent = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bridge: asyncio.Task[None] | None = None
        self._connected = False

    @property
    def connected(self) -> bool:
        """Whether Redis is in use at this moment."""
        return self._connected

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        if self._redis_url is not None:
            self._bridge = asyncio.create_task(self._keep_bridge(self._redis_url))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop = None
        if self._bridge is not None:
            self._bridge.cancel()
            await asyncio.wait([self._bridge])  # which raises nothing of it, and does not hide that we are cancelled
        for subscription in self._subscriptions:
            subscription.end()

    def publish(self, event: Event, *, lasting: bool = True) -> None:
        """Announce an event, from any thread; nothing happens once the announcer is closed.

        One that is not `lasting` is of no use later, and is not kept for a Redis that is lost: there are many such.
        Raises `TypeError` for an event that JSON cannot express.
        """
        message = json.dumps(event | {"publisher": self._publisher})
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed this very moment
                loop.call_soon_threadsafe(self._pass_on, event, message if lasting or self._connected else None)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[Event]]:
        """Events from this moment on. The iterator ends with the announcer.

        The iterator raises `LaggedError` when more than `MAX_LAG_EVENTS` wait in it.
        """
        subscription = _Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def _pass_on(self, event: Event, message: str | None) -> None:
        for subscription in self._subscriptions:
            subscription.put(event)
        if self._bridge is not None and message is not None:
            self._unsent.append(message)
            self._has_unsent.set()

    # ---- Redis ---------------------------------------------------------------------------------------------

    async def _keep_bridge(self, url: str) -> None:
        """Keep the connection to Redis, whatever happens to it; tell each change once."""
        place = _place(url)
        told = False
        retry_seconds = FIRST_RETRY_SECONDS
        connected_at = None
        while self._loop is not None:
            try:
                async with _connect(url) as client, client.pubsub() as channel:
                    await _subscribe(channel)
                    self._connected = True
                    connected_at = time.monotonic()
                    if told:
                        told = False
                        logger.warning("Redis at %s is back; sessions are announced through it again.", place)
                    await self._use_bridge(client, channel)
            except Exception as error:  # what answers there need not be Redis: any kind of nonsense may come
                self._connected = False
                # One that is lost as soon as it is found is not sought ten times a second for ever.
                if connected_at is not None and time.monotonic() - connected_at > LAST_RETRY_SECONDS:
                    retry_seconds = FIRST_RETRY_SECONDS
                connected_at = None
                if self._loop is None:  # closed in the moment of the loss: the group of tasks raised that in its place
                    return
                if not told:
                    told = True
                    # The kind alone: the text of a foreign error may hold what stands in the URL.
                    kind = type(error).__name__
                    logger.warning(
                        "Redis at %s is lost (%s); sessions are announced in this process only.", place, kind
                    )
            await asyncio.sleep(retry_seconds)
            retry_seconds = min(2 * retry_seconds, LAST_RETRY_SECONDS)

    async def _use_bridge(self, client: Redis, channel: PubSub) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(client))
                group.create_task(self._receive(client, channel))
        except ExceptionGroup as errors:  # one loss is enough to know, and what it is decides what comes next
            raise errors.exceptions[0] from None

    async def _send(self, client: Redis) -> None:
        while True:
            await self._has_unsent.wait()
            while self._unsent:
                message = self._unsent[0]
                await _soon(client.publish(CHANNEL, message))
                # It may have been pushed out while this waited, by a thousand others.
                if self._unsent and self._unsent[0] is message:
                    self._unsent.popleft()
            self._has_unsent.clear()

    async def _receive(self, client: Redis, channel: PubSub) -> None:
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=PING_SECONDS)
            if message is None:  # silence: is anyone there?
                await _soon(client.ping())
            elif (event := _read_event(message["data"])) is not None and event.pop("publisher", "") != self._publisher:
                self._pass_on(event, None)


class _Subscription:
    """A bounded queue that can end."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._lagged = False

    def put(self, event: Event) -> None:
        if len(self._events) < MAX_LAG_EVENTS:
            self._events.append(event)
        else:
            self._lagged = True
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._lagged:
                raise LaggedError(f"More than {MAX_LAG_EVENTS} announcements waited.", hint="Read the state anew.")
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


async def _subscribe(channel: PubSub) -> None:
    """Listen to our channel. Raises where it is not confirmed: what answers there is not Redis."""
    await _soon(channel.subscribe(CHANNEL))
    confirmation = await _soon(channel.get_message(timeout=ANSWER_SECONDS))
    if confirmation is None or confirmation["type"] != "subscribe":
        raise ConnectionError("The subscription is not confirmed.")


def _connect(url: str) -> Redis:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url,
        socket_timeout=None,  # a subscriber waits long; what has to be quick is bounded by `_soon`
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),  # `_keep_bridge` does it, and says so
    )


async def _soon(awaitable: Awaitable[Answer]) -> Answer:
    async with asyncio.timeout(ANSWER_SECONDS):
        return await awaitable


def _read_event(text: object) -> Event | None:
    """The event of a message; None for what others may have sent to the channel."""
    if not isinstance(text, bytes) or len(text) > MAX_EVENT_BYTES:
        return None
    try:
        event = json.loads(text)
        json.dumps(event, ensure_ascii=False, allow_nan=False).encode()  # it is to be sent on
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and _KIND.fullmatch(str(event.get("type", ""))) else None


_KIND = re.compile(r"[A-Za-z0-9_.-]{0,64}", re.ASCII)
"""What a type of event is: it stands in a line of its own in the stream."""


def _place(url: str) -> str:
    """Where a Redis is, without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}"

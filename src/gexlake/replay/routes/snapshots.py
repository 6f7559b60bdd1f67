"""Newest snapshots, their short forms, and the lists of what there is."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response

from gexlake.models.feed import FEED_CATEGORIES, GEX_CATEGORIES, Feed
from gexlake.replay.access import Caller
from gexlake.replay.moment import newest
from gexlake.replay.routes.vendor_route import VendorError, check_pace, check_tier, json_answer, vendor_routes
from gexlake.replay.state import Replay
from gexlake.replay.views import VIEWS
from gexlake.vendor.names import feed_of

INDEXES = ("SPX", "NDX", "RUT", "VIX", "XSP")


async def snapshot(request: Request, replay: Replay, caller: Caller) -> Response:
    """The newest snapshot of a feed."""
    feed = _feed(request, replay, caller, metric="")
    return Response(_text(replay, caller, feed), media_type="application/json")


async def view(request: Request, replay: Replay, caller: Caller) -> Response:
    """A short form of it."""
    name = request.path_params["view"]
    feed = _feed(request, replay, caller, metric=name)
    if name not in VIEWS or feed.category not in GEX_CATEGORIES:
        raise VendorError(404)
    return json_answer(VIEWS[name](orjson.loads(_text(replay, caller, feed))))


def _feed(request: Request, replay: Replay, caller: Caller, metric: str) -> Feed:
    """The feed of a path. Raises `VendorError` for one that is none, or that the caller may not have now."""
    words = request.path_params
    feed = feed_of(words["ticker"], words["package"], words["category"])
    if feed is None:
        raise VendorError(404)
    check_tier(replay, caller, feed.package)
    check_pace(replay, caller, f"{feed}/{metric}")
    return feed


def _text(replay: Replay, caller: Caller, feed: Feed) -> bytes:
    instant_us = replay.clocks.instant_us(caller.key_id)
    found = newest(replay.reader, replay.clocks.schedule, feed, instant_us, carry_over=replay.carry_over)
    if found is None:
        raise VendorError(404)
    return found.text


async def tickers(request: Request, replay: Replay, caller: Caller) -> Response:
    """The tickers of the lake, by kind."""
    held = sorted({feed.ticker for feed in replay.reader.feeds()})
    return json_answer(
        {
            "stocks": [ticker for ticker in held if ticker not in INDEXES and "_" not in ticker],
            "indexes": [ticker for ticker in held if ticker in INDEXES],
            "futures": [ticker for ticker in held if "_" in ticker],
        }
    )


async def socket_tickers(request: Request, replay: Replay, caller: Caller) -> Response:
    """Tickers that only sockets have: none, as every feed of a lake has history."""
    return json_answer({"stocks": [], "indexes": []})


async def categories(request: Request, replay: Replay, caller: Caller) -> Response:
    """The categories of a package that the lake has, in the vendor's order."""
    package = request.path_params["package"]
    if package not in FEED_CATEGORIES:
        raise VendorError(404)
    held = {feed.category for feed in replay.reader.feeds() if feed.package == package}
    return json_answer([category for category in FEED_CATEGORIES[package] if category in held])


ROUTES = [
    *vendor_routes("/tickers", tickers, needs_key=False),
    *vendor_routes("/tickers/quant", socket_tickers, needs_key=False),
    *vendor_routes("/{package}/categories", categories, needs_key=False),
    *vendor_routes("/{ticker}/{package}/{category}", snapshot),
    *vendor_routes("/{ticker}/{package}/{category}/{view}", view),
]

"""The feed that is asked for: whether the lake holds it, and what an answer says of it."""

from __future__ import annotations

from fastapi import Request

from gexlake.api.errors import ApiError, ErrorDetail
from gexlake.api.state import RunningService, running
from gexlake.errors import GexlakeError
from gexlake.models.feed import Feed
from gexlake.models.record_type import RecordType
from gexlake.models.record_types import kind_of
from gexlake.services.asking.nearness import no_snapshot


def check_feed(request: Request, kind: RecordType | None, feed: Feed) -> None:
    """Raise `ApiError` 404 for a feed that the lake does not hold, or is of another record type."""
    service = running(request)
    if not service.lake.store.holds(feed) or (kind and kind_of(feed) is not kind):
        raise nothing_of(service, kind, feed)


def check_imported(request: Request, feed: Feed) -> None:
    """Raise `ApiError` 404 for a feed of which all there is was recorded live a moment ago: tables have nothing yet."""
    if not running(request).lake.sessions_of(feed):
        message = "It is being recorded: the latest snapshot and pages in JSON answer, tables do after its import."
        raise _unknown(f"Nothing of the feed {feed} is imported yet.", feed, message)


def nothing_of(service: RunningService, kind: RecordType | None, feed: Feed) -> GexlakeError:
    """Why there is no snapshot."""
    feeds = service.lake.store.feeds()
    of_kind = [one for one in feeds if kind is None or kind_of(one) is kind]
    if feed in of_kind:
        return no_snapshot(feed)
    if feed in feeds:
        other = kind_of(feed)
        message = f"It holds {other.words}: ask for it under /{other.name}."
        return _unknown(f"The feed {feed} is none of {kind.words if kind else 'this kind'}.", feed, message)
    nothing = f"no {kind.words} yet" if feeds and kind else "no feed yet"
    known = ", ".join(map(str, of_kind)) or nothing
    return _unknown(f"The lake does not hold the feed {feed}.", feed, f"It holds {known}.")


def _unknown(what: str, feed: Feed, message: str) -> ApiError:
    return ApiError(
        404, "feed_unknown", what, details=[ErrorDetail(parameter="symbol", value=feed.ticker, message=message)]
    )


def about(feed: Feed) -> dict[str, str]:
    """How an answer names its feed."""
    return {"symbol": feed.ticker, "package": feed.package, "category": feed.category}


def following_headers(request: Request, cursor: str | None) -> dict[str, str]:
    """Headers that lead to the page behind this one."""
    if cursor is None:
        return {}
    asked = request.scope["query_string"].decode("latin-1").replace(">", "%3E").split("&")
    query = "&".join([*(word for word in asked if not word.startswith("cursor=")), f"cursor={cursor}"])
    return {"Link": f'<{request.scope["path"]}?{query}>; rel="next"', "X-Next-Cursor": cursor}

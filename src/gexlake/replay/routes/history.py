"""History: addresses of files, the EOD report, and the store that the addresses lead to."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gexlake.models.feed import SessionKey
from gexlake.replay.access import Caller
from gexlake.replay.archive import FileForm
from gexlake.replay.downloads import file_answer
from gexlake.replay.routes.vendor_route import VendorError, check_tier, json_answer, vendor_routes
from gexlake.replay.state import PREFIX, Replay, origin_of, replay_of
from gexlake.validation.calendar import cash_hours
from gexlake.vendor.names import date_of, feed_of, history_name, report_name, session_of_name, ticker_of

STORE_ERROR = '<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'


def is_complete(replay: Replay, session: SessionKey, instant_us: int) -> bool:
    """Whether a day is over: the exchange has closed, and the session's last record is not ahead of the instant."""
    if not replay.reader.holds(session):
        return False
    hours = cash_hours(session.session_date)
    if hours is not None and hours.close_us > instant_us:
        return False
    timestamps = replay.reader.opened(session)[1].timestamps
    return len(timestamps) > 0 and timestamps[-1] <= instant_us


async def history(request: Request, replay: Replay, caller: Caller) -> Response:
    """Where the file of a session is: as JSON with `noredirect`, else as a redirect."""
    check_tier(replay, caller, "quant")
    words = request.path_params
    feed, day = feed_of(words["ticker"], words["package"], words["category"]), date_of(words["day"])
    if feed is None or day is None:
        raise VendorError(404)
    session = SessionKey(feed, day)
    if not await run_in_threadpool(is_complete, replay, session, replay.clocks.instant_us(caller.key_id)):
        raise VendorError(404)
    name = history_name(session)
    lifetime = replay.faults.faults.url_seconds
    if replay.faults.take("expired_urls"):
        lifetime = -1.0
    query = replay.signer.query(name, caller.key_id, lifetime_seconds=lifetime)
    url = f"{origin_of(request)}{PREFIX}/files/{quote(name)}?{query}"
    if "noredirect" in request.query_params:
        return json_answer({"url": url})
    return RedirectResponse(url, 302)


async def stored_file(request: Request) -> Response:
    """The file behind an address. The store knows no keys: it refuses a request that brings one as well."""
    replay = replay_of(request)
    name = request.path_params["name"]
    query = request.query_params
    owner = query.get("ro", "")
    if "authorization" in request.headers:
        return _store_error(400, "InvalidAuthenticationInfo", "Only one auth mechanism allowed.")
    if not replay.signer.admits(name, owner, query.get("se", ""), query.get("sig", "")):
        return _store_error(403, "AuthenticationFailed", "The signature is not valid, or it has expired.")
    session = session_of_name(name)
    instant_us = replay.clocks.instant_us(owner)  # which may have been put back since
    if session is None or not await run_in_threadpool(is_complete, replay, session, instant_us):
        return _store_error(404, "BlobNotFound", "The specified blob does not exist.")
    form = replay.faults.faults.file_form
    file = await run_in_threadpool(replay.archive.history, session, plain=form is FileForm.PLAIN)
    headers = {"Content-Type": "application/json"}
    if form is FileForm.GZIP:
        headers["Content-Encoding"] = "gzip"
    cut = replay.faults.cut_after_bytes() if request.method == "GET" else None
    return file_answer(request, file, headers, cut_after_bytes=cut)


def _store_error(status: int, code: str, message: str) -> Response:
    return Response(STORE_ERROR.format(code=code, message=message), status, media_type="application/xml")


async def report(request: Request, replay: Replay, caller: Caller) -> Response:
    """The EOD report: a ZIP of the newest day of a ticker that is over, by the tier of the key."""
    ticker = ticker_of(request.path_params["ticker"])
    if ticker is None:
        raise VendorError(404)
    instant_us = replay.clocks.instant_us(caller.key_id)
    found = await run_in_threadpool(_newest_day, replay, ticker, instant_us)
    if found is None:
        raise VendorError(404)
    day, sessions = found
    if replay.strict:
        sessions = [session for session in sessions if caller.may(session.feed.package)]
    file = await run_in_threadpool(replay.archive.report, ticker, day, sessions)
    headers = {
        "Content-Type": "application/zip",
        "Content-Disposition": f"attachment; filename={report_name(ticker, day)}",
    }
    cut = replay.faults.cut_after_bytes() if request.method == "GET" else None
    return file_answer(request, file, headers, cut_after_bytes=cut)


def _newest_day(replay: Replay, ticker: str, instant_us: int) -> tuple[date, list[SessionKey]] | None:
    """The newest day of which all sessions of a ticker are over, and these; None where there is none."""
    held = [session for session in replay.reader.sessions() if session.feed.ticker == ticker]
    for day in sorted({session.session_date for session in held}, reverse=True):
        sessions = sorted(session for session in held if session.session_date == day)
        if all(is_complete(replay, session, instant_us) for session in sessions):
            return day, sessions
    return None


ROUTES = [
    *vendor_routes("/hist/eod/{ticker}", report, methods=("GET", "HEAD")),
    *vendor_routes("/hist/{ticker}/{package}/{category}/{day}", history),
    Route(f"{PREFIX}/files/{{name}}", stored_file, methods=["GET", "HEAD"]),
]

"""What the vendor's answers mean, and where its key goes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest

from gexlake.cli import get
from gexlake.errors import UsageError, VendorError
from gexlake.models.feed import Feed, SessionKey
from gexlake.settings import Settings
from gexlake.vendor import history
from gexlake.vendor.history import HistoryClient, read_answer
from gexlake.vendor.http import check_url
from gexlake.vendor.trouble import LimitedError, RefusedError, TroubleError
from gexlake.vendor.vendor_key import VendorKey
from helpers.vendor_stub import Reply, Stub, located, refused

KEY = VendorKey("gexbot_custom_s3cret")
SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 4))


def test_an_url_is_where_the_file_is() -> None:
    assert read_answer(200, {}, b'{"url": "https://hist.gex.bot/x?sig=1"}') == "https://hist.gex.bot/x?sig=1"


def test_a_redirect_is_another_way_to_say_so() -> None:
    assert read_answer(302, {"location": "https://hist.gex.bot/x"}, b"") == "https://hist.gex.bot/x"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (404, b'{"error":"Unknown."}'),
        (200, b'{"error":"File not found."}'),
        (403, b'{"error":"File not found"}'),
        (302, b"Not Found"),
    ],
)
def test_not_found_in_whatever_form_is_no_file(status: int, body: bytes) -> None:
    assert read_answer(status, {}, body) is None


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, b'{"error":"Authorization header not found."}', "400, 'Authorization header not found'."),
        (401, b'{"error":"Invalid API key."}', "does not take the key: 401, 'Invalid API key'."),
        (401, b"<html>", "does not take the key: 401."),
    ],
)
def test_what_is_wrong_with_key_or_request_stops_the_work(status: int, body: bytes, words: str) -> None:
    with pytest.raises(VendorError) as caught:
        read_answer(status, {}, body)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("status", "kind"), [(403, RefusedError), (429, LimitedError), (500, TroubleError), (503, TroubleError)]
)
def test_the_rest_is_worth_trying_again(status: int, kind: type[TroubleError]) -> None:
    with pytest.raises(kind) as caught:
        read_answer(status, {}, b'{"error":"host not there"}')
    assert type(caught.value) is kind


@pytest.mark.parametrize("body", [b"", b"[]", b'{"url": 5}', b'{"url": ""}', b"<html>please wait</html>"])
def test_a_good_status_without_an_url_is_trouble(body: bytes) -> None:
    with pytest.raises(TroubleError):
        read_answer(200, {}, body)


def test_the_wait_that_is_asked_for_is_a_number_or_a_date() -> None:
    for text in ("90", format_datetime(datetime.now(UTC) + timedelta(seconds=90))):
        with pytest.raises(LimitedError) as caught:
            read_answer(429, {"retry-after": text}, b"")
        assert caught.value.wait_seconds == pytest.approx(90, abs=60)
    for text in ("", "soon", "-1"):
        with pytest.raises(LimitedError) as caught:
            read_answer(429, {"retry-after": text}, b"")
        assert caught.value.wait_seconds is None


@pytest.mark.parametrize("url", ["https://any.host/x", "http://127.0.0.1:1/", "http://localhost/", "http://[::1]:8/"])
def test_any_host_will_do_with_tls_and_this_machine_without(url: str) -> None:
    assert str(check_url(url, what="URL")) == url


@pytest.mark.parametrize(
    "url", ["http://hist.gex.bot/x?sig=abc", "ftp://x/", "x", "", "http://", "http://127.0.0.1.evil/"]
)
def test_nothing_else_is_spoken_to(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_url(url, what="URL")
    assert "abc" not in str(caught.value)


def test_the_command_names_the_same_address() -> None:
    assert get.BASE_URL == history.BASE_URL
    assert Settings.model_fields["vendor_url"].default == history.BASE_URL


def ask(stub: Stub, path: str = "/v2") -> str | None:
    async def locate() -> str | None:
        async with HistoryClient(KEY, stub.url + path) as client:
            return await client.locate(SESSION)

    return asyncio.run(locate())


def test_a_request_is_as_the_vendor_wants_it(stub: Stub) -> None:
    stub.on("/hist/", located("https://hist.gex.bot/x?sig=1"))
    assert ask(stub) == "https://hist.gex.bot/x?sig=1"
    (seen,) = stub.seen
    assert seen.path == "/v2/hist/NQ_NDX/classic/gex_zero/2025-11-04?noredirect"
    assert seen.headers["Authorization"] == "Bearer gexbot_custom_s3cret"
    assert seen.headers["User-Agent"].startswith("gexlake/")
    assert seen.headers["Content-Type"] == "application/json"


def test_a_redirect_is_not_followed_with_the_key(stub: Stub, other: Stub) -> None:
    stub.on("/hist/", Reply(302, b"", {"Location": f"{other.url}/file?sig=1"}))
    assert ask(stub) == f"{other.url}/file?sig=1"
    assert other.seen == []


def test_a_redirect_may_be_relative(stub: Stub) -> None:
    stub.on("/hist/", Reply(307, b"", {"Location": "/file?sig=1"}))
    assert ask(stub) == f"{stub.url}/file?sig=1"


def test_an_endless_answer_is_read_to_a_bound(stub: Stub) -> None:
    stub.on("/hist/", Reply(200, b" " * (history.ANSWER_BYTES * 4)))
    with pytest.raises(TroubleError):
        ask(stub)


def test_nobody_there_is_trouble(stub: Stub) -> None:
    stub.close()
    with pytest.raises(TroubleError, match=r"^127\.0\.0\.1 cannot be reached: "):
        ask(stub)
    stub.close = lambda: None  # type: ignore[method-assign]


def test_what_the_vendor_says_is_shown_in_part(stub: Stub) -> None:
    stub.on("/hist/", refused(401, "x" * 5000))
    with pytest.raises(VendorError) as caught:
        ask(stub)
    assert len(caught.value.message) < 300

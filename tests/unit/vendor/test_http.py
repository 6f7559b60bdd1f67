"""How requests leave: by the proxy of the environment, with no secrets of `.netrc`; and what is said of a line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.models.feed import Feed
from gexlake.vendor.http import check_url
from gexlake.vendor.live import LiveClient
from gexlake.vendor.trouble import TroubleError
from gexlake.vendor.vendor_key import VendorKey
from helpers.vendor_stub import Reply, Stub

FEED = Feed("SPX", "classic", "gex_zero")
RECORD = b'{"timestamp": 1}'


def newest(base_url: str) -> bytes | None:
    async def ask() -> bytes | None:
        async with LiveClient(VendorKey("gexbot_custom_s3cret"), base_url) as client:
            return await client.newest(FEED)

    return asyncio.run(ask())


def test_a_request_goes_by_the_proxy_of_the_environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", stub.url)
    stub.on("/v2/", Reply(200, RECORD))
    assert newest("http://127.0.0.1:1/v2") == RECORD
    assert [seen.path for seen in stub.seen] == ["http://127.0.0.1:1/v2/SPX/classic/gex_zero"]


def test_hosts_that_the_environment_excepts_are_asked_directly(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    stub.on("/v2/", Reply(200, RECORD))
    assert newest(f"{stub.url}/v2") == RECORD


def test_only_the_key_speaks_for_us(stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    stub.on("/v2/", Reply(200, RECORD, {"Set-Cookie": "session=1; Path=/"}))
    for _ in range(2):
        newest(f"{stub.url}/v2")
    assert [(seen.headers["Authorization"], seen.headers["Cookie"]) for seen in stub.seen] == [
        ("Bearer gexbot_custom_s3cret", None)
    ] * 2


def test_a_line_that_is_cut_is_trouble(stub: Stub) -> None:
    stub.on("/v2/", Reply(200, RECORD, length=1000))
    with pytest.raises(TroubleError, match=r"^The connection to 127\.0\.0\.1 broke off: the answer is not whole\.$"):
        newest(f"{stub.url}/v2")


def test_a_user_in_an_url_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        check_url("https://somebody:other@any.host/x", what="base URL")
    assert "other" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://any.host/x?sig=a%2Bb%2f%3D&se=2025-11-14T00%3A00Z", "https://any.host/a%7Eb/"]
)
def test_an_url_is_left_as_it_was_signed(url: str) -> None:
    assert str(check_url(url, what="URL")) == url


def test_what_cannot_stand_in_a_request_is_quoted() -> None:
    assert str(check_url("https://any.host/a b\r\nX: y", what="URL")) == "https://any.host/a%20b%0D%0AX:%20y"


def test_who_does_not_speak_tls_is_said_to(stub: Stub) -> None:
    with pytest.raises(TroubleError, match=r"^127\.0\.0\.1 cannot be reached: [A-Z_]+\.$"):
        newest(f"{stub.url}/v2".replace("http:", "https:"))

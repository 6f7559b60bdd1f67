"""One body to disk over a real socket: raw, whole, resumed, and without key or cookie."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gexlake.vendor.download import StoreClient, Version
from gexlake.vendor.trouble import LimitedError, TroubleError, UrlRefusedError
from helpers.vendor_stub import Gate, Reply, Stub, stored

BODY = bytes(range(256)) * 4000
TIMEOUT_SECONDS = 60.0


@dataclass
class Part:
    """A file under way, and what was said of it."""

    path: Path
    descriptor: int
    versions: list[Version] = field(default_factory=list)
    sizes_then: list[int] = field(default_factory=list)
    bytes_came: int = 0

    def fetch(self, url: str, had: Version = Version(), timeout_seconds: float = TIMEOUT_SECONDS) -> Version:  # noqa: B008
        def on_version(version: Version) -> None:
            self.versions.append(version)
            self.sizes_then.append(self.path.stat().st_size)

        def on_bytes(count: int) -> None:
            self.bytes_came += count

        async def fetch() -> Version:
            async with StoreClient(timeout_seconds=timeout_seconds) as store:
                return await store.fetch(url, self.descriptor, had=had, on_version=on_version, on_bytes=on_bytes)

        return asyncio.run(fetch())

    def holds(self, content: bytes) -> None:
        self.path.write_bytes(content)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    path = tmp_path / "x.part"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    yield Part(path, descriptor)
    os.close(descriptor)


def test_a_body_comes_as_it_was_sent_whatever_the_header_says(stub: Stub, part: Part) -> None:
    packed = gzip.compress(BODY)
    stub.on("/file", Reply(200, packed, {"Content-Encoding": "gzip", "ETag": '"one"'}))
    version = part.fetch(f"{stub.url}/file?sig=1")
    assert part.path.read_bytes() == packed
    assert version == Version('"one"', len(packed))
    assert part.versions == [version]
    assert part.bytes_came == len(packed)
    (seen,) = stub.seen
    assert (seen.headers["Accept-Encoding"], seen.headers["Range"]) == ("gzip", None)


def test_neither_key_nor_cookie_goes_to_a_store(stub: Stub, part: Part) -> None:
    stub.on("/first", Reply(302, b"", {"Location": "/second", "Set-Cookie": "session=1; Path=/"}))
    stub.on("/second", Reply(200, BODY, {"Set-Cookie": "session=2; Path=/"}))
    part.fetch(f"{stub.url}/first")
    assert part.path.read_bytes() == BODY
    assert [(seen.headers["Authorization"], seen.headers["Cookie"]) for seen in stub.seen] == [(None, None)] * 2


def test_a_body_is_gone_on_with_where_it_broke_off(stub: Stub, part: Part) -> None:
    stub.on("/file", stored(BODY))
    part.holds(BODY[:1000])
    assert part.fetch(f"{stub.url}/file", Version('"one"', len(BODY))) == Version('"one"', len(BODY))
    assert part.path.read_bytes() == BODY
    assert part.bytes_came == len(BODY) - 1000
    assert part.versions == []
    (seen,) = stub.seen
    assert (seen.headers["Range"], seen.headers["If-Range"]) == ("bytes=1000-", '"one"')


def test_another_body_by_now_is_fetched_from_the_start(stub: Stub, part: Part) -> None:
    stub.on("/file", stored(BODY, '"two"'))
    part.holds(b"x" * 1000)
    assert part.fetch(f"{stub.url}/file", Version('"one"', 5000)) == Version('"two"', len(BODY))
    assert part.path.read_bytes() == BODY
    assert (part.versions, part.sizes_then) == ([Version('"two"', len(BODY))], [0])


@pytest.mark.parametrize("had", [Version(), Version(None, len(BODY)), Version('W/"one"', len(BODY))])
def test_what_nobody_vouches_for_is_fetched_from_the_start(stub: Stub, part: Part, had: Version) -> None:
    stub.on("/file", stored(BODY))
    part.holds(BODY[:1000])
    part.fetch(f"{stub.url}/file", had)
    assert part.path.read_bytes() == BODY
    assert stub.seen[0].headers["Range"] is None


def test_a_whole_body_is_not_fetched_again(stub: Stub, part: Part) -> None:
    stub.on("/file", stored(BODY))
    part.holds(BODY)
    assert part.fetch(f"{stub.url}/file", Version('"one"', len(BODY))) == Version('"one"', len(BODY))
    assert part.path.read_bytes() == BODY
    assert part.bytes_came == 0


@pytest.mark.parametrize(
    "reply",
    [
        Reply(206, BODY[500:], {"Content-Range": f"bytes 500-{len(BODY) - 1}/{len(BODY)}"}),
        Reply(206, BODY[1000:], {"Content-Range": f"bytes 1000-{len(BODY) - 1}/{len(BODY) + 9}"}),
        Reply(206, BODY[1000:]),
        Reply(416, b"", {"Content-Range": "bytes */17"}),
        Reply(416),
    ],
)
def test_a_store_that_contradicts_itself_leaves_nothing(stub: Stub, part: Part, reply: Reply) -> None:
    stub.on("/file", reply)
    part.holds(BODY[:1000])
    with pytest.raises(TroubleError):
        part.fetch(f"{stub.url}/file", Version('"one"', len(BODY)))
    assert part.path.read_bytes() == b""


def test_a_line_that_breaks_leaves_what_came(stub: Stub, part: Part) -> None:
    stub.on("/file", Reply(200, BODY[:5000], {"ETag": '"one"'}, length=len(BODY)))
    with pytest.raises(TroubleError, match=r"^The connection to 127\.0\.0\.1 broke off"):
        part.fetch(f"{stub.url}/file")
    assert part.path.read_bytes() == BODY[:5000]
    assert part.versions == [Version('"one"', len(BODY))]


def test_a_slow_body_is_written_as_it_comes(stub: Stub, part: Part) -> None:
    gate = Gate()
    stub.on("/file", Reply(200, BODY, gate=gate, gate_after=4000))
    said: list[int] = []

    async def fetch() -> None:
        def on_bytes(count: int) -> None:
            said.append(count)
            if sum(said) == 4000:
                assert part.path.stat().st_size == 4000
                gate.open.set()

        async with StoreClient(timeout_seconds=TIMEOUT_SECONDS) as store:
            await store.fetch(f"{stub.url}/file", part.descriptor, on_version=lambda _: None, on_bytes=on_bytes)

    asyncio.run(fetch())
    assert part.path.read_bytes() == BODY


def test_a_connection_that_falls_silent_is_given_up(stub: Stub, part: Part) -> None:
    gate = Gate()
    stub.on("/file", Reply(200, BODY, gate=gate, gate_after=4000))
    try:
        with pytest.raises(TroubleError, match="in time"):
            part.fetch(f"{stub.url}/file", timeout_seconds=0.5)
    finally:
        gate.open.set()


@pytest.mark.parametrize("status", [401, 403, 410])
def test_an_url_that_has_run_out_is_told_apart(stub: Stub, part: Part, status: int) -> None:
    stub.on("/file", Reply(status, b"<?xml version='1.0'?><Error/>"))
    part.holds(BODY[:1000])
    with pytest.raises(UrlRefusedError) as caught:
        part.fetch(f"{stub.url}/file?sig=secret", Version('"one"', len(BODY)))
    assert "secret" not in caught.value.message
    assert part.path.read_bytes() == BODY[:1000], "it is the same body under the next URL"


@pytest.mark.parametrize(("status", "kind"), [(429, LimitedError), (404, TroubleError), (500, TroubleError)])
def test_other_answers_are_trouble(stub: Stub, part: Part, status: int, kind: type[TroubleError]) -> None:
    stub.on("/file", Reply(status, b"x"))
    with pytest.raises(kind):
        part.fetch(f"{stub.url}/file")
    assert part.path.read_bytes() == b""


@pytest.mark.parametrize("target", ["http://hist.gex.bot/x?sig=secret", "ftp://127.0.0.1/x"])
def test_nothing_is_fetched_without_tls(stub: Stub, part: Part, target: str) -> None:
    stub.on("/file", Reply(302, b"", {"Location": target}))
    for url in (target, f"{stub.url}/file"):
        with pytest.raises(TroubleError) as caught:
            part.fetch(url)
        assert "secret" not in caught.value.message


def test_redirects_in_a_circle_end(stub: Stub, part: Part) -> None:
    stub.on("/file", Reply(302, b"", {"Location": "/file"}))
    with pytest.raises(TroubleError, match="redirects more than"):
        part.fetch(f"{stub.url}/file")

"""History downloads from a replay: addresses, the files behind them, and what can go wrong with them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from helpers.histories import MONDAY, TUESDAY
from helpers.replay import KEY, ReplayProcess, source_file
from integration.replay.conftest import Start

PATH = f"/v2/hist/NQ_NDX/classic/gex_zero/{TUESDAY}"


@pytest.fixture(scope="module")
def at_the_end(starting: Start, replay_lake: Path) -> ReplayProcess:
    return starting(replay_lake, "--date", str(TUESDAY), "--start-at", "end")


@pytest.fixture
def replay(at_the_end: ReplayProcess) -> Iterator[ReplayProcess]:
    yield at_the_end
    at_the_end.faults()
    at_the_end.control("seek", to="end")


def address(replay: ReplayProcess, path: str = PATH) -> str:
    answer = replay.get(f"{path}?noredirect")
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["url"]
    url: str = answer.json()["url"]
    return url


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[httpx2.Response, bytes]:
    """The answer of the store, and the bytes of its body as they came."""
    with httpx2.stream(method, url, headers=headers) as answer:
        return answer, b"".join(answer.iter_raw())


# ---- addresses and files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "category"), [("classic", "gex_full"), ("state", "gamma_zero"), ("orderflow", "orderflow")]
)
def test_a_file_is_the_history_that_was_imported(
    replay: ReplayProcess, replay_lake: Path, package: str, category: str
) -> None:
    url = address(replay, f"/v2/hist/NQ_NDX/{package}/{category}/{TUESDAY}")
    assert url.startswith(replay.url)
    assert url.split("?")[0].endswith(f"/{TUESDAY}_NQ_NDX_{package}_{category}.json.gz")
    answer, body = fetch(url)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) == len(body)
    assert gzip.decompress(body) == source_file(replay_lake, TUESDAY, package, category).read_bytes()


@pytest.mark.parametrize("spelling", ["noredirect", "noredirect=", "noredirect=1"])
@pytest.mark.parametrize(
    "path", [PATH, PATH.removeprefix("/v2"), PATH.replace("gex_zero", "zero"), PATH.replace("NQ_NDX", "nq_ndx")]
)
def test_every_spelling_of_a_path_leads_to_an_address(replay: ReplayProcess, path: str, spelling: str) -> None:
    assert replay.get(f"{path}?{spelling}").json()["url"].startswith(replay.url)


def test_without_noredirect_it_is_a_redirect(replay: ReplayProcess) -> None:
    answer = replay.get(PATH)
    assert answer.status_code == 302
    assert fetch(answer.headers["location"])[0].status_code == 200


@pytest.mark.parametrize(
    "credentials",
    [{"Authorization": f"Bearer {KEY}"}, {"Authorization": f"Basic {KEY}"}, {"Authorization": "Bearer x"}],
)
def test_any_key_will_do(replay: ReplayProcess, credentials: dict[str, str]) -> None:
    assert replay.client.get(f"{PATH}?noredirect", headers=credentials).status_code == 200


def test_a_key_may_come_in_the_query(replay: ReplayProcess) -> None:
    assert replay.client.get(f"{PATH}?noredirect&key={KEY}").status_code == 200


def test_a_request_without_a_key_gets_the_vendors_words(replay: ReplayProcess) -> None:
    answer = replay.client.get(f"{PATH}?noredirect")
    assert (answer.status_code, answer.content) == (400, b'{"error":"Authorization header not found."}')


def test_a_request_without_a_user_agent_is_refused(replay: ReplayProcess) -> None:
    answer = replay.get(PATH, headers={"User-Agent": ""})
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/hist/NQ_NDX/classic/gex_zero/2025-11-12",
        "/v2/hist/SPX/classic/gex_zero/2025-11-11",
        "/v2/hist/NQ_NDX/classic/gamma_zero/2025-11-11",
        "/v2/hist/NQ_NDX/classic/gex_zero/2025-13-11",
        "/v2/hist/NQ_NDX/classic/gex_zero/yesterday",
    ],
)
def test_what_the_lake_does_not_have_is_not_found(replay: ReplayProcess, path: str) -> None:
    answer = replay.get(f"{path}?noredirect")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found."})


# ---- never ahead of the clock --------------------------------------------------------------------------------------


def test_a_day_that_is_not_over_has_no_file(replay: ReplayProcess) -> None:
    url = address(replay)
    replay.control("seek", to="15:59:59")
    assert replay.get(f"{PATH}?noredirect").status_code == 404
    assert fetch(url)[0].status_code == 404, "an address from later leads nowhere"
    earlier = address(replay, PATH.replace(str(TUESDAY), str(MONDAY)))
    assert fetch(earlier)[0].status_code == 200
    assert "2025-11-10" in replay.get("/v2/hist/eod/NQ_NDX").headers["content-disposition"]
    replay.control("seek", to="16:00")
    assert fetch(url)[0].status_code == 200


# ---- parts ---------------------------------------------------------------------------------------------------------


def test_a_download_goes_on_where_it_broke_off(replay: ReplayProcess) -> None:
    whole, body = fetch(address(replay))
    etag = whole.headers["etag"]
    answer, rest = fetch(address(replay), **{"Range": "bytes=1000-", "If-Range": etag})
    assert (answer.status_code, answer.headers["etag"]) == (206, etag)
    assert answer.headers["content-range"] == f"bytes 1000-{len(body) - 1}/{len(body)}"
    assert body[:1000] + rest == body


@pytest.mark.parametrize(
    ("asked", "start", "stop"), [("bytes=0-9", 0, 10), ("bytes=5-5", 5, 6), ("bytes=-7", -7, None)]
)
def test_a_part_is_those_bytes(replay: ReplayProcess, asked: str, start: int, stop: int | None) -> None:
    body = fetch(address(replay))[1]
    answer, part = fetch(address(replay), Range=asked)
    assert (answer.status_code, part) == (206, body[start:stop])


def test_another_version_is_sent_whole(replay: ReplayProcess) -> None:
    answer, body = fetch(address(replay), **{"Range": "bytes=10-", "If-Range": '"0x0"'})
    assert (answer.status_code, body[:2]) == (200, b"\x1f\x8b")


def test_a_part_behind_the_end_is_refused_with_the_size(replay: ReplayProcess) -> None:
    size = len(fetch(address(replay))[1])
    answer, body = fetch(address(replay), Range=f"bytes={size}-")
    assert (answer.status_code, answer.headers["content-range"], body) == (416, f"bytes */{size}", b"")


def test_head_tells_size_and_version_and_sends_nothing(replay: ReplayProcess) -> None:
    whole, body = fetch(address(replay))
    answer, nothing = fetch(address(replay), "HEAD")
    assert (answer.headers["content-length"], answer.headers["etag"]) == (str(len(body)), whole.headers["etag"])
    assert nothing == b""


def test_another_process_sends_the_same_bytes_under_the_same_etag(
    replay: ReplayProcess, starting: Start, replay_lake: Path
) -> None:
    other = starting(replay_lake, "--date", str(TUESDAY), "--start-at", "end")
    (first, body), (second, other_body) = fetch(address(replay)), fetch(address(other))
    assert (first.headers["etag"], body) == (second.headers["etag"], other_body)


# ---- the report ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2/hist/eod/NQ_NDX", "/hist/eod/nq_ndx", "/v2/hist/eod/NQ_NDX?date=2025-11-10"])
def test_the_report_is_a_zip_of_the_newest_day(replay: ReplayProcess, replay_lake: Path, path: str) -> None:
    answer = replay.get(path)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f"attachment; filename=eod_report_NQ_NDX_{TUESDAY}.zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as report:
        assert len(report.namelist()) == 15
        name = f"NQ_NDX/state/vanna_one/{TUESDAY}_NQ_NDX_state_vanna_one.json.gz"
        content = gzip.decompress(report.read(name))
    assert content == source_file(replay_lake, TUESDAY, "state", "vanna_one").read_bytes()


def test_a_ticker_without_history_has_no_report(replay: ReplayProcess) -> None:
    assert replay.get("/v2/hist/eod/SPX").json() == {"error": "Not found."}


# ---- what can go wrong ---------------------------------------------------------------------------------------------


def assert_refused_by_the_store(answer: httpx2.Response, body: bytes, status: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/xml")
    assert body.startswith(b"<?xml")


def test_an_address_that_was_tampered_with_is_refused(replay: ReplayProcess) -> None:
    url = address(replay)
    for changed in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("gex_zero", "gex_one"), url.split("&")[0]):
        assert_refused_by_the_store(*fetch(changed), 403)


def test_a_key_beside_the_signature_is_refused(replay: ReplayProcess) -> None:
    assert_refused_by_the_store(*fetch(address(replay), Authorization=f"Bearer {KEY}"), 400)


def test_addresses_can_be_given_out_expired(replay: ReplayProcess) -> None:
    replay.faults(expired_urls={"count": 1})
    assert_refused_by_the_store(*fetch(address(replay)), 403)
    assert fetch(address(replay))[0].status_code == 200


def test_all_addresses_can_be_made_to_expire(replay: ReplayProcess) -> None:
    url = address(replay)
    replay.control("urls/expire")
    assert_refused_by_the_store(*fetch(url), 403)


def test_downloads_can_be_cut_and_resumed(replay: ReplayProcess) -> None:
    whole = fetch(address(replay))[1]
    replay.faults(cut_downloads={"count": 2, "after_bytes": 600})
    received = b""
    for _ in range(2):
        broke_off = False
        with httpx2.stream("GET", address(replay), headers={"Range": f"bytes={len(received)}-"}) as answer:
            try:
                for part in answer.iter_raw():
                    received += part
            except httpx2.RemoteProtocolError:
                broke_off = True
        assert broke_off
    assert received == whole[:1200]
    assert received + fetch(address(replay), Range="bytes=1200-")[1] == whole


def test_requests_can_be_refused_as_when_throttled(replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 2, "path": "gex_zero"})
    assert replay.get("/v2/hist/eod/NQ_NDX").status_code == 200
    for _ in range(2):
        answer = replay.get(PATH)
        assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert replay.get(PATH).status_code == 302


def test_a_refusal_can_be_any_error_and_come_later(replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 1, "after": 1, "status": 429, "retry_after": 7})
    assert replay.get(PATH).status_code == 302
    answer = replay.get(PATH)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json() == {"error": "Rate limit exceeded."}


@pytest.mark.parametrize(("form", "coding", "magic"), [("unmarked", None, b"\x1f\x8b"), ("plain", None, b"[{")])
def test_files_can_be_packed_otherwise_than_they_say(
    replay: ReplayProcess, replay_lake: Path, form: str, coding: str | None, magic: bytes
) -> None:
    replay.faults(file_form=form)
    answer, body = fetch(address(replay))
    assert (answer.headers.get("content-encoding"), body[:2]) == (coding, magic)
    records: list[Any] = json.loads(gzip.decompress(body) if magic == b"\x1f\x8b" else body)
    assert records == json.loads(source_file(replay_lake, TUESDAY, "classic", "gex_zero").read_bytes())


def test_a_fault_that_is_none_is_named(replay: ReplayProcess) -> None:
    answer = replay.client.put("/gexlake/replay/faults", json={"refusal": {}})
    assert answer.status_code == 400
    assert "`refusal`" in answer.json()["error"]


def test_nothing_secret_is_logged(starting: Start, replay_lake: Path) -> None:
    replay = starting(replay_lake, "--start-at", "end", "--verbose")
    url = address(replay)
    fetch(url)
    replay.client.get(f"{PATH}?key={KEY}")
    socket_url = replay.get("/negotiate").json()["websocket_urls"]["classic"]
    replay.open(socket_url).close()
    _, out, err = replay.end()
    assert "/client/hubs/classic?access_token=…" in err
    assert socket_url.partition("access_token=")[2] not in out + err
    assert KEY not in out + err
    assert url.partition("sig=")[2] not in out + err

"""ETags: an answer that would be another has another; and Range, which is not taken up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, TUESDAY, records_of, vendor_name, write_array
from helpers.service import LOCAL

FEED = {"symbol": "NQ_NDX"}
COUNT = 40
TAGGED = {
    "page": ("/gex", {}),
    "page of lines": ("/gex", {"format": "ndjson"}),
    "page of fields": ("/gex", {"fields": "timestamp,spot"}),
    "at": ("/gex/at", {"timestamp": str(MONDAY)}),
    "view": ("/view/session", {"date": str(MONDAY)}),
}


@contextmanager
def serving(folder: Path) -> Iterator[TestClient]:
    write_array(folder / "source" / vendor_name(MONDAY), records_of(MONDAY, COUNT))
    import_history(folder / "source", folder / "data")
    with TestClient(
        create_app(Settings(lake=folder / "data", rate_limit="", access_log=False)), base_url=LOCAL
    ) as client:
        yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Of a service whose lake holds Monday, and may be changed."""
    with serving(tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The same, whose lake stays as it is."""
    with serving(tmp_path_factory.mktemp("caching")) as client:
        yield client


def ask(client: TestClient, name: str, **headers: str) -> Any:
    path, parameters = TAGGED[name]
    response = client.get(path, params=FEED | parameters, headers={"Accept-Encoding": "identity", **headers})
    assert response.status_code in (200, 304), response.text
    return response


def import_more(client: TestClient, tmp_path: Path, name: str, records: list[Any]) -> None:
    write_array(tmp_path / "source" / name, records)
    import_history(tmp_path / "source", tmp_path / "data")
    client.app.state.service.running.lake.refresh()  # type: ignore[attr-defined]


def test_a_session_that_was_replaced_has_another_tag(client: TestClient, tmp_path: Path) -> None:
    before = {name: ask(client, name) for name in TAGGED}
    corrected = records_of(MONDAY, COUNT)
    for record in corrected:
        record["spot"] += 1
    import_more(client, tmp_path, vendor_name(MONDAY), corrected)
    for name in TAGGED:
        after = ask(client, name, **{"If-None-Match": before[name].headers["etag"]})
        assert after.status_code == 200, name
        assert after.content != before[name].content, name
        assert after.headers["etag"] != before[name].headers["etag"], name


def test_a_tag_that_stays_means_that_the_answer_did(client: TestClient, tmp_path: Path) -> None:
    """A day beside it arrives: pages hold more then, and a view names the session after it."""
    before = {name: ask(client, name) for name in TAGGED}
    import_more(client, tmp_path, vendor_name(TUESDAY), records_of(TUESDAY, COUNT))
    for name in TAGGED:
        after, same = ask(client, name), name == "at"
        assert (after.headers["etag"] == before[name].headers["etag"]) == same, name
        assert (after.content == before[name].content) == same, name


@pytest.mark.parametrize("name", TAGGED)
def test_if_none_match_is_a_tag_a_list_or_all(kept: TestClient, name: str) -> None:
    first = ask(kept, name)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"a", {tag}', f'W/"a,b" ,W/{tag},"c"', "*", f" {tag} ", f'"" , {tag}'):
        again = ask(kept, name, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), known
        for field in ("cache-control", "vary"):
            assert again.headers.get(field) == first.headers.get(field)
    for other in ('"other"', tag.strip('"'), f'"{tag.strip(chr(34))}x"', "", "W/", '"*"', f"{tag[:-1]}"):
        assert ask(kept, name, **{"If-None-Match": other}).status_code == 200, other


def test_if_none_match_may_come_on_several_lines(kept: TestClient) -> None:
    tag = ask(kept, "at").headers["etag"]
    path, parameters = TAGGED["at"]
    fields = [("Accept-Encoding", "identity"), ("If-None-Match", '"a"'), ("If-None-Match", tag)]
    assert kept.get(path, params=FEED | parameters, headers=fields).status_code == 304


@pytest.mark.parametrize("name", ["page", "page of lines"])
def test_packed_bytes_have_a_tag_of_their_own(kept: TestClient, name: str) -> None:
    plain, packed = ask(kept, name), ask(kept, name, **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] != plain.headers["etag"]
    known = {"If-None-Match": packed.headers["etag"]}
    assert ask(kept, name, **known, **{"Accept-Encoding": "gzip"}).status_code == 304
    assert ask(kept, name, **known).status_code == 200


WHOLE = {
    "page": "/gex?symbol=NQ_NDX",
    "at": f"/gex/at?symbol=NQ_NDX&timestamp={MONDAY}",
    "csv": "/gex?symbol=NQ_NDX&format=csv",
    "export": "/export/snapshots?symbol=NQ_NDX&format=parquet",
    "view": f"/view/session?symbol=NQ_NDX&date={MONDAY}",
    "status": "/status",
    "dashboard": "/",
    "documentation": "/docs",
}
RANGES = [
    "bytes=0-0",
    "bytes=0-,0-,0-",
    "bytes=5-1",
    "bytes=-1",
    "bytes=999999999-",
    "rows=1-2",
    "bytes=" + "0-," * 5000,
]


@pytest.mark.parametrize("path", WHOLE.values(), ids=WHOLE)
def test_answers_are_whole_whatever_range_is_asked_for(kept: TestClient, path: str) -> None:
    whole = kept.get(path)
    for wanted in RANGES:
        response = kept.get(path, headers={"Range": wanted, "If-Range": whole.headers.get("etag", '"x"')})
        assert response.status_code == 200
        assert "content-range" not in response.headers
        assert "accept-ranges" not in response.headers
        if path != "/status":  # bytes of a database that is being written
            assert len(response.content) == len(whole.content)

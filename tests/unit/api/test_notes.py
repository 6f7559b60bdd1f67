"""`/notes` over HTTP: written, found page by page, changed under a tag, deleted; who may; the same from Python."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from starlette.testclient import TestClient

import gexlake
from gexlake.api.app import create_app
from gexlake.errors import LakeError, UsageError
from gexlake.services.asking import notes as service
from gexlake.services.asking.wire import Wire
from gexlake.services.owner.keys import Scope, create_key
from gexlake.services.remote_lake import RemoteLake
from gexlake.settings import Settings
from helpers.service import LOCAL, assert_error

AT = 1763996400  # 2025-11-24 15:00 UTC


@pytest.fixture(scope="module")
def place(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("noted") / "lake")


@pytest.fixture(scope="module")
def served(place: Path) -> Iterator[TestClient]:
    settings = Settings(lake=place, access_log=False)
    with TestClient(create_app(settings), base_url=LOCAL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(served: TestClient, place: Path) -> TestClient:
    shutil.rmtree(place / "notes", ignore_errors=True)
    return served


def write(client: TestClient, text: str = "swept", at: object = AT, **more: Any) -> Any:
    return client.post("/notes", json={"symbol": "NQ_NDX", "timestamp": at, "text": text, **more})


def test_a_note_is_written_read_changed_and_deleted(client: TestClient) -> None:
    answer = write(client, " swept the call wall ", "2025-11-24T10:00:00.25-05:00")
    note = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/notes/{note['id']}")
    assert answer.headers["etag"] == f'"{note["changed_at"]}"'
    assert note == {
        "id": note["id"],
        "ticker": "NQ_NDX",
        "package": "classic",
        "category": "gex_zero",
        "session_date": "2025-11-24",
        "timestamp": "2025-11-24T15:00:00.250000Z",
        "text": "swept the call wall",
        "created_at": note["created_at"],
        "changed_at": note["created_at"],
    }
    assert client.get(f"/notes/{note['id']}").json() == note
    assert client.get("/notes").json() == {
        "count": 1,
        "next": None,
        "notes": [{**note, "timestamp": "2025-11-24T15:00:00.250000Z"}],
    }

    tag = {"If-Match": answer.headers["etag"]}
    changed = client.patch(f"/notes/{note['id']}", json={"text": "swept it"}, headers=tag)
    assert (changed.status_code, changed.json()["text"]) == (200, "swept it")
    for other in (tag, {"If-Match": '"never"'}, {"If-Match": "2025-11-24T10:00:00"}):
        assert_error(client.patch(f"/notes/{note['id']}", json={"text": "x"}, headers=other), 412, "note_changed")
        assert_error(client.delete(f"/notes/{note['id']}", headers=other), 412, "note_changed")
    assert client.delete(f"/notes/{note['id']}", headers={"If-Match": changed.headers["etag"]}).json() == changed.json()
    assert_error(client.delete(f"/notes/{note['id']}"), 404, "note_unknown")
    assert_error(client.get("/notes/x"), 404, "note_unknown")


def test_a_walk_by_cursor_gives_each_note_once_in_any_form(client: TestClient) -> None:
    ids = [write(client, text, AT + second).json()["id"] for second, text in ((9, "c"), (0, "a"), (0, "b"))]
    found, cursor = [], None
    while True:
        page = client.get("/notes", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
        found += [note["id"] for note in page.json()["notes"]]
        cursor = page.json()["next"]
        assert page.headers.get("x-next-cursor") == cursor
        if cursor is None:
            break
    assert found == sorted(ids)
    assert client.get("/notes", params={"format": "csv"}).text.count("\n") == 4
    frame = pl.read_ipc_stream(client.get("/notes", params={"format": "arrow"}).content)
    assert frame["id"].to_list() == sorted(ids)
    for order in ({"start": AT + 1}, {"start": "2025-11-24T10:00:09", "tz": "America/New_York"}):
        assert client.get("/notes", params=order).json()["count"] == 1
    assert client.get("/notes", params={"end": "2025-11-23"}).json()["count"] == 0
    assert client.get("/notes", params={"symbol": "SPX"}).json()["count"] == 0


@pytest.mark.parametrize(
    ("order", "status", "error", "words"),
    [
        ({"text": "a\tb"}, 422, "parameters_invalid", "U+0009"),
        ({"text": "x" * 2001}, 422, "parameters_invalid", "2,001 characters"),
        ({"text": ""}, 422, "parameters_invalid", "is empty"),
        ({"at": "2025-11-24 10:00"}, 422, "parameters_invalid", "without a zone"),
        ({"at": "1960-01-01T00:00:00Z"}, 400, "usage_invalid", "before 1970"),
        ({"at": True}, 422, "parameters_invalid", "timestamp"),
        ({"symbol": "NQ_NDZ"}, 404, "feed_unknown", "NQ_NDZ"),
        ({"colour": "red"}, 422, "parameters_invalid", "colour"),
    ],
)
def test_what_cannot_be_noted_is_said(
    client: TestClient, order: dict[str, Any], status: int, error: str, words: str
) -> None:
    answer = write(client, **order)
    assert_error(answer, status, error)
    assert words in answer.text
    assert client.get("/notes").json()["count"] == 0


def test_a_full_date_is_a_conflict(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "NOTES_OF_A_DATE", 1)
    assert write(client).status_code == 201
    assert_error(write(client, "another"), 409, "notes_full")


def test_who_may_only_read_does_not_write(place: Path, client: TestClient) -> None:
    note = write(client).json()
    try:
        keys = {scope: create_key(place, name=scope, scopes=[scope])[1] for scope in (Scope.READ, Scope.IMPORT)}
        read, write_only = ({"X-API-Key": keys[scope]} for scope in (Scope.READ, Scope.IMPORT))
        path = f"/notes/{note['id']}"
        assert client.get("/notes", headers=read).json()["count"] == 1
        for method, where, body in (("POST", "/notes", {}), ("PATCH", path, {"text": "x"}), ("DELETE", path, None)):
            assert_error(client.request(method, where, json=body, headers=read), 403, "scope_missing")
            assert_error(client.request(method, where, json=body), 401, "key_missing")
        assert client.patch(path, json={"text": "x"}, headers=write_only).status_code == 200
        assert_error(client.get("/notes", headers=write_only), 403, "scope_missing")
    finally:
        (place / "keys.json").unlink()


# ---- the same from Python ------------------------------------------------------------------------------------------


@pytest.fixture
def there(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> RemoteLake:
    """`gexlake.connect`, with the service in this process."""
    remote = RemoteLake(LOCAL, tz="America/New_York")
    wire = Wire(LOCAL, None)
    monkeypatch.setattr(wire, "_client", client)
    monkeypatch.setattr(remote, "_wire", wire)
    monkeypatch.setattr("gexlake.services.remote_lake.NOTES_AT_ONCE", 2)
    return remote


def test_both_doors_give_and_refuse_the_same(there: RemoteLake, place: Path) -> None:
    here = gexlake.open(place, tz="America/New_York")
    notes = [there.add_note("NQ_NDX", timestamp=f"2025-11-24 10:00:0{second}", text="x") for second in range(5)]
    assert here.add_note("nq_ndx/classic/gex_zero", timestamp=AT, text="x") == notes[0]
    assert_frame_equal(there.notes(), here.notes())
    assert there.notes()["id"].to_list() == [note.id for note in notes]
    for door in (here, there):
        assert door.notes(tickers=["NQ_NDX"], start="2025-11-24 10:00:01", end="2025-11-24").height == 4
        changed = door.change_note(notes[1].id, f"by {door}", changed_at=door.notes()["changed_at"][1])
        with pytest.raises(UsageError, match="has been changed since it was read"):
            door.change_note(notes[1].id, "y", changed_at=notes[1].changed_at)
        assert door.notes()["text"][1] == changed.text
        with pytest.raises(UsageError, match="There is no note"):
            door.delete_note("x/../y")
        with pytest.raises(UsageError, match="is empty"):
            door.add_note("NQ_NDX", timestamp=AT, text=" ")
        with pytest.raises((UsageError, LakeError), match="NQ_NDZ"):
            door.add_note("NQ_NDZ", timestamp=AT, text="x")
    assert there.delete_note(notes[1].id).text == changed.text
    assert here.notes().height == 4

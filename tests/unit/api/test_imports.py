"""Imports as jobs: submitted, followed, listed; what may be imported, and what is refused before anything is read."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.test_serve_process import PATIENCE_SECONDS, Service
from gexlake.services.owner.keys import Scope, create_key
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array
from helpers.lakes import tree
from helpers.service import Connect, assert_error

COUNT = 30


@dataclass(frozen=True)
class Place:
    """A service over an empty lake, the one folder that it may import from, and one beside that it may not."""

    client: httpx2.Client
    lake: Path
    root: Path
    outside: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("imports")
    lake, root, outside = (folder / name for name in ("data", "root", "outside"))
    for path in (lake, root, outside):
        path.mkdir()
    write_array(root / "good" / vendor_name(MONDAY), records_of(MONDAY, COUNT))
    write_array(root / "good" / vendor_name(TUESDAY), records_of(TUESDAY, COUNT))
    edit(root / "good" / vendor_name(TUESDAY), lambda records: records[3].update(spot=0))
    (root / "nothing").mkdir()
    write_array(outside / vendor_name(MONDAY), records_of(MONDAY, COUNT))
    service = Service("--lake", lake, "--port", "0", "--import-root", root, max_imports="1", access_log="false")
    try:
        with httpx2.Client(base_url=service.url(), timeout=PATIENCE_SECONDS) as client:
            yield Place(client, lake, root, outside)
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        service.process.kill()


def submit(place: Place, source: str | Path, *, wait: bool = True, **order: Any) -> Any:
    return place.client.post("/import", params={"wait": wait}, json={"source_path": str(source), **order})


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and document of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


# ---- from order to end ---------------------------------------------------------------------------------------------


def test_the_zone_of_times_without_one_is_named_in_the_order(place: Place) -> None:
    path = place.root / "naive" / vendor_name(MONDAY)
    records = [{**record, "timestamp": f"2025-11-10 09:30:{i:02}"} for i, record in enumerate(records_of(MONDAY, 5))]
    write_array(path, records)
    refused = submit(place, path, validate_only=True).json()
    assert refused["errors"] == {"timestamp_without_zone": 5}
    assert "naive_zone" in refused["report"]["files"][0]["message"]
    taken = submit(place, path, validate_only=True, naive_zone="America/New_York").json()
    assert (taken["records_imported"], taken["errors"]) == ({"gex": 5}, {})
    unknown = submit(place, path, validate_only=True, naive_zone="Wall Street")
    assert_error(unknown, 422, "parameters_invalid")
    assert "is no time zone" in unknown.text


def test_validate_only_says_what_is_wrong_and_writes_nothing(place: Place) -> None:
    before = tree(place.lake)
    document = submit(place, place.root / "good", validate_only=True).json()
    assert tree(place.lake) == before
    assert (document["status"], document["validate_only"]) == ("partial", True)
    assert (document["records_seen"], document["records_quarantined"]) == (2 * COUNT, 1)
    assert document["errors"] == {"spot_invalid": 1}
    assert place.client.get("/sessions").json()["count"] == 0


def test_an_import_is_accepted_followed_to_its_end_and_remembered(place: Place) -> None:
    response = submit(place, place.root / "good", wait=False)
    accepted = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/imports/{accepted['import_id']}"
    assert accepted["status"] in ("queued", "running")
    assert accepted["sources"] == [str(place.root / "good")]

    followed = place.client.get(f"{response.headers['location']}/events")
    assert followed.headers["content-type"].startswith("text/event-stream")
    *progress, (last, ended) = events_of(followed.text)
    assert {name for name, _ in progress} == {"progress"}
    assert last == "end"
    assert ended["status"] == "partial"
    assert ended["records_imported"] == {"gex": 2 * COUNT - 1}
    assert ended["records_seen"] == ended["records_imported"]["gex"] + ended["records_quarantined"]
    assert ended["errors"] == {"spot_invalid": 1}
    assert 0 < ended["duration_seconds"] < 60
    assert [file["status"] for file in ended["report"]["files"]] == ["success", "partial"]

    assert place.client.get(response.headers["location"]).json() == ended
    newest, *_ = place.client.get("/imports").json()["imports"]
    assert newest == {**ended, "report": None}
    assert place.client.get("/imports", params={"limit": 1}).json() == {"count": 1, "imports": [newest]}
    sessions = place.client.get("/sessions").json()["sessions"]
    assert [session["snapshots"] for session in sessions] == [COUNT - 1, COUNT]
    assert {session["import_id"] for session in sessions} == {ended["import_id"]}


def test_a_second_import_skips_what_has_not_changed_and_force_takes_it_again(place: Place) -> None:
    again = submit(place, place.root / "good")
    assert again.status_code == 200
    assert (again.json()["status"], again.json()["records_imported"]) == ("partial", {"gex": 0})
    files = again.json()["report"]["files"]
    assert [(file["status"], file["records_seen"]) for file in files] == [("skipped", 0), ("partial", 0)]
    forced = submit(place, place.root / "good" / vendor_name(MONDAY), force=True).json()
    assert (forced["status"], forced["records_seen"]) == ("success", COUNT)
    assert place.client.get("/status").json()["snapshots"] == 2 * COUNT - 1


def test_a_source_without_history_ends_in_an_error_that_says_so(place: Place) -> None:
    document = submit(place, place.root / "nothing").json()
    assert document["status"] == "failed"
    assert document["report"] is None
    assert document["error"] == f"There is nothing to import in {place.root / 'nothing'}."
    ended = events_of(place.client.get(f"/imports/{document['import_id']}/events").text)
    assert ended == [("end", document)]


def test_more_than_may_wait_are_refused_until_one_has_ended(place: Place) -> None:
    first = submit(place, place.root / "good", wait=False).json()
    refused = submit(place, place.root / "good", wait=False)
    assert "1 imports wait or run already" in assert_error(refused, 429, "too_many_imports")["message"]
    assert int(refused.headers["retry-after"]) >= 1
    stopped = place.client.delete(f"/imports/{first['import_id']}")
    assert stopped.status_code == 200
    assert place.client.get(f"/imports/{first['import_id']}").json() == stopped.json()
    ended = assert_error(place.client.delete(f"/imports/{first['import_id']}"), 409, "import_ended")
    assert ended["details"][0]["value"] == first["import_id"]


@pytest.mark.parametrize("suffix", ["", "/events"])
def test_an_import_that_there_is_not_is_404(place: Place, suffix: str) -> None:
    assert_error(place.client.get(f"/imports/20200101T000000-00000000{suffix}"), 404, "import_unknown")


def test_an_import_that_there_is_not_cannot_be_stopped(place: Place) -> None:
    assert_error(place.client.delete("/imports/20200101T000000-00000000"), 404, "import_unknown")


# ---- what is not imported ------------------------------------------------------------------------------------------

SOURCES = {
    "empty": "",
    "relative": "good",
    "dot": ".",
    "outside": "{outside}/2025-11-10_NQ_NDX_classic_gex_zero.json",
    "by dots": "{root}/../outside",
    "by dots from below": "{root}/good/../../outside/2025-11-10_NQ_NDX_classic_gex_zero.json",
    "the root's parent": "{root}/..",
    "a name that begins alike": "{root}side",
    "link to a folder": "{root}/link-to-folder",
    "link to a file": "{root}/2025-11-11_NQ_NDX_classic_gex_zero.json",
    "below a link": "{root}/link-to-folder/2025-11-10_NQ_NDX_classic_gex_zero.json",
    "links in a circle": "{root}/circle",
    "NUL": "{root}/good\0",
    "NUL outside": "{outside}\0{root}",
    "URL": "file://{root}/good",
    "long name": "{root}/" + "x" * 10_000,
    "long path": "{root}" + "/x" * 5_000,
    "long way out": "{root}/" + "good/../" * 1_000 + "../outside",
    "lone surrogate": "{root}/\ud800",
    "not there": "{root}/missing",
    "home": "~",
    "proc": "/proc/self/cwd",
}


@pytest.fixture(scope="module")
def links(place: Place) -> None:
    (place.root / "link-to-folder").symlink_to(place.outside)
    (place.root / vendor_name(TUESDAY)).symlink_to(place.outside / vendor_name(MONDAY))
    (place.root / "circle").symlink_to(place.root / "circle")


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_a_source_that_is_not_inside_a_root_is_refused_before_there_is_a_job(place: Place, source: str) -> None:
    known = place.client.get("/imports").json()["count"]
    text = source.format(root=place.root, outside=place.outside)
    body = json.dumps({"source_path": text})
    response = place.client.post("/import", content=body, headers={"Content-Type": "application/json"})
    code = "parameters_invalid" if text == "" or "\ud800" in text else "source_path_invalid"
    document = assert_error(response, 422, code)
    (detail,) = document["details"]
    assert detail["parameter"] == "source_path"
    assert text.startswith(detail["value"].removesuffix("…"))
    assert len(response.content) < 3_000
    assert place.client.get("/imports").json()["count"] == known


@pytest.mark.usefixtures("links")
def test_links_that_lead_out_of_a_folder_are_named_and_not_followed(place: Place) -> None:
    submit(place, place.root / "good")
    folder = place.root / "with-links"
    write_array(folder / vendor_name(MONDAY), records_of(MONDAY, COUNT))
    (folder / "folder").symlink_to(place.outside)
    (folder / vendor_name(TUESDAY)).symlink_to(place.outside / vendor_name(MONDAY))
    (folder / "inside").symlink_to(place.root / "good")
    report = submit(place, folder, validate_only=True).json()["report"]
    statuses = {Path(file["source_file"]).relative_to(folder): file["status"] for file in report["files"]}
    assert {str(path): status for path, status in statuses.items()} == {
        vendor_name(MONDAY): "skipped",
        f"inside/{vendor_name(MONDAY)}": "skipped",
        f"inside/{vendor_name(TUESDAY)}": "partial",
        "folder": "unsupported",
        vendor_name(TUESDAY): "unsupported",
    }
    assert str(place.outside) not in json.dumps(report)


ORDERS: list[tuple[dict[str, Any], str]] = [
    ({}, "source_path"),
    ({"source_path": 5}, "source_path"),
    ({"source_path": "/x", "data_types": ["ticks"]}, "data_types.0"),
    ({"source_path": "/x", "data_types": []}, "data_types"),
    ({"source_path": "/x", "validate_only": "perhaps"}, "validate_only"),
    ({"source_path": "/x", "workers": 4}, "workers"),
]


@pytest.mark.parametrize(("order", "parameter"), ORDERS, ids=[parameter for _, parameter in ORDERS])
def test_an_order_that_is_not_valid_is_refused_by_the_name_of_its_part(
    place: Place, order: dict[str, Any], parameter: str
) -> None:
    document = assert_error(place.client.post("/import", json=order), 422, "parameters_invalid")
    assert [detail["parameter"] for detail in document["details"]] == [parameter]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/import"), ("GET", "/imports"), ("GET", "/imports/x"), ("DELETE", "/imports/x")]
)
def test_a_parameter_that_there_is_not_is_refused(place: Place, method: str, path: str) -> None:
    response = place.client.request(method, path, params={"wiat": "true"}, json={"source_path": "/x"})
    document = assert_error(response, 422, "parameters_invalid")
    assert document["details"][0]["parameter"] == "wiat"


def test_without_roots_nothing_can_be_imported_and_the_setting_is_named(connect: Connect, tmp_path: Path) -> None:
    with connect() as client:
        document = assert_error(client.post("/import", json={"source_path": str(tmp_path)}), 422, "source_path_invalid")
    assert "the setting import_roots is empty" in document["message"]


def test_a_root_may_itself_be_a_link(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    with connect(import_roots=(tmp_path / "root",)) as client:
        accepted = client.post("/import", json={"source_path": str(tmp_path / "root")})
        assert accepted.status_code == 202
        assert accepted.json()["sources"] == [str(tmp_path / "real")]
        client.delete(accepted.headers["location"])


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("sql", 403), ("import", 202)])
def test_only_a_key_for_imports_may_import_or_stop(
    connect: Connect, lake_dir: Path, tmp_path: Path, scope: str, status: int
) -> None:
    (tmp_path / "root").mkdir()
    _, key = create_key(lake_dir, name="one", scopes=[Scope(scope)])
    with connect(import_roots=(tmp_path / "root",)) as client:
        order = {"source_path": str(tmp_path / "root")}
        assert_error(client.post("/import", json=order), 401, "key_missing")
        response = client.post("/import", json=order, headers={"X-API-Key": key})
        assert response.status_code == status
        location = response.headers.get("location", "/imports/x")
        stopped = client.delete(location, headers={"X-API-Key": key})
        assert stopped.status_code in ({200, 409} if status == 202 else {403})

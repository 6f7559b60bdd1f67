"""Replicas: services over what an owner publishes, which follow it and only read."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from e2e.test_serve_process import Service
from gexlake.api.app import create_app
from gexlake.errors import UsageError
from gexlake.settings import Settings
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.lakes import copy_lake
from helpers.mirrors import pushed
from helpers.processes import until
from helpers.service import LOCAL, assert_error
from integration.mirror.conftest import Published

FEED = "symbol=NQ_NDX"
Replica = Callable[..., TestClient]


@pytest.fixture
def replica(work: Path) -> Replica:
    """A replica of a mirror, within `with`."""

    def make(place: Path, **settings: Any) -> TestClient:
        return TestClient(create_app(Settings(lake=work / "replica", replica=str(place), **settings)), base_url=LOCAL)

    return make


def is_ready(client: TestClient) -> bool:
    return client.get("/ready").status_code == 200


def test_it_answers_what_the_owner_answers(template: Published, replica: Replica) -> None:
    owner = TestClient(create_app(Settings(lake=template.lake)), base_url=LOCAL)
    path = f"/gex/at?{FEED}&timestamp={MONDAY}T15:00:00Z"
    with replica(template.mirror) as client:
        until(lambda: is_ready(client))
        found = client.get("/sessions")
        answer = client.get(path)
    with owner:
        assert owner.get("/sessions").json() == found.json()
        assert owner.get(path).content == answer.content


def test_it_says_how_far_it_is(template: Published, replica: Replica) -> None:
    with replica(template.mirror) as client:
        until(lambda: is_ready(client))
        status = client.get("/ready").json()["replica"]
        metrics = client.get("/metrics").text
    assert (status["source"], status["publication"], status["problem"]) == (str(template.mirror), 1, "")
    assert status["committed_at"].startswith("20")
    assert re.search(r"^gexlake_replica_publication 1\.0$", metrics, re.MULTILINE)


def test_it_only_reads(template: Published, replica: Replica) -> None:
    with replica(template.mirror) as client:
        error = assert_error(client.post("/import", json={"source_path": "/srv/history"}), 403, "replica_only_reads")
        assert "Send it to the service that owns the lake" in error["message"]
        assert_error(client.delete("/imports/1"), 403, "replica_only_reads")


@pytest.mark.parametrize("name", ["watch", "import_roots", "mirror"])
def test_a_setting_that_writes_is_refused(template: Published, replica: Replica, name: str) -> None:
    value: Any = "somewhere" if name == "mirror" else (Path("/srv"),)
    with (
        pytest.raises(UsageError, match=f"has no use for the setting {name}"),
        replica(template.mirror, **{name: value}),
    ):
        pass


def test_a_lake_of_its_own_is_no_place_for_a_replica(template: Published, lake: Path) -> None:
    app = create_app(Settings(lake=lake, replica=str(template.mirror)))
    with pytest.raises(UsageError, match="is a lake of its own"), TestClient(app):
        pass


def test_one_that_begins_is_not_ready_until_the_lake_has_come(
    template: Published, replica: Replica, work: Path
) -> None:
    with replica(work / "mirror") as client:
        error = until(lambda: (found := client.get("/ready")).status_code == 503 and found)
        assert "The published lake has not come yet" in assert_error(error, 503, "not_ready")["details"][0]["message"]
        copy_lake(template.mirror, work / "mirror")
        until(lambda: is_ready(client))
        assert client.get("/status").json()["sessions"] == 2


def test_one_whose_published_lake_vanishes_goes_on_and_says_so(
    template: Published, replica: Replica, work: Path
) -> None:
    mirror = copy_lake(template.mirror, work / "mirror")
    with replica(mirror) as client:
        until(lambda: is_ready(client))
        mirror.rename(work / "away")
        until(lambda: client.get("/ready").json()["warnings"])
        ready = client.get("/ready").json()
        assert ready["warnings"] == [f"Nothing newer comes from {mirror}: {ready['replica']['problem']}"]
        assert client.get(f"/gex/latest?{FEED}").status_code == 200
        (work / "away").rename(mirror)
        until(lambda: not client.get("/ready").json()["warnings"])


def test_one_that_starts_again_answers_at_once_without_the_published_lake(
    template: Published, replica: Replica, work: Path
) -> None:
    mirror = copy_lake(template.mirror, work / "mirror")
    with replica(mirror) as client:
        until(lambda: is_ready(client))
    mirror.rename(work / "away")
    with replica(mirror) as client:
        assert is_ready(client)
        assert client.get(f"/gex/latest?{FEED}").status_code == 200


# ---- owner and replicas as processes ---------------------------------------------------------------------------------


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def serve(*options: str | Path) -> Service:
        started.append(Service("--port", "0", *options))
        return started[-1]

    yield serve
    for service in started:
        service.process.kill()
        service.outcome()


def got(url: str) -> bytes:
    return httpx2.get(url, timeout=None).content


def test_an_owner_and_two_replicas_under_load_beside_an_import(
    lake: Path, history: Path, serve: Callable[..., Service], work: Path
) -> None:
    pushed(lake, work / "mirror")
    services = [
        serve("--lake", lake, "--mirror", work / "mirror", "--import-root", history),
        serve("--replica", work / "mirror", "--lake", work / "one"),
        serve("--replica", work / "mirror", "--lake", work / "two"),
    ]
    urls = [service.url() for service in services]
    until(lambda: all(httpx2.get(f"{url}/ready", timeout=None).status_code == 200 for url in urls))
    stop, statuses = threading.Event(), set[int]()

    def ask(url: str) -> None:
        with httpx2.Client(timeout=None) as client:
            while not stop.wait(0.02):
                statuses.add(client.get(f"{url}/gex/latest?{FEED}").status_code)

    load = [threading.Thread(target=ask, args=(url,)) for url in urls]
    for thread in load:
        thread.start()
    try:
        with httpx2.stream("GET", f"{urls[1]}/events", timeout=None) as events:
            write_array(history / vendor_name(MONDAY), [record | {"spot": 9.25} for record in records_of(MONDAY)])
            order = httpx2.post(f"{urls[0]}/import?wait=true", json={"source_path": str(history)}, timeout=None)
            assert order.json()["status"] == "success"
            data = next(line for line in events.iter_lines() if line.startswith("data:") and "session_date" in line)
        assert json.loads(data.removeprefix("data:"))["session_date"] == str(MONDAY)
        monday = f"/gex/at?{FEED}&timestamp={MONDAY}T15:00:00Z"
        for url in urls[1:]:
            until(lambda url=url: got(f"{url}/sessions") == got(f"{urls[0]}/sessions"))
            assert got(f"{url}{monday}") == got(f"{urls[0]}{monday}")
    finally:
        stop.set()
        for thread in load:
            thread.join()
    assert statuses == {200}

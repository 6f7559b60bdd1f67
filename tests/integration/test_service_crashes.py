"""A service that dies, is stopped, or loses its lake: what was committed stays, and nothing is half there."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.test_serve_process import Service
from gexlake.services.importing.import_history import import_history
from gexlake.services.owner.served import find_server
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, endless, records_of, vendor_name, write_array, write_history
from helpers.lakes import Content, lake_content
from helpers.processes import PATIENCE_SECONDS, descendants, until, wait_for_end

SESSIONS, SNAPSHOTS = 12, 60
FEED = {"symbol": "NQ_NDX"}
READS = {
    "/gex/latest": FEED,
    "/gex/at": {**FEED, "timestamp": "2025-11-10T14:30:05Z"},
    "/gex": {**FEED, "limit": "20", "strikes": "false"},
    "/sessions": {},
}
Serve = Callable[..., "Running"]


class Running:
    """A service with its client; it may import what lies beside the lake."""

    def __init__(self, lake: Path, *options: str | Path, **settings: str) -> None:
        lake.mkdir(exist_ok=True)
        settings = {"access_log": "false", "log_level": "warning", "rate_limit": "", **settings}
        self.service = Service("--lake", lake, "--port", "0", "--import-root", lake.parent, *options, **settings)
        self.client = httpx2.Client(base_url=self.service.url(), timeout=PATIENCE_SECONDS)

    def submit(self, source: Path, *, wait: bool = False) -> dict[str, Any]:
        response = self.client.post("/import", params={"wait": wait}, json={"source_path": str(source)})
        document: dict[str, Any] = response.json()
        assert response.status_code == (200 if wait else 202), document
        return document

    def files_done(self, import_id: str, count: int) -> dict[str, Any]:
        """Follow an import until so many files are done, or it has ended; the last event."""
        document: dict[str, Any] = {}
        with self.client.stream("GET", f"/imports/{import_id}/events") as response:
            for line in response.iter_lines():
                if line.startswith("data:"):
                    document = json.loads(line.removeprefix("data:"))
                    if (document["progress"] or {}).get("files_done", 0) >= count:
                        break
        return document

    def kill(self) -> None:
        self.service.process.kill()
        self.service.outcome()
        self.client.close()

    def stop(self) -> str:
        """SIGTERM; the exit status has to be 0. What it wrote to stderr."""
        status, _, err = self.service.end(signal.SIGTERM)
        self.client.close()
        assert status == 0, err
        return err


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[Running] = []

    def serve(lake: Path, *options: str | Path, **settings: str) -> Running:
        started.append(Running(lake, *options, **settings))
        return started[-1]

    yield serve
    for running in started:
        running.kill()


@pytest.fixture(scope="module")
def long_history(fast_disk: Path) -> Path:
    """Sessions enough for something to happen in between."""
    folder = fast_disk / "service" / "history"
    write_history(folder, sessions=SESSIONS, snapshots=SNAPSHOTS)
    return folder


@pytest.fixture(scope="module")
def undisturbed(long_history: Path) -> Content:
    """What the lake of that history holds, when nothing disturbs its import."""
    lake = long_history.parent / "undisturbed"
    assert import_history(long_history, lake).acceptable
    return lake_content(lake)


@pytest.fixture
def beside(long_history: Path, request: pytest.FixtureRequest) -> Path:
    """A lake of the test's own, where the history is in reach of its service."""
    return long_history.parent / f"lake-{abs(hash(request.node.name))}"


class Load:
    """Readers that go on until the service is gone; the statuses they were answered with."""

    def __init__(self, url: str, readers: int) -> None:
        self.statuses: set[int] = set()
        self.answers = 0
        self._url = url
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(readers)]
        for thread in self._threads:
            thread.start()

    def _read(self, number: int) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE_SECONDS) as client, suppress(httpx2.TransportError):
            while not self._done.is_set():
                for path, parameters in READS.items():
                    self.statuses.add(client.get(path, params=parameters).status_code)
                    self.answers += 1

    def end(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


# ---- kill -9 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_its_children", [False, True], ids=["alone", "with its children"])
def test_a_service_killed_under_load_and_during_an_import_leaves_a_lake_that_is_whole(
    serve: Serve, undisturbed: Content, beside: Path, with_its_children: bool
) -> None:
    """The long form: kill it every few seconds for an hour, with an import of real size always under way."""
    long_history = beside.parent / "history"
    running = serve(beside)
    first = long_history / vendor_name(MONDAY)
    assert running.submit(first, wait=True)["status"] == "success"
    load = Load(str(running.client.base_url), readers=4)
    with endless(long_history):
        import_id = running.submit(long_history)["import_id"]
        assert running.files_done(import_id, 3)["status"] == "running"
        children = descendants(running.service.process.pid)
        running.kill()
        if with_its_children:
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        load.end()
        wait_for_end(children)
    assert load.statuses <= {200}
    assert load.answers > 0

    again = serve(beside)
    known = {one["import_id"]: one["status"] for one in again.client.get("/imports").json()["imports"]}
    assert known[import_id] == "interrupted"
    committed = again.client.get("/sessions").json()["count"]
    assert 1 <= committed < SESSIONS + 1
    document = again.submit(long_history, wait=True)
    assert document["status"] == "success", document
    assert [file["status"] for file in document["report"]["files"]].count("skipped") == committed
    again.stop()
    assert verify_lake(beside).findings == []
    content = lake_content(beside)
    for name in ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet"):
        assert content[name] == undisturbed[name], name


# ---- stopped -------------------------------------------------------------------------------------------------------


def test_an_import_that_is_stopped_keeps_what_it_has_committed_and_completes_when_run_again(
    serve: Serve, long_history: Path, undisturbed: Content, beside: Path
) -> None:
    running = serve(beside)
    with endless(long_history):
        import_id = running.submit(long_history)["import_id"]
        assert running.files_done(import_id, 3)["status"] == "running"
        stopped = running.client.delete(f"/imports/{import_id}").json()
    assert stopped["status"] == "interrupted"
    done = [file for file in stopped["report"]["files"] if file["status"] == "success"]
    assert 3 <= len(done) <= SESSIONS
    assert running.client.get("/sessions").json()["count"] == len(done)
    document = running.submit(long_history, wait=True)
    assert document["status"] == "success"
    assert document["records_imported"]["gex"] + stopped["records_imported"]["gex"] == SESSIONS * SNAPSHOTS
    running.stop()
    assert verify_lake(beside).findings == []
    assert lake_content(beside)["gex_snapshots"] == undisturbed["gex_snapshots"]


def test_sigterm_lets_requests_finish_and_leaves_an_import_where_it_can_be_taken_up(
    serve: Serve, long_history: Path, undisturbed: Content, beside: Path
) -> None:
    running = serve(beside)
    with endless(long_history):
        import_id = running.submit(long_history)["import_id"]
        assert running.files_done(import_id, 1)["status"] == "running"
        load = Load(str(running.client.base_url), readers=2)
        err = running.stop()
    load.end()
    assert load.statuses <= {200, 404}
    assert "Traceback" not in err
    assert find_server(beside) is None
    again = serve(beside)
    assert again.client.get(f"/imports/{import_id}").json()["status"] == "interrupted"
    assert again.submit(long_history, wait=True)["status"] == "success"
    again.stop()
    assert verify_lake(beside).findings == []
    assert lake_content(beside)["gex_snapshots"] == undisturbed["gex_snapshots"]


def test_who_waits_for_an_import_is_told_when_the_service_stops(serve: Serve, long_history: Path, beside: Path) -> None:
    running = serve(beside)
    order = {"source_path": str(long_history)}
    with ThreadPoolExecutor(1) as pool, endless(long_history):
        waiting = pool.submit(running.client.post, "/import", params={"wait": True}, json=order)
        found = until(lambda: running.client.get("/imports").json()["imports"])
        running.files_done(found[0]["import_id"], 1)
        running.service.process.terminate()
        response = waiting.result(PATIENCE_SECONDS)
    assert (response.status_code, response.json()["status"]) == (202, "running")
    assert response.headers["Location"] == f"/imports/{found[0]['import_id']}"
    running.stop()


# ---- the lake ------------------------------------------------------------------------------------------------------

ROUTES = {
    "/gex/latest": FEED,
    "/gex/at": {**FEED, "timestamp": "2025-11-10"},
    "/gex": FEED,
    "/gex?format=arrow": FEED,
    "/gex/strikes": {**FEED, "strike": "25470.11"},
    "/gex/bars": FEED,
    "/gex/heatmap": FEED,
    "/export/snapshots": FEED,
    "/export/strikes?format=parquet": FEED,
    "/status": {},
    "/feeds": {},
    "/sessions": {},
    "/gaps": {},
    "/lineage": {},
    "/quarantine": {},
    "/imports": {},
}


def ask(running: Running, path: str) -> Any:
    name, _, query = path.partition("?")
    form = dict([query.split("=")]) if query else {}
    return running.client.get(name, params={**ROUTES[path], **form})


def test_a_lake_that_vanishes_and_comes_back_is_503_meanwhile(serve: Serve, work: Path) -> None:
    source = write_array(work / vendor_name(MONDAY), records_of(MONDAY, 30))
    running = serve(work / "data")
    assert running.submit(source, wait=True)["status"] == "success"
    (work / "data").rename(work / "gone")
    for path in ROUTES:
        response = ask(running, path)
        assert response.status_code == 503, path
        assert response.json()["error"] == "lake_unusable"
        assert int(response.headers["retry-after"]) >= 1
    assert running.client.post("/sql", json={"statement": "SELECT 1"}).status_code == 503
    assert running.client.post("/import", json={"source_path": str(source)}).status_code == 503
    assert running.client.get("/ready").status_code == 503
    assert running.client.get("/health").status_code == 200
    assert not (work / "data").exists(), "nothing has made another lake in its place"
    (work / "gone").rename(work / "data")
    assert {ask(running, path).status_code for path in ROUTES} == {200}
    assert "Traceback" not in running.stop()


def test_an_empty_lake_is_served(serve: Serve, work: Path) -> None:
    running = serve(work / "data")
    empty = {"/status", "/feeds", "/sessions", "/gaps", "/lineage", "/quarantine", "/imports"}
    for path in ROUTES:
        response = ask(running, path)
        assert response.status_code == (200 if path in empty else 404), path
        if path not in empty:
            assert response.json()["error"] == "feed_unknown"
            assert "It holds no feed yet." in response.text
    assert running.client.get("/ready").status_code == 200
    running.stop()

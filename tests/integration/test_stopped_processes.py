"""Processes that are stopped (Ctrl-Z, SIGSTOP) and go on later: who waits for them is told, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from e2e.test_serve_process import Service
from helpers.histories import write_history
from helpers.pauses import paused_import
from helpers.processes import PATIENCE_SECONDS, descendants, let_go_on, stop, until
from helpers.runner import Runner
from helpers.whole import assert_whole, fresh_content

SOON = {"wait_seconds": 0.2}


def assert_complete(folder: Path, lake: Path) -> None:
    """The lake is what one undisturbed import makes."""
    assert_whole(lake, fresh_content(folder, lake.with_name("fresh")))


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    stop(pids)
    try:
        yield
    finally:
        let_go_on(pids)


def test_an_import_that_is_stopped_while_it_commits(work: Path, runner: Runner, other_runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder)
    with paused_import(runner, folder, lake, pause_in="commit") as paused:
        pid = paused.running.pid
        with stopped([pid]):
            refused = other_runner.run_import(folder, lake, SOON)
            assert refused.status == 1
            assert f"is held by process {pid} (" in refused.err
            assert "), which is stopped. Let it go on with `kill -CONT" in refused.err, refused.err
        assert paused.resume().status == 0
    assert other_runner.run_import(folder, lake).report["totals"]["files"] == {"skipped": 3}
    assert_complete(folder, lake)


def test_an_import_that_is_stopped_while_it_stages_keeps_nobody_waiting(
    work: Path, runner: Runner, other_runner: Runner
) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder)
    with paused_import(runner, folder, lake, {"inline_bytes": 0}) as paused:
        with stopped([paused.running.pid]):
            assert other_runner.run_import(folder, lake).report["totals"]["files"] == {"success": 3}
        assert paused.resume().report["totals"]["files"] == {"skipped": 3}
    assert_complete(folder, lake)


def test_workers_that_are_stopped_go_on_where_they_were(work: Path, runner: Runner) -> None:
    folder, lake = work / "history", work / "lake"
    write_history(folder)
    with paused_import(runner, folder, lake, {"inline_bytes": 0}, workers=2) as paused:
        pid = paused.running.pid
        until(lambda: len(descendants(pid)) == 4)  # two of multiprocessing, and two that work
        with stopped(descendants(pid)):
            paused.go_on()
        assert paused.resume().status == 0
    assert_complete(folder, lake)


@pytest.fixture
def service(work: Path) -> Iterator[Service]:
    (work / "lake").mkdir()
    service = Service("--lake", work / "lake", "--port", "0", access_log="false", rate_limit="")
    yield service
    let_go_on([service.process.pid])
    service.process.kill()
    service.outcome()


CLIENT = """
import hashlib, os, signal, socket, sys
host, port, path = sys.argv[1:]
with socket.create_connection((host, int(port))) as connection:
    connection.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
    os.kill(os.getpid(), signal.SIGSTOP)
    text = b"".join(iter(lambda: connection.recv(1 << 16), b""))
print(hashlib.sha256(text.partition(b"\\r\\n\\r\\n")[2]).hexdigest())
"""


def test_a_service_and_its_client_that_are_stopped_beside_an_import(
    work: Path, runner: Runner, service: Service
) -> None:
    folder, lake = work / "history", work / "lake"
    first, *_ = write_history(folder)
    url, pid = service.url(), service.process.pid
    assert runner.run_import(first, lake).status == 0
    page = "/gex?symbol=NQ_NDX"
    with paused_import(runner, folder, lake, SOON) as paused, stopped([pid]):
        outcome = paused.resume()
        assert outcome.status == 1
        assert f"(process {pid}) is stopped. Let it go on with `kill -CONT {pid}`" in outcome.err, outcome.err

    host, _, port = url.removeprefix("http://").partition(":")
    client = subprocess.Popen([sys.executable, "-c", CLIENT, host, port, page], stdout=subprocess.PIPE, text=True)
    assert os.WIFSTOPPED(os.waitpid(client.pid, os.WUNTRACED)[1])
    before = httpx2.get(url + page, timeout=PATIENCE_SECONDS)
    assert before.status_code == 200
    assert runner.run_import(folder, lake).status == 0  # what was staged is committed, now or when the service went on
    client.send_signal(signal.SIGCONT)
    assert len(client.communicate(timeout=PATIENCE_SECONDS)[0].strip()) == 64
    assert service.end(signal.SIGTERM)[0] == 0
    assert_complete(folder, lake)

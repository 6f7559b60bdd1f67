"""Clients that send slowly or never take anyone else's turn."""

from __future__ import annotations

import signal
import socket
import threading
import time
from pathlib import Path

import httpx2

from e2e.test_serve_process import PATIENCE_SECONDS, Service
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.runner import Runner

SLOW, BUSY, REQUESTS = 200, 16, 12
REQUEST = b"GET /gex/latest?symbol=NQ_NDX HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Padding: " + b"x" * 2000


def test_two_hundred_slow_clients_take_nothing_from_sixteen_busy_ones(runner: Runner, work: Path) -> None:
    """Half-open, or a byte at a time. The long form: for a minute, beside wrk."""
    source = write_array(work / "source" / vendor_name(MONDAY), records_of(MONDAY, 200))
    assert runner.run_import(source, work / "data").status == 0
    service = Service("--lake", work / "data", "--port", "0", rate_limit="", access_log="false")
    url = service.url()
    host, _, port = url.removeprefix("http://").partition(":")
    slow = [socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) for _ in range(SLOW)]
    waits: list[float] = []
    statuses: set[int] = set()
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        with httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS) as client:
            for _ in range(REQUESTS):
                began = time.perf_counter()
                try:
                    statuses.add(client.get("/gex/latest?symbol=NQ_NDX").status_code)
                except httpx2.HTTPError as error:
                    errors.append(error)
                waits.append(time.perf_counter() - began)

    def trickle() -> None:
        for place in range(len(REQUEST)):
            for client in slow[::2]:  # the others send nothing at all
                client.sendall(REQUEST[place : place + 1])
            if done.is_set():
                break

    busy = [threading.Thread(target=read) for _ in range(BUSY)]
    trickling = threading.Thread(target=trickle)
    try:
        for thread in (trickling, *busy):
            thread.start()
        for thread in busy:
            thread.join()
        done.set()
        trickling.join()
        assert (statuses, errors) == ({200}, [])
        assert len(waits) == BUSY * REQUESTS
        assert max(waits) < PATIENCE_SECONDS / 3
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        for client in slow:
            client.close()
        service.process.kill()

"""`gexlake watch` and `gexlake serve --watch`: what arrives is imported once, whole, by itself."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e.test_serve_process import PATIENCE_SECONDS, Service
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array
from helpers.lakes import select as select_rows
from helpers.programs import Program

COUNT = 20
WEDNESDAY, THURSDAY = date(2025, 11, 12), date(2025, 11, 13)


class Watcher:
    """A running `gexlake watch`, whose reports come line by line."""

    def __init__(self, *words: str | Path) -> None:
        self.process = Program(["watch", *words, "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)  # type: ignore[union-attr]
        self._text = b""

    def report(self, patience: float = PATIENCE_SECONDS) -> dict[str, Any] | None:
        """The next one; None where none comes."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + patience
        while b"\n" not in self._text:
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            self._text += self.process.stdout.read() or b""
        line, _, self._text = self._text.partition(b"\n")
        document: dict[str, Any] = json.loads(line)
        return document

    def files(self, patience: float = PATIENCE_SECONDS) -> dict[str, tuple[str, int]] | None:
        """Name, status and records of the files of the next report that has something new."""
        while (report := self.report(patience)) is not None:
            found = {
                Path(file["source_file"]).name: (file["status"], file["records_imported"])
                for file in report["files"]
                if file["status"] != "skipped"
            }
            if found:
                return found
        return None

    def end(self) -> str:
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 0, err
        return err.decode()


Watch = Callable[[], Watcher]


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    write_array(folder / vendor_name(MONDAY), records_of(MONDAY, COUNT))
    return folder


@pytest.fixture
def watch(incoming: Path, tmp_path: Path) -> Iterator[Watch]:
    started: list[Watcher] = []

    def watch() -> Watcher:
        started.append(Watcher(incoming, "--lake", tmp_path / "data"))
        return started[-1]

    yield watch
    for watcher in started:
        watcher.process.kill()
        watcher.process.communicate()


def test_files_are_taken_once_and_whole_however_they_arrive(watch: Watch, incoming: Path, tmp_path: Path) -> None:
    watcher = watch()
    assert watcher.files() == {vendor_name(MONDAY): ("success", COUNT)}, "what was there before"

    text = json.dumps(records_of(TUESDAY, COUNT), separators=(",", ":")).encode()
    with (incoming / vendor_name(TUESDAY)).open("wb", buffering=0) as file:
        for start in range(0, len(text), len(text) // 8):  # slower than a file takes to settle
            assert watcher.report(patience=0.3) is None, "nothing is taken while it is written"
            file.write(text[start : start + len(text) // 8])
    assert watcher.files() == {vendor_name(TUESDAY): ("success", COUNT)}

    part = write_array(incoming / f"{vendor_name(WEDNESDAY)}.part", records_of(WEDNESDAY, COUNT))
    moved = write_array(tmp_path / "elsewhere" / "2025" / vendor_name(THURSDAY), records_of(THURSDAY, COUNT))
    moved.parents[1].rename(incoming / "elsewhere")
    assert watcher.files() == {vendor_name(THURSDAY): ("success", COUNT)}, "a folder; the unfinished file is left"
    part.rename(incoming / vendor_name(WEDNESDAY))
    assert watcher.files() == {vendor_name(WEDNESDAY): ("success", COUNT)}

    write_array(incoming / vendor_name(MONDAY), records_of(MONDAY, COUNT + 5))
    assert watcher.files() == {vendor_name(MONDAY): ("success", COUNT + 5)}, "a file that has changed replaces"
    assert "Ended." in watcher.end()
    days = select_rows(tmp_path / "data", "SELECT session_date::VARCHAR, snapshots FROM sessions ORDER BY ALL")
    assert days == [("2025-11-10", COUNT + 5), ("2025-11-11", COUNT), ("2025-11-12", COUNT), ("2025-11-13", COUNT)]


def test_a_damaged_file_is_reported_once_and_again_when_it_changes(watch: Watch, incoming: Path) -> None:
    watcher = watch()
    assert watcher.files() is not None
    damaged = incoming / vendor_name(TUESDAY)
    whole = json.dumps(records_of(TUESDAY, COUNT), separators=(",", ":"))
    damaged.write_text(whole[: len(whole) // 2])
    found = watcher.files()
    assert found is not None
    assert found[damaged.name][0] == "partial"
    write_array(incoming / vendor_name(WEDNESDAY), records_of(WEDNESDAY, COUNT))
    assert watcher.files() == {vendor_name(WEDNESDAY): ("success", COUNT)}, "and nothing more of the damaged one"
    damaged.write_text(whole)
    assert watcher.files() == {damaged.name: ("success", COUNT)}
    watcher.end()


def test_what_arrives_while_nothing_watches_is_caught_up(watch: Watch, incoming: Path) -> None:
    first = watch()
    assert first.files() == {vendor_name(MONDAY): ("success", COUNT)}
    first.end()
    write_array(incoming / vendor_name(TUESDAY), records_of(TUESDAY, COUNT))
    edit(incoming / vendor_name(MONDAY), lambda records: records.pop())
    assert watch().files() == {vendor_name(MONDAY): ("success", COUNT - 1), vendor_name(TUESDAY): ("success", COUNT)}


def test_a_folder_that_is_not_there_is_wrong_usage_of_the_source(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path / "missing", "--lake", tmp_path / "data")
    out, err = watcher.process.communicate(timeout=PATIENCE_SECONDS)
    assert (watcher.process.returncode, out) == (1, b"")
    assert "is not a directory" in " ".join(err.decode().split())


def test_a_service_that_watches_announces_each_session_to_its_readers(incoming: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    waiting = tmp_path / vendor_name(MONDAY)
    shutil.move(incoming / vendor_name(MONDAY), waiting)
    service = Service("--lake", tmp_path / "data", "--port", "0", "--watch", incoming, shutdown_seconds="1")
    try:
        url = service.url()
        with httpx2.stream("GET", f"{url}/events", timeout=PATIENCE_SECONDS) as response:
            waiting.rename(incoming / vendor_name(MONDAY))
            (event, data) = (line for line in _first_event(response) if not line.startswith(":"))
        assert event == "event: session"
        news = json.loads(data.removeprefix("data: "))
        assert {name: news[name] for name in ("ticker", "package", "category", "session_date", "snapshots")} == {
            "ticker": "NQ_NDX",
            "package": "classic",
            "category": "gex_zero",
            "session_date": "2025-11-10",
            "snapshots": COUNT,
        }
        latest = httpx2.get(f"{url}/gex/latest?symbol=NQ_NDX").json()
        assert latest["timestamp"] == records_of(MONDAY, COUNT)[-1]["timestamp"]
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        service.process.kill()


def _first_event(response: Any) -> list[str]:
    lines: list[str] = []
    for line in response.iter_lines():
        if not line and any(one.startswith("data:") for one in lines):
            break
        if line:
            lines.append(line)
    return lines

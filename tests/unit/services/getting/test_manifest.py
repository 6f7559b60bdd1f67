"""The manifest: lines that are only ever added, by any number of processes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gexlake.errors import StorageError
from gexlake.services.getting.manifest import Event, Manifest, Mark

AT = datetime(2025, 12, 1, tzinfo=UTC)


def mark(what: str, event: Event = Event.FETCHED, **fields: object) -> Mark:
    return Mark(what=what, event=event, at=AT, **fields)  # type: ignore[arg-type]


def test_the_last_line_of_a_thing_counts(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "new")
    assert manifest.load() == {}
    manifest.add(mark("a", Event.PENDING, etag='"1"', size_bytes=9))
    manifest.add(mark("b"))
    manifest.add(mark("a", path="x/y", size_bytes=9, sha256="ab"))
    assert manifest.load() == {"a": mark("a", path="x/y", size_bytes=9, sha256="ab"), "b": mark("b")}
    assert manifest.last("b") == mark("b")
    assert manifest.last("c") is None


def test_a_line_that_was_cut_is_passed_over_and_the_next_begins_behind_it(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.add(mark("a"))
    with manifest.path.open("ab") as file:
        file.write(b'{"what":"a","event":"no_fi')
    manifest.add(mark("b"))
    with manifest.path.open("ab") as file:
        file.write(b'\xff\n{"what":"c","event":"of a later version","at":"2025-12-01T00:00:00Z"}\n[]\n')
    assert manifest.load() == {"a": mark("a"), "b": mark("b")}


def test_processes_do_not_mix_their_lines(tmp_path: Path) -> None:
    program = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from gexlake.services.getting.manifest import Event, Manifest, Mark
manifest = Manifest(Path({str(tmp_path)!r}))
for number in range(40):
    manifest.add(Mark(what=f"{{sys.argv[1]}}-{{number}}", event=Event.FAILED, at=datetime.now(UTC), reason="x" * 3000))
"""
    others = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "abc"]
    assert [other.wait(60) for other in others] == [0, 0, 0]
    assert len(Manifest(tmp_path).load()) == 120


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"\.gexlake-get\.jsonl cannot be written"):
        Manifest(tmp_path / "file").add(mark("a"))

"""A file under way is written by one process at a time, and is there only when it is whole."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from gexlake.models.feed import Feed, SessionKey
from gexlake.packing import Compression
from gexlake.scanner.names import parse_path
from gexlake.services.getting.places import eod_path, held_part, part_path, place_part, session_path, session_paths
from gexlake.vendor.trouble import TroubleError

SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 14))

HOLDER = """
import asyncio, sys
from pathlib import Path
from gexlake.services.getting.places import held_part

async def hold():
    async with held_part(Path(sys.argv[1]), lambda: False):
        print("held", flush=True)
        sys.stdin.read()

asyncio.run(hold())
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """Another process that writes the file until it is told to end."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_names_are_those_that_the_vendor_gives_and_the_scanner_reads() -> None:
    path = session_path(Path("d"), SESSION, Compression.GZIP)
    assert path == Path("d/NQ_NDX/classic/gex_zero/2025-11-14_NQ_NDX_classic_gex_zero.json.gz")
    assert path in session_paths(Path("d"), SESSION)
    hints = parse_path(path.parts[:-1], path.name)
    assert (hints.ticker, hints.package, hints.category, hints.session_date) == (*SESSION.feed, SESSION.session_date)
    assert eod_path(Path("d"), "SPX", date(2025, 11, 14)) == Path("d/SPX/eod_report_SPX_2025-11-14.zip")


def test_a_whole_part_gets_its_name_and_an_empty_one_goes(tmp_path: Path) -> None:
    part, target = part_path(tmp_path, SESSION), session_path(tmp_path, SESSION, Compression.NONE)

    async def write(content: str) -> None:
        async with held_part(part, target.exists) as descriptor:
            assert descriptor is not None
            part.write_text(content)
            if content == "whole":
                place_part(part, target)

    asyncio.run(write(""))
    assert not part.exists()
    asyncio.run(write("some"))
    assert part.read_text() == "some"
    asyncio.run(write("whole"))
    assert (part.exists(), target.read_text()) == (False, "whole")


def test_what_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    part, target = tmp_path / "x.part", tmp_path / "x"
    holder = hold(part)

    async def wait() -> int | None:
        async with held_part(part, target.exists) as descriptor:
            return descriptor

    async def both() -> int | None:
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)  # it has met the lock by now
        part.write_text("whole")
        part.rename(target)
        end(holder)
        return await waiting

    assert asyncio.run(both()) is None
    assert (part.exists(), target.read_text()) == (False, "whole")


def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    holder = hold(part)
    part.write_text("some")
    end(holder)

    async def read() -> str:
        async with held_part(part, lambda: False):
            return part.read_text()

    assert asyncio.run(read()) == "some"


def test_who_holds_a_file_and_lets_it_lie_is_not_waited_for_without_end(tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    holder = hold(part)

    async def wait() -> None:
        async with held_part(part, lambda: False, idle_seconds=0):
            raise AssertionError

    try:
        with pytest.raises(TroubleError, match="Another process holds"):
            asyncio.run(wait())
    finally:
        end(holder)

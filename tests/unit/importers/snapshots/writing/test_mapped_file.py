"""A file read where it lies in memory: what the disk does not give is an error, and never the end of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from gexlake.importers.snapshots.lookup import Numbers
from gexlake.importers.snapshots.writing._pages import MappedFile, decode_doubles
from gexlake.zstd import raw_frame

PAGE = os.sysconf("SC_PAGE_SIZE")
CONTENT = os.urandom(3 * PAGE)
NUMBERS = b"\2\0\0\0\x10\1\x08\3" + bytes([0, 1, 2, 0, 1, 2, 0, 1])
"""A page of eight of the three values of a dictionary."""


def mapped(path: Path, content: bytes = CONTENT) -> MappedFile:
    path.write_bytes(content)
    return MappedFile(os.open(path, os.O_RDONLY))


def places(*parts: tuple[int, int]) -> Numbers:
    return np.array([(offset, length, 0) for offset, length in parts], np.uint64)


def test_parts_are_what_stands_in_the_file(tmp_path: Path) -> None:
    file = mapped(tmp_path / "file")
    end = len(CONTENT)
    wanted = [(0, 5), (PAGE - 2, 4), (7, 0), (end - 1, 1), (end, 0), (0, end)]
    assert file.read_all(places(*wanted)) == [CONTENT[at : at + length] for at, length in wanted]
    assert file.read_all(places()) == []
    assert bytes(memoryview(file)[3:9]) == CONTENT[3:9]


@pytest.mark.parametrize("part", [(len(CONTENT), 1), (0, len(CONTENT) + 1), (2**64 - 1, 2), (2, 2**64 - 1)])
def test_what_is_not_in_the_file_is_refused(tmp_path: Path, part: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="ends too early"):
        mapped(tmp_path / "file").read_all(places((0, 4), part))


def test_an_empty_file_cannot_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file, pytest.raises(OSError, match="Invalid argument"):
        MappedFile(file.fileno())


def test_a_part_that_was_cut_off_is_refused_and_the_rest_is_read_on(tmp_path: Path) -> None:
    file = mapped(tmp_path / "file")
    os.truncate(tmp_path / "file", PAGE)
    with pytest.raises(ValueError, match="ends too early"):
        file.read_all(places((0, 8), (2 * PAGE, 8)))
    assert file.read_all(places((0, 8))) == [CONTENT[:8]]


def test_the_descriptor_is_closed_in_the_end(tmp_path: Path) -> None:
    file = mapped(tmp_path / "file")
    descriptor = file.fileno()
    assert os.fstat(descriptor).st_size == len(CONTENT)
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_dictionary_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    file = mapped(tmp_path / "file", bytes(PAGE) + raw_frame(np.arange(3.0).tobytes()))
    out = np.empty(8)
    decode_doubles([NUMBERS], [(memoryview(file)[PAGE:], 3, False)], 8, 0, 8, out, 0)
    assert out.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    os.truncate(tmp_path / "file", PAGE)
    with pytest.raises(OSError, match="Input/output error"):
        decode_doubles([NUMBERS], [(memoryview(file)[PAGE:], 3, False)], 8, 0, 8, out, 0)


def test_a_file_stays_in_memory_as_long_as_someone_has_a_part_of_it(tmp_path: Path) -> None:
    part = memoryview(mapped(tmp_path / "file"))[PAGE:]
    (tmp_path / "file").unlink()
    assert bytes(part) == CONTENT[PAGE:]


def test_threads_meet_errors_of_their_own(tmp_path: Path) -> None:
    frame = raw_frame(np.arange(3.0).tobytes())
    whole, cut = mapped(tmp_path / "whole", frame), mapped(tmp_path / "cut", frame)
    os.truncate(tmp_path / "cut", 0)
    met: list[bool] = []

    def read(file: MappedFile) -> None:
        out = np.empty(8)
        for _ in range(200):
            try:
                decode_doubles([NUMBERS], [(memoryview(file), 3, False)], 8, 0, 8, out, 0)
                met.append(file is whole)
            except OSError:
                met.append(file is cut)

    threads = [threading.Thread(target=read, args=(file,)) for file in (whole, cut) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [True] * 800


@pytest.mark.parametrize("before", ["", "import faulthandler; faulthandler.enable()"])
def test_what_others_read_from_memory_still_ends_the_process(tmp_path: Path, before: str) -> None:
    """As without us: by the signal, behind the traceback that Python writes where it was asked to."""
    program = f"""
{before}
import mmap, os, sys
from gexlake.importers.snapshots.writing._pages import MappedFile
with open(sys.argv[1], "w+b") as file:
    file.write(bytes({PAGE}))
    file.flush()
    ours, other = MappedFile(os.dup(file.fileno())), mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    os.truncate(sys.argv[1], 0)
    other[0]
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "file"], capture_output=True, check=False)
    assert done.returncode == -signal.SIGBUS
    assert (b"Fatal Python error: Bus error" in done.stderr) == bool(before)

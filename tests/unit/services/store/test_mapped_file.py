"""A slice of a mapped file knows where it lies in it, and keeps it open."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from gexlake.services.store.mapped_file import MappedFile, place_of

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(("start", "stop"), [(0, len(CONTENT)), (1, 2), (4097, 9000), (len(CONTENT) - 1, len(CONTENT))])
def test_a_slice_lies_where_the_file_has_its_bytes(path: Path, start: int, stop: int) -> None:
    view = memoryview(MappedFile(path))[start:stop]
    place = place_of(view)
    assert place is not None
    assert place.offset == start
    assert os.pread(place.descriptor, len(view), place.offset) == CONTENT[start:stop] == bytes(view)


def test_a_slice_of_a_slice_and_a_view_of_another_type_do_too(path: Path) -> None:
    outer = memoryview(MappedFile(path))[512:]
    inner, numbers = place_of(outer[8:24]), place_of(outer[16:32].cast("q"))
    assert inner is not None
    assert numbers is not None
    assert (inner.offset, numbers.offset) == (520, 528)


def test_other_memory_lies_in_no_file() -> None:
    assert place_of(memoryview(CONTENT)) is None
    assert place_of(memoryview(bytearray(CONTENT))[5:]) is None


def test_the_file_stays_open_as_long_as_there_is_a_slice_and_no_longer(path: Path) -> None:
    view = memoryview(MappedFile(path))[100:200]
    place = place_of(view)
    assert place is not None
    path.unlink()
    gc.collect()
    assert os.pread(place.descriptor, 100, place.offset) == bytes(view)
    del view
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(place.descriptor)


def test_what_cannot_be_mapped_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    before = open_descriptors()
    with pytest.raises(ValueError, match="empty"):
        MappedFile(tmp_path / "empty")
    with pytest.raises(OSError, match=r"Errno \d+"):
        MappedFile(tmp_path)
    with pytest.raises(FileNotFoundError):
        MappedFile(tmp_path / "none")
    gc.collect()
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))

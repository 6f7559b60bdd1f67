"""A body is history only as a whole JSON array, and its name comes from its first bytes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gexlake.packing import Compression
from gexlake.vendor.body import Body, ends_as_array, inspect_archive, inspect_array
from gexlake.vendor.trouble import NotHistoryError
from helpers.damage import flipped
from helpers.histories import records_of, write_array

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes) -> Path:
        path = tmp_path / "body"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_array(tmp_path_factory.mktemp("body") / "x.json", records_of(count=300)).read_bytes()


@pytest.mark.parametrize(
    ("pack", "compression"),
    [(bytes, Compression.NONE), (gzip.compress, Compression.GZIP), (bz2.compress, Compression.BZIP2)],
)
def test_a_whole_array_is_known_by_length_hash_and_packing(
    write: Write, history: bytes, pack: Callable[[bytes], bytes], compression: Compression
) -> None:
    body = pack(history)
    assert inspect_array(write(body)) == Body(len(body), hashlib.sha256(body).hexdigest(), compression)


@pytest.mark.parametrize("text", [b"[]", b"[ ]\n", b'\xef\xbb\xbf \n[{"a":1}\n]\r\n ', b'[{"a":[1]} ]'])
def test_small_arrays_are_whole(write: Write, text: bytes) -> None:
    assert inspect_array(write(text)).size_bytes == len(text)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "It is empty."),
        (gzip.compress(b"", mtime=0), "It is empty."),
        (b"<!DOCTYPE html><title>Please wait</title>", "It is no JSON array; it begins with '<!DOCTYPE html"),
        (b'{"error":"Forbidden."}', "It is no JSON array; it begins with '{"),
        (gzip.compress(b"<html>", mtime=0), "It is no JSON array; it begins with '<html>'."),
        (b'[{"a":1},{"b":[1,2]', "The JSON array does not close: it was cut behind 19 bytes."),
        (b'[{"a":1},', "The JSON array does not close"),
        (b"[", "The JSON array does not close"),
        (gzip.compress(b'[{"a":1}', mtime=0), "The JSON array does not close: it was cut behind 8 bytes."),
    ],
)
def test_anything_else_is_no_history(write: Write, body: bytes, reason: str) -> None:
    with pytest.raises(NotHistoryError) as caught:
        inspect_array(write(body))
    assert caught.value.message.startswith(reason)


def test_no_beginning_of_a_history_is_whole(write: Write, history: bytes) -> None:
    ends = range(1, len(history), len(history) // 200)
    for cut in [*ends, *(history.rindex(b"]", 0, -2) + shift for shift in (0, 1, 2))]:
        if cut < len(history):
            with pytest.raises(NotHistoryError):
                inspect_array(write(history[:cut]))


def test_a_packed_body_that_is_cut_or_damaged_is_none(write: Write, history: bytes) -> None:
    packed = gzip.compress(history)
    with pytest.raises(NotHistoryError, match="cut short"):
        inspect_array(write(packed[:-9]))
    with pytest.raises(NotHistoryError, match="damaged"):
        inspect_array(write(flipped(packed, -6)))


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_report_is_a_zip_of_whole_arrays(write: Write, history: bytes) -> None:
    body = zipped(one=gzip.compress(history), two=history)
    assert inspect_archive(write(body)) == Body(len(body), hashlib.sha256(body).hexdigest(), Compression.NONE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body[:-30], "The ZIP archive is not whole"),
        (lambda _: b'{"error":"Forbidden."}', "It is no ZIP archive"),
        (lambda _: zipped(), "The ZIP archive is empty"),
        (lambda _: zipped(one=b"<html>"), "one in the ZIP archive: It is no JSON array"),
        (lambda body: body.replace(b"first", b"tsrif", 1), "one in the ZIP archive is damaged"),
    ],
)
def test_a_report_that_is_cut_or_damaged_is_none(write: Write, change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(NotHistoryError) as caught:
        inspect_archive(write(change(zipped(one=b'[{"first":1}]'))))
    assert caught.value.message.startswith(reason)


def test_the_end_alone_shows_that_a_plain_file_was_cut(write: Write, history: bytes) -> None:
    assert ends_as_array(write(history))
    assert not ends_as_array(write(history[:-2]))
    assert ends_as_array(write(gzip.compress(history)[:-9])), "of a packed one it cannot be seen"

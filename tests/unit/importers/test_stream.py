"""A source's bytes: unpacked as far as they go, hashed as they stand."""

from __future__ import annotations

import gzip
import hashlib
import random
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gexlake.errors import SourceError
from gexlake.importers.stream import (
    EXPANSION_ALLOWANCE_BYTES,
    MAX_EXPANSION_RATIO,
    DamagedStreamError,
    SourceStream,
    hash_file,
)
from gexlake.models.source import Compression
from gexlake.validation.rules import Rule

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'{"timestamp":%d,"spot":%.2f},\n' % (i, random.Random(i).random() * 1e5) for i in range(12_000))
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: lambda data: gzip.compress(data, 1),
    Compression.ZSTD: zstd.compress,
}
PACKED = [Compression.GZIP, Compression.ZSTD]


class Reading:
    """All that can be read of a file, how it ended, and what the stream says of the file."""

    def __init__(self, path: Path, *, step: int = 1 << 16) -> None:
        self.reported = 0
        self.damage: DamagedStreamError | None = None
        text = bytearray()
        target = memoryview(bytearray(step))
        with SourceStream(path, on_bytes=self._report) as stream:
            self.compression = stream.compression
            try:
                while count := stream.readinto(target):
                    text += target[:count]
            except DamagedStreamError as damage:
                self.damage = damage
                stream.drain()
            self.sha256, self.size_bytes = stream.sha256, stream.size_bytes
        self.text = bytes(text)

    def _report(self, count: int) -> None:
        self.reported += count


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Reading]:
    """Read those bytes from a file; digest, size and progress must be the file's own, however it ends."""

    def run(data: bytes, *, name: str = "source", step: int = 1 << 16) -> Reading:
        path = tmp_path / name
        path.write_bytes(data)
        reading = Reading(path, step=step)
        assert reading.sha256 == hashlib.sha256(data).hexdigest()
        assert reading.size_bytes == reading.reported == len(data)
        return reading

    return run


Read = Callable[..., Reading]


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("name", ["x.json", "x.json.gz", "x.zst", "x"])
def test_first_bytes_decide_and_never_the_name(read: Read, compression: Compression, name: str) -> None:
    reading = read(PACKERS[compression](TEXT), name=name)
    assert reading.compression is compression
    assert reading.text == TEXT
    assert reading.damage is None


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("step", [1, 3, 4, 5, 4096, 1 << 20])
def test_any_buffer_gets_the_same_text(read: Read, compression: Compression, step: int) -> None:
    text = TEXT[: 3000 if step < 4096 else len(TEXT)]
    assert read(PACKERS[compression](text), step=step).text == text


@pytest.mark.parametrize("compression", PACKED)
def test_members_follow_each_other(read: Read, compression: Compression) -> None:
    pack = PACKERS[compression]
    reading = read(pack(TEXT[:1000]) + pack(b"") + pack(TEXT[1000:]))
    assert reading.text == TEXT
    assert reading.damage is None


def test_zeros_after_gzip_are_padding(read: Read) -> None:
    reading = read(gzip.compress(TEXT) + bytes(3000))
    assert reading.text == TEXT
    assert reading.damage is None


@pytest.mark.parametrize("compression", PACKED)
def test_other_bytes_behind_the_last_member_are_damage(read: Read, compression: Compression) -> None:
    reading = read(PACKERS[compression](TEXT) + b"<html>" * 100_000)
    assert reading.text == TEXT
    assert reading.damage is not None
    assert reading.damage.rule is Rule.COMPRESSION_DAMAGED


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_a_stream_cut_short_gives_what_it_holds(read: Read, compression: Compression, share: float) -> None:
    packed = PACKERS[compression](TEXT)
    reading = read(packed[: 4 + int(share * (len(packed) - 5))])
    assert TEXT.startswith(reading.text)
    assert len(reading.text) >= (share - 0.3) * len(TEXT) - (128 << 10)  # a zstd block comes whole or not at all
    assert reading.damage is not None
    assert reading.damage.rule is Rule.STREAM_TRUNCATED
    assert reading.damage.message == f"the {compression} stream ends early"


@pytest.mark.parametrize("head", [b"\x1f\x8b", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"])
def test_magic_bytes_alone_are_a_stream_cut_short(read: Read, head: bytes) -> None:
    reading = read(head)
    assert (reading.text, reading.damage and reading.damage.rule) == (b"", Rule.STREAM_TRUNCATED)


def test_gzip_text_before_damage_is_not_lost(read: Read) -> None:
    compressor = zlib.compressobj(wbits=31)
    packed = compressor.compress(TEXT) + compressor.flush(zlib.Z_FULL_FLUSH)
    reading = read(packed + b"\xff" * 50)
    assert reading.text == TEXT
    assert reading.damage is not None
    assert reading.damage.rule is Rule.COMPRESSION_DAMAGED
    where = f"the gzip stream is damaged within its first {len(packed) + 50:,} bytes: "
    assert reading.damage.message.startswith(where)


def test_gzip_checksum_that_does_not_match_is_damage(read: Read) -> None:
    packed = gzip.compress(TEXT)
    reading = read(packed[:-8] + b"\0\0\0\0" + packed[-4:])
    assert reading.text == TEXT
    assert reading.damage is not None
    assert reading.damage.rule is Rule.COMPRESSION_DAMAGED
    assert "incorrect data check" in reading.damage.message


def test_zstd_damage_leaves_the_blocks_before_it(read: Read) -> None:
    packed = bytearray(zstd.compress(TEXT))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    reading = read(bytes(packed))
    assert TEXT.startswith(reading.text)
    assert len(reading.text) >= 128 << 10
    assert reading.damage is not None
    assert reading.damage.rule is Rule.COMPRESSION_DAMAGED


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_bomb_is_left_before_it_fills_memory(read: Read, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(EXPANSION_ALLOWANCE_BYTES + (2 << 20)))
    reading = read(packed, step=1 << 20)
    assert len(packed) * MAX_EXPANSION_RATIO < len(reading.text) <= EXPANSION_ALLOWANCE_BYTES
    assert reading.damage is not None
    assert reading.damage.rule is Rule.EXPANSION_LIMIT
    assert re.fullmatch(r"[\d,]+ packed bytes expand more than 300 times", reading.damage.message)


def test_small_files_may_be_as_repetitive_as_they_like(read: Read) -> None:
    packed = zstd.compress(bytes(4 << 20))
    assert len(packed) * MAX_EXPANSION_RATIO < 4 << 20
    assert read(packed, step=1 << 20).damage is None


def test_an_empty_file_has_no_text(read: Read) -> None:
    reading = read(b"")
    assert (reading.compression, reading.text, reading.damage) == (Compression.NONE, b"", None)


def test_nothing_read_yet_is_completed_by_drain(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(TEXT))
    with SourceStream(path) as stream:
        stream.readinto(memoryview(bytearray(10)))
        stream.drain()
        assert stream.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == hash_file(path)
        assert stream.size_bytes == path.stat().st_size


def test_a_file_that_is_not_there_is_a_source_error(tmp_path: Path) -> None:
    path = tmp_path / "gone.json"
    with pytest.raises(SourceError) as caught:
        SourceStream(path)
    assert caught.value.message == f"{path} cannot be read: No such file or directory."
    assert caught.value.hint == "Check its permissions and the disk, then import again."


def test_a_folder_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be read: Is a directory\."):
        hash_file(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PACKED),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["flip", "cut", "insert", "delete"]), st.binary(min_size=1))),
)
def test_any_damage_ends_in_text_or_a_finding(
    read: Read, compression: Compression, wounds: list[tuple[float, str, bytes]]
) -> None:
    data = bytearray(PACKERS[compression](TEXT[:40_000]))
    for share, kind, material in wounds:
        at = min(len(data), 4 + int(share * len(data)))
        if kind == "flip" and at < len(data):
            data[at] ^= material[0] or 1
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = material
        elif kind == "delete":
            del data[at : at + len(material)]
    reading = read(bytes(data))
    if not wounds:
        assert (reading.text, reading.damage) == (TEXT[:40_000], None)
    if compression is Compression.GZIP and reading.damage is None:
        assert reading.text == TEXT[:40_000], "gzip has a checksum"

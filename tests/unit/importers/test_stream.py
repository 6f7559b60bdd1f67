"""A source's bytes: unpacked as far as they go, hashed as they stand."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gexlake.errors import SourceError
from gexlake.importers.stream import (
    AlteredSourceError,
    DamagedStreamError,
    SourceStream,
    hash_file,
)
from gexlake.packing import XZ_MEMORY_BYTES, Compression
from gexlake.unpacked_file import EXPANSION_ALLOWANCE_BYTES, MAX_EXPANSION_RATIO
from gexlake.validation.rules import Rule
from helpers.damage import flipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'{"timestamp":%d,"spot":%.2f},\n' % (i, random.Random(i).random() * 1e5) for i in range(12_000))
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: lambda data: gzip.compress(data, 1),
    Compression.ZSTD: zstd.compress,
    Compression.BZIP2: lambda data: bz2.compress(data, 1),
    Compression.XZ: lambda data: lzma.compress(data, preset=0),
}
PACKED = [compression for compression in PACKERS if compression is not Compression.NONE]


def checked_zstd(data: bytes) -> bytes:
    """With a checksum, as the zstd command writes it and the library by default does not."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


CHECKED: dict[Compression, Callable[[bytes], bytes]] = {
    **{compression: PACKERS[compression] for compression in PACKED},
    Compression.ZSTD: checked_zstd,
}


class Reading:
    """All that can be read of a file, how it ended, and what the stream says of the file."""

    def __init__(self, path: Path, *, step: int = 1 << 16) -> None:
        self.reported = 0
        self.damage: DamagedStreamError | None = None
        self.altered: AlteredSourceError | None = None
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
            except AlteredSourceError as error:
                self.altered = error
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


# ---- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", CHECKED)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_bit_flipped_inside_a_stream_makes_all_of_it_worthless(
    read: Read, tmp_path: Path, compression: Compression, share: float
) -> None:
    packed = CHECKED[compression](TEXT)
    altered = read(flipped(packed, int(share * len(packed)))).altered
    assert altered is not None
    what = f"{tmp_path / 'source'} is damaged, so nothing of it is imported: its {compression} stream does not unpack"
    assert altered.message.startswith(what)
    assert altered.hint == "Download it again while the vendor keeps it, or restore it from a copy; then import again."


@pytest.mark.parametrize("at", [-8, -4])
def test_gzip_checksum_or_size_that_does_not_match_condemns_the_text(read: Read, at: int) -> None:
    packed = gzip.compress(TEXT)
    altered = read(flipped(packed, len(packed) + at)).altered
    assert altered is not None
    assert altered.message.endswith("check).")


def test_zstd_checksum_that_does_not_match_condemns_the_text(read: Read) -> None:
    packed = checked_zstd(TEXT)
    assert read(flipped(packed, len(packed) - 1)).altered is not None


@pytest.mark.parametrize("compression", CHECKED)
def test_no_single_bit_changes_a_value_unnoticed(read: Read, compression: Compression) -> None:
    text = TEXT[:200]
    packed = CHECKED[compression](text)
    for at in range(4, len(packed)):
        for bit in range(8):
            reading = read(flipped(packed, at, bit))
            assert reading.altered or text.startswith(reading.text), (at, bit)


@pytest.mark.parametrize("compression", CHECKED)
def test_members_before_the_damaged_one_stand(read: Read, compression: Compression) -> None:
    pack = CHECKED[compression]
    first, second = pack(TEXT[:100_000]), pack(TEXT[100_000:])
    for at in (0, len(second) // 2, len(second) - 2):  # in its last byte bzip2 may have bits that mean nothing
        reading = read(first + flipped(second, at))
        assert (reading.text, reading.altered) == (TEXT[:100_000], None)
        assert reading.damage is not None
        assert reading.damage.rule is Rule.COMPRESSION_DAMAGED
        where = f"the {compression} stream is damaged from byte {len(first):,} on: "
        assert reading.damage.message.startswith(where)


@pytest.mark.parametrize("compression", CHECKED)
def test_damage_of_the_first_member_makes_all_worthless(read: Read, compression: Compression) -> None:
    pack = CHECKED[compression]
    first, second = pack(TEXT[:100_000]), pack(TEXT[100_000:])
    reading = read(flipped(first, len(first) // 2) + second)
    assert reading.altered is not None


@pytest.mark.parametrize("compression", CHECKED)
def test_last_member_cut_short_gives_what_it_holds(read: Read, compression: Compression) -> None:
    pack = CHECKED[compression]
    first, second = pack(TEXT[:100_000]), pack(TEXT[100_000:])
    reading = read(first + second[: len(second) // 2])
    assert TEXT.startswith(reading.text)
    assert len(reading.text) > 100_000
    assert reading.damage is not None
    assert reading.damage.rule is Rule.STREAM_TRUNCATED


def test_bomb_behind_an_honest_member_is_not_unpacked_to_its_end_to_check_it(read: Read) -> None:
    reading = read(gzip.compress(TEXT) + gzip.compress(bytes(EXPANSION_ALLOWANCE_BYTES * 2)), step=1 << 20)
    assert reading.text.startswith(TEXT)
    assert reading.damage is not None
    assert reading.damage.rule is Rule.EXPANSION_LIMIT


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


def test_an_xz_file_cannot_ask_for_any_memory(read: Read) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2 * XZ_MEMORY_BYTES}]
    reading = read(lzma.compress(TEXT[:1000], filters=filters))
    assert reading.text == b""
    assert reading.altered is not None
    assert "(Memory usage limit exceeded)" in reading.altered.message


def test_a_folder_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be read: Is a directory\."):
        hash_file(tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(PACKED),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["flip", "cut", "insert", "delete"]), st.binary(min_size=1))),
)
def test_any_damage_ends_in_text_a_finding_or_a_fault(
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
        assert (reading.text, reading.damage, reading.altered) == (TEXT[:40_000], None, None)
    if compression is not Compression.ZSTD and reading.damage is reading.altered is None:
        assert reading.text == TEXT[:40_000], "it has a checksum"


# ---- UTF-16 ----------------------------------------------------------------------------------------------------------

MARKS = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("compression", list(PACKERS))
@pytest.mark.parametrize("step", [5, 4096])
def test_utf16_comes_out_as_utf8_and_is_noted(
    tmp_path: Path, encoding: str, compression: Compression, step: int
) -> None:
    text = '[{"note":"ünï 📈"},\r\n{}]' * 500
    path = tmp_path / "x"
    path.write_bytes(PACKERS[compression](MARKS[encoding] + text.encode(encoding)))
    reading = Reading(path, step=step)
    assert reading.text == b"\xef\xbb\xbf" + text.encode()
    with SourceStream(path) as stream:
        assert stream.findings == []  # nothing is read yet
        stream.readinto(memoryview(bytearray(10)))
        assert [rule for rule, _ in stream.findings] == [Rule.UTF16]
        stream.drain()
        assert stream.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_half_a_pair_is_no_utf8_and_half_a_character_at_the_end_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xff\xfe" + b"a\0" + b"\x3d\xd8" + b"b\0" + b"c")
    assert Reading(path).text == b"\xef\xbb\xbfa\xed\xa0\xbdb\xef\xbf\xbd"
    path.write_bytes(b"\xff\xfe" + b"a\0" + b"\x3d\xd8")
    assert Reading(path).text == b"\xef\xbb\xbfa\xed\xa0\xbd"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xff", b"\xfe", b"a", b"", b"\xff\xfe\0\0[\0\0\0"])
def test_the_shortest_files_and_utf32_are_no_fault(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    assert Reading(path).text == (b"\xef\xbb\xbf" if data == b"\xff\xfe" else data)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from(sorted(MARKS)), st.integers(1, 9))
def test_utf16_is_the_same_in_whatever_pieces_it_is_read(tmp_path: Path, data: bytes, encoding: str, step: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(MARKS[encoding] + b"[\0" + data)
    body = b"[\0" + data
    whole = body[: len(body) // 2 * 2].decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    rest = b"\xef\xbf\xbd" if len(body) % 2 else b""
    assert Reading(path, step=step).text == b"\xef\xbb\xbf" + whole + rest

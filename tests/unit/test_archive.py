"""Archives as folders: what is read, and every danger a finding in words."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from gexlake import archive
from gexlake.archive import ArchiveError, MemberFile, read_directory
from gexlake.errors import SourceError
from gexlake.importers.stream import AlteredSourceError, DamagedStreamError, SourceStream, hash_file
from gexlake.models.source import SourcePlace
from gexlake.scanner import REFUSALS, ScanResult, scan
from gexlake.zstd import compress

ZSTD_CHECKSUM = 201
"""The parameter by which a frame has a checksum, as the `zstd` command writes it."""
DAY = "2025-11-14_NQ_NDX_classic_gex_zero.json"
RECORD = b'[{"timestamp":1763130602,"ticker":"NQ_NDX","spot":1,"strikes":[[1,2,3,[]]]}]'
Make = Callable[[dict[str, bytes]], Path]


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return path


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": partial(compress, options={ZSTD_CHECKSUM: 1}),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def make_packed_tar(path: Path, files: dict[str, bytes]) -> Path:
    """A tar, packed as its suffix says."""
    make_tar(path, files)
    path.write_bytes(PACKERS[path.suffix[1:]](path.read_bytes()))
    return path


@pytest.fixture(params=["zip", "tar", "tar.gz", "tar.zst"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    maker = {"zip": make_zip, "tar": make_tar}.get(request.param, make_packed_tar)
    return lambda files: maker(tmp_path / f"days.{request.param}", files)


def refusals(result: ScanResult) -> list[tuple[str, str | None]]:
    assert all(file.code in REFUSALS and file.reason.endswith(".") for file in result.refused)
    return [(file.code, file.member) for file in result.refused]


def reason(result: ScanResult) -> str:
    assert len(result.refused) == 1
    return result.refused[0].reason


# ---- like a folder ---------------------------------------------------------------------------------------------------


def test_its_files_are_judged_as_those_of_a_folder(make: Make) -> None:
    path = make(
        {
            DAY: RECORD,
            "SPX/classic/gex_zero/2025-11-14.jsonl": gzip.compress(RECORD),
            "notes.txt": b"notes",
            ".hidden": b"x",
            "__MACOSX/._x": b"x",
            "SYNTHETIC.md": b"x",
            f"{DAY}.part": b"[",
            "2025-11-13_NQ_NDX_classic_gex_zero.json": b"<Error/>",
            "empty.json": b"",
        }
    )
    result = scan([path])
    assert [(file.session.feed.ticker, file.member) for file in result.files] == [
        ("NQ_NDX", DAY),
        ("NQ_NDX", "SPX/classic/gex_zero/2025-11-14.jsonl"),  # the record's own comes before a folder's
    ]
    assert refusals(result) == [
        ("failed_download", "2025-11-13_NQ_NDX_classic_gex_zero.json"),
        ("unfinished_download", f"{DAY}.part"),
        ("empty_file", "empty.json"),
        ("not_gex", "notes.txt"),
    ]
    assert result.ignored == 3


def test_its_own_name_and_folders_say_what_its_files_leave_open(tmp_path: Path) -> None:
    folder = tmp_path / "SPX"
    folder.mkdir()
    make_zip(folder / "2025-11-14.zip", {"classic_gex_zero.json": b"[]"})
    result = scan([tmp_path])
    assert [str(file.session) for file in result.files] == ["SPX/classic/gex_zero/2025-11-14"]


def test_it_is_known_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    make_zip(tmp_path / DAY, {DAY: RECORD})
    (tmp_path / "x.zip").write_bytes(RECORD)
    assert [file.member for file in scan([tmp_path / DAY]).files] == [DAY]


def test_a_foreign_archive_is_one_foreign_file(make: Make) -> None:
    path = make({"xl/workbook.xml": b"<xml/>", "a.txt": b"a", "b.json": b'{"a":1}'})
    result = scan([path])
    assert refusals(result) == [("not_gex", None)]
    assert reason(result) == "It is an archive of 3 files, none of which is GEX history."


def test_an_empty_archive_is_an_empty_file(tmp_path: Path) -> None:
    assert refusals(scan([make_zip(tmp_path / "x.zip", {})])) == [("empty_file", None)]


def test_backslashes_in_names_are_folders_too(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"SPX\\classic\\gex_zero\\2025-11-14.json": b"[]"})
    assert [str(file.session) for file in scan([path]).files] == ["SPX/classic/gex_zero/2025-11-14"]


def test_a_zip64_archive_and_one_behind_other_bytes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed, packed.open(DAY, "w", force_zip64=True) as file:
        file.write(RECORD)
    path.write_bytes(b"PK\x03\x04" + bytes(60) + path.read_bytes())  # as a program that unpacks itself
    assert [file.member for file in scan([path]).files] == [DAY]
    assert hash_file(SourcePlace(path, DAY)) == _digest(RECORD)


# ---- dangers of ZIP --------------------------------------------------------------------------------------------------


def change_entries(path: Path, offset: int, value: int, width: int = 2) -> Path:
    """Change a field of every header in the directory, and its twin in front of each member."""
    data = bytearray(path.read_bytes())
    for magic, shift in ((b"PK\x01\x02", 0), (b"PK\x03\x04", -2)):
        at = data.find(magic)
        while at >= 0:
            data[at + offset + shift : at + offset + shift + width] = value.to_bytes(width, "little")
            at = data.find(magic, at + 4)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [
        (8, 1, "it is encrypted; unpack the archive with its password"),
        (10, 14, "it is packed by LZMA, which is not read; unpack the archive"),
        (10, 99, "it is packed by method 99, which is not read; unpack the archive"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, offset: int, value: int, words: str) -> None:
    path = change_entries(make_zip(tmp_path / "x.zip", {DAY: RECORD}), offset, value)
    result = scan([path])
    assert refusals(result) == [("member_refused", DAY)]
    assert reason(result) == f"It is not read: {words}."
    with pytest.raises(SourceError):
        hash_file(SourcePlace(path, DAY))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_neither_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {DAY: RECORD})
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(DAY, b"[]")
        packed.writestr("2025-11-15_NQ_NDX_classic_gex_zero.json", RECORD)
    result = scan([path])
    assert refusals(result) == [("member_refused", DAY)]
    assert "2 members have this name" in reason(result)
    assert len(result.files) == 1


@pytest.mark.parametrize("name", [f"../{DAY}", f"a/../../{DAY}", f"/etc/{DAY}", f"C:\\{DAY}", f"..\\{DAY}"])
def test_names_that_lead_out_are_refused(tmp_path: Path, make: Make, name: str) -> None:
    result = scan([make({name: RECORD})])
    assert [code for code, _ in refusals(result)] == ["member_refused"]
    assert reason(result) == "It is not read: its name leads out of the archive."
    assert result.files == ()


def test_a_bomb_is_refused_by_what_the_archive_says_of_it(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {DAY: bytes(80 << 20)})
    assert path.stat().st_size < 100_000
    assert "would expand more than 300 times" in reason(scan([path]))


def test_a_bomb_that_lies_about_its_size_ends_where_it_should(tmp_path: Path) -> None:
    path = change_entries(make_zip(tmp_path / "x.zip", {DAY: RECORD + b" " * (2 << 20)}), 24, 2000, 4)
    with pytest.raises(AlteredSourceError, match="is not of the 2,000 bytes"):
        hash_file(SourcePlace(path, DAY))


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    other = "2025-11-15_NQ_NDX_classic_gex_zero.json"
    path = make_zip(tmp_path / "x.zip", {DAY: RECORD, other: RECORD})
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 5)
    path.write_bytes(data)
    assert [code for code, _ in refusals(scan([path]))] == ["member_refused", "member_refused"]


@pytest.mark.parametrize("keep", [10, 60, -1, -10, -22, -40])
def test_an_archive_without_its_whole_directory_is_damaged(tmp_path: Path, keep: int) -> None:
    path = make_zip(tmp_path / "x.zip", {DAY: RECORD})
    path.write_bytes(path.read_bytes()[:keep])
    assert refusals(scan([path])) == [("archive_damaged", None)]


def test_a_directory_that_would_take_all_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 2000)
    path = make_zip(tmp_path / "x.zip", {f"{number}/{DAY}": b"[]" for number in range(100)})
    assert refusals(scan([path])) == [("archive_damaged", None)]


def test_damaged_bytes_and_a_wrong_checksum_give_nothing(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {DAY: RECORD}, zipfile.ZIP_STORED)
    data = path.read_bytes().replace(b'"spot":1', b'"spot":2')
    path.write_bytes(data)
    assert refusals(scan([path])) == [("compression_damaged", DAY)]
    with pytest.raises(AlteredSourceError, match="its checksum is not the one"):
        hash_file(SourcePlace(path, DAY))


def test_an_archive_inside_an_archive_is_refused(tmp_path: Path, make: Make) -> None:
    inner = make_zip(tmp_path / "inner.zip", {DAY: RECORD}).read_bytes()
    tar = make_tar(tmp_path / "inner.tar", {DAY: RECORD}).read_bytes()
    result = scan([make({"a.zip": inner, "b.tar": tar, "c.tar.gz": gzip.compress(tar), "d.zip": inner[:50] + inner})])
    assert [code for code, _ in refusals(result)] == ["packed_archive"] * 4
    assert result.refused[0].reason == (
        "It is a ZIP archive inside an archive; unpack the outer one, and import the folder."
    )


# ---- dangers of tar --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_tar_is_read_like_a_folder(tmp_path: Path, suffix: str) -> None:
    texts = {f"{number}/{DAY}": RECORD * (1 + 40_000 * (number == 1)) for number in range(4)}
    result = scan([make_packed_tar(tmp_path / f"x.tar.{suffix}", texts)])
    assert (len(result.files), refusals(result)) == (4, [])
    for file in (*result.files, *reversed(result.files)):  # in any order
        with MemberFile(file.path, file.member or "") as member:
            assert member.read(100_000) == texts[file.member or ""][:100_000]
        assert hash_file(file) == hashlib.sha256(texts[file.member or ""]).hexdigest()


def test_members_of_a_packed_tar_can_be_read_side_by_side(tmp_path: Path) -> None:
    texts = {f"{number}/{DAY}": bytes([97 + number]) * 300_000 for number in range(6)}
    path = make_packed_tar(tmp_path / "x.tar.gz", texts)
    files = [MemberFile(path, name) for name in texts]
    for _ in range(30):
        for file, text in zip(files, texts.values(), strict=True):
            assert file.read(10_000) == text[:10_000]
    for file in files:
        assert file.read(1) == b""
        file.close()


def test_a_packed_tar_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = make_packed_tar(tmp_path / "x.tar.gz", {DAY: b"[1]"})
    assert hash_file(SourcePlace(path, DAY)) == hashlib.sha256(b"[1]").hexdigest()
    make_packed_tar(tmp_path / "y.tar.gz", {DAY: b"[2, 2]"}).replace(path)
    assert hash_file(SourcePlace(path, DAY)) == hashlib.sha256(b"[2, 2]").hexdigest()


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_tar_with_damage_in_it_gives_nothing(tmp_path: Path, suffix: str) -> None:
    path = make_packed_tar(tmp_path / f"x.tar.{suffix}", {f"{number}/{DAY}": RECORD for number in range(3)})
    whole = path.read_bytes()
    for at in range(10, len(whole) - 20, 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        result = scan([path])
        texts = [b"".join(iter(MemberFile(file.path, file.member or "").read, b"")) for file in result.files]
        assert texts in ([], [RECORD] * 3), at  # a bit of padding may mean nothing


@pytest.mark.parametrize("suffix", ["gz", "zst", "xz"])
def test_a_packed_tar_that_is_cut_short_gives_what_is_whole_and_says_so(tmp_path: Path, suffix: str) -> None:
    noise = {
        f"{number}/{DAY}": b"[%s]" % random.Random(number).randbytes(200_000).hex().encode() for number in range(3)
    }
    path = make_packed_tar(tmp_path / f"x.tar.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:-100_000])
    names, damage = read_directory(path)
    assert damage
    assert [name for name, member in names.items() if not member.problem] == [f"0/{DAY}", f"1/{DAY}"]
    assert names[f"2/{DAY}"].problem == "the archive ends before it does"
    for name, text in list(noise.items())[:2]:
        assert hash_file(SourcePlace(path, name)) == hashlib.sha256(text).hexdigest()


def test_a_packed_tar_that_is_a_bomb_is_left_before_its_end(tmp_path: Path) -> None:
    path = make_packed_tar(tmp_path / "x.tar.xz", {DAY: RECORD + b" " * (80 << 20)})
    assert "packed bytes expand more than 300 times" in reason(scan([path]))


def test_a_packed_tar_of_other_things_is_foreign(tmp_path: Path) -> None:
    result = scan([make_tar(tmp_path / "x.tgz", {"src/main.c": b"int main;"}, "w:gz")])
    assert refusals(result) == [("not_gex", None)]


def test_a_tar_that_breaks_off_gives_what_is_whole_and_says_so(tmp_path: Path) -> None:
    names = [f"{number}/{DAY}" for number in range(3)]
    path = make_tar(tmp_path / "x.tar", dict.fromkeys(names, RECORD))
    whole = path.read_bytes()
    for keep in range(512, 3072, 256):
        path.write_bytes(whole[:keep])
        result = scan([path])
        assert "archive_damaged" in [code for code, _ in refusals(result)], keep
        assert len(result.files) == max(0, (keep - 512 - len(RECORD)) // 1024 + 1), keep


def test_a_tar_with_a_damaged_header_or_more_behind_its_end_says_so(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "x.tar", {f"{number}/{DAY}": RECORD for number in range(3)})
    whole = path.read_bytes()
    path.write_bytes(whole[:1024] + b"\xff" + whole[1025:])
    result = scan([path])
    assert (len(result.files), refusals(result)) == (1, [("archive_damaged", None)])
    path.write_bytes(whole + whole)
    result = scan([path])
    assert (len(result.files), refusals(result)) == (3, [("archive_damaged", None)])
    assert "something follows behind its end mark" in reason(result)


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as packed:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo(f"{kind.decode()}/{DAY}")
            entry.type, entry.linkname = kind, "/etc/passwd"
            packed.addfile(entry)
    assert [code for code, _ in refusals(scan([path]))] == ["member_refused"] * 4


def test_long_and_odd_names_of_a_tar_are_found_again(tmp_path: Path) -> None:
    for number, form in enumerate((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)):
        path = tmp_path / f"{number}.tar"
        with tarfile.open(path, "w", format=form, errors="surrogateescape") as packed:
            for name in ("x" * 90 + "/" + "y" * 90 + "/" + DAY, "caf\udce9/" + DAY, "ünï 📈/" + DAY):
                entry = tarfile.TarInfo(name)
                entry.size = len(RECORD)
                packed.addfile(entry, io.BytesIO(RECORD))
        files = scan([path]).files
        assert len(files) == 3
        for file in files:
            file.name.encode()
            assert hash_file(file) == _digest(RECORD)


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_gzip_members_one_behind_the_other_are_read_from_an_archive(make: Make) -> None:
    """Each but the first is checked to its end before it is delivered, which takes a second look."""
    rng = random.Random(1)
    parts = [bytes(rng.choices(b"0123456789 ", k=200_000)) for _ in range(4)]
    path = make({DAY: b"".join(map(gzip.compress, parts)) + b"\0" * 300})
    assert _read(SourcePlace(path, DAY)) == b"".join(parts)


def test_a_gzip_stream_cut_short_in_an_archive_gives_what_came_before(make: Make) -> None:
    text = bytes(random.Random(2).choices(b"0123456789 ", k=300_000))
    path = make({DAY: gzip.compress(text)[:-50_000]})
    with pytest.raises(DamagedStreamError):
        _read(SourcePlace(path, DAY))


def test_a_member_is_read_in_little_memory_and_in_pieces(make: Make) -> None:
    text = RECORD * 20_000
    path = make({DAY: text})
    with MemberFile(path, DAY) as file:
        pieces = list(iter(lambda: file.read(1000), b""))
    assert max(map(len, pieces)) <= 1000
    assert b"".join(pieces) == text


def test_an_archive_that_changes_between_looks_is_noticed(make: Make) -> None:
    path = make({DAY: RECORD})
    assert read_directory(path).members
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArchiveError):
        MemberFile(path, DAY)


def test_flipped_and_cut_archives_are_findings_and_never_faults(make: Make, tmp_path: Path) -> None:
    path = make({DAY: RECORD * 3, f"a/{DAY}": gzip.compress(RECORD), "b.txt": b"x" * 700})
    whole = path.read_bytes()
    rng = random.Random(3)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        result = scan([path])
        assert result.files or result.refused
        for file in result.files:
            file.name.encode()
            with suppress(SourceError, DamagedStreamError):
                _read(file.place)


def _read(place: SourcePlace) -> bytes:
    with SourceStream(place) as stream:
        target, text = memoryview(bytearray(70_000)), bytearray()
        while count := stream.readinto(target):
            text += target[:count]
        stream.drain()
    return bytes(text)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

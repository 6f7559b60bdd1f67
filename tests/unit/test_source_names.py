"""What lineage calls a source, and back: a file by its path, a file in an archive by `archive!member`."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from datetime import date
from pathlib import Path

import pytest

from gexlake.importers.stream import SourceStream, hash_file
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.location import location_text
from gexlake.models.source import Form, SourceFile, SourcePlace
from gexlake.packing import Compression
from gexlake.scanner.find import find_source

MEMBER = "SPY/classic/gex_zero/2025-11-14_SPY_classic_gex_zero.json.gz"
CONTENT = b"the member's own bytes" * 100


@pytest.fixture(params=["zip", "tar"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"days.{request.param}"
    if request.param == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(MEMBER, CONTENT)
    else:
        with tarfile.open(path, "w") as packed:
            entry = tarfile.TarInfo(f"./{MEMBER}")
            entry.size = len(CONTENT)
            packed.addfile(entry, io.BytesIO(CONTENT))
    return path


def test_a_file_is_called_by_its_path_and_a_member_by_archive_and_name(archive: Path) -> None:
    session = SessionKey(Feed("SPY", "classic", "gex_zero"), date(2025, 11, 14))
    file = SourceFile(archive, "gex", session, 1, Compression.NONE, Form.ARRAY)
    member = SourceFile(archive, "gex", session, 1, Compression.NONE, Form.ARRAY, member=MEMBER)
    assert (file.name, member.name) == (str(archive), f"{archive}!{MEMBER}")


def test_a_source_exists_while_its_file_or_its_archive_with_that_member_does(archive: Path) -> None:
    assert find_source(str(archive))
    assert find_source(f"{archive}!{MEMBER}")
    assert not find_source(f"{archive}!other")
    assert not find_source(f"{archive}!")
    assert not find_source(str(archive.parent))
    archive.unlink()
    assert not find_source(str(archive))
    assert not find_source(f"{archive}!{MEMBER}")


def test_a_member_that_left_its_archive_is_gone(archive: Path, tmp_path: Path) -> None:
    name = f"{archive}!{MEMBER}"
    assert find_source(name)
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("other", CONTENT)
    assert not find_source(name)
    archive.write_bytes(b"no archive at all")
    assert not find_source(name)


def test_an_exclamation_mark_in_a_path_is_no_archive(tmp_path: Path, archive: Path) -> None:
    folder = tmp_path / "a!b"
    folder.mkdir()
    plain = folder / "c!d.json"
    assert not find_source(str(plain))
    plain.touch()
    assert find_source(str(plain))
    moved = archive.rename(folder / archive.name)
    assert find_source(f"{moved}!{MEMBER}")


def test_a_path_that_is_not_utf8_is_found_by_its_text(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.json")
    path.touch()
    assert "\\xe9" in location_text(path)
    assert find_source(location_text(path))
    literal = tmp_path / r"caf\xe8.json"
    literal.touch()
    assert find_source(str(literal))


def test_a_member_has_digest_and_size_of_the_file_that_it_is(archive: Path) -> None:
    place = SourcePlace(archive, MEMBER)
    digest = hashlib.sha256(CONTENT).hexdigest()
    with SourceStream(place) as stream:
        target, text = memoryview(bytearray(700)), b""
        while count := stream.readinto(target):
            text += target[:count]
        assert text == CONTENT
        assert (stream.sha256, stream.size_bytes) == (digest, len(CONTENT))
    assert hash_file(place) == digest
    found = find_source(place.name)
    assert found is not None
    assert (found.place, found.size_bytes) == (place, len(CONTENT))

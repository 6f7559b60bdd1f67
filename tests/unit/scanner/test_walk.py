"""Finding files: all of them, each folder once, links last, nothing opened that is not a file."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from gexlake.errors import SourceError
from gexlake.scanner.walk import Walk

Put = Callable[[str, bytes], Path]


def found(walk: Walk, root: Path) -> list[str]:
    return [str(file.path.relative_to(root)) for file in walk.iter_files()]


def test_files_come_by_name_folder_by_folder(tmp_path: Path, put: Put) -> None:
    for name in ("b/2", "b/1", "a/c/3", "z", "a/4"):
        put(name, b"")
    assert found(Walk([tmp_path]), tmp_path) == ["z", "a/4", "a/c/3", "b/1", "b/2"]


def test_paths_stay_as_given(tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put("history/x", b"")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in Walk([Path("history")]).iter_files()] == [Path("history/x")]
    assert [file.path for file in Walk([Path("history/../history/x")]).iter_files()] == [Path("history/../history/x")]


@pytest.mark.parametrize("source", [".", "../gex_zero", "../../classic/gex_zero", "1.json"])
def test_folders_are_known_from_wherever_a_source_is_named(
    tmp_path: Path, put: Put, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    folder = put("NQ_NDX/classic/gex_zero/1.json", b"").parent
    monkeypatch.chdir(folder)
    [file] = Walk([Path(source)]).iter_files()
    assert file.folders[-3:] == ("NQ_NDX", "classic", "gex_zero")


def test_hidden_files_are_counted_and_unfinished_ones_named(tmp_path: Path, put: Put) -> None:
    for name in (".hidden", ".git/config", ".git/more", "a.json.part", "b.TMP", "c.crdownload", "d.tmp/e", "f"):
        put(name, b"12")
    put("g.json.download/Info.plist", b"")
    put("h.download/i", b"")
    walk = Walk([tmp_path])
    assert found(walk, tmp_path) == ["f", "d.tmp/e", "h.download/i"]
    assert walk.ignored == 2
    assert [(file.path.name, file.code, file.size_bytes) for file in walk.refused] == [
        ("a.json.part", "unfinished_download", 2),
        ("b.TMP", "unfinished_download", 2),
        ("c.crdownload", "unfinished_download", 2),
        ("g.json.download", "unfinished_download", 0),
    ]


def test_a_file_beside_its_control_file_is_not_complete(tmp_path: Path, put: Put) -> None:
    for name in ("a.json", "a.json.aria2", "b.json"):
        put(name, b"")
    walk = Walk([tmp_path])
    assert found(walk, tmp_path) == ["b.json"]
    assert [file.path.name for file in walk.refused] == ["a.json", "a.json.aria2"]
    alone = Walk([tmp_path / "a.json"])
    assert found(alone, tmp_path) == []
    assert [file.code for file in alone.refused] == ["unfinished_download"]


def test_a_hidden_folder_is_entered_when_it_is_named(tmp_path: Path, put: Put) -> None:
    put(".archive/x", b"")
    assert found(Walk([tmp_path / ".archive"]), tmp_path) == [".archive/x"]


def test_an_unfinished_download_is_left_out_even_when_named(tmp_path: Path, put: Put) -> None:
    walk = Walk([put("x.json.part", b"")])
    assert found(walk, tmp_path) == []
    assert [file.code for file in walk.refused] == ["unfinished_download"]


def test_a_loop_of_links_ends(tmp_path: Path, put: Put) -> None:
    put("a/x", b"")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "b").symlink_to("a")
    assert found(Walk([tmp_path]), tmp_path) == ["a/x"]


def test_links_out_of_the_source_are_followed(tmp_path: Path, put: Put) -> None:
    put("elsewhere/day/x", b"")
    put("elsewhere/y", b"")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "folder").symlink_to(tmp_path / "elsewhere" / "day")
    (tmp_path / "source" / "file").symlink_to(tmp_path / "elsewhere" / "y")
    assert found(Walk([tmp_path / "source"]), tmp_path) == ["source/file", "source/folder/x"]


def test_what_is_reached_directly_comes_before_what_is_reached_by_link(tmp_path: Path, put: Put) -> None:
    put("z/x", b"")
    (tmp_path / "a").symlink_to("z")
    (tmp_path / "b").symlink_to("z/x")
    assert found(Walk([tmp_path]), tmp_path) == ["z/x", "b"]


def test_a_folder_given_twice_is_entered_once(tmp_path: Path, put: Put) -> None:
    put("a/x", b"")
    assert found(Walk([tmp_path, tmp_path / "a", tmp_path]), tmp_path) == ["a/x"]


def test_excluded_folders_are_never_entered(tmp_path: Path, put: Put) -> None:
    for name in ("lake/gex/x", "history/y"):
        put(name, b"")
    (tmp_path / "link").symlink_to("lake")
    walk = Walk([tmp_path], exclude=[tmp_path / "history" / ".." / "lake", tmp_path / "missing"])
    assert found(walk, tmp_path) == ["history/y"]


def test_a_source_inside_an_excluded_folder_is_meant(tmp_path: Path, put: Put) -> None:
    put("data/history/x", b"")
    assert found(Walk([tmp_path / "data/history"], exclude=[tmp_path / "data"]), tmp_path) == ["data/history/x"]


def test_a_source_that_is_excluded_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        Walk([tmp_path], exclude=[tmp_path])
    assert caught.value.message == (
        f"The source {str(tmp_path)!r} is the lake itself or another folder that is left out."
    )
    assert caught.value.hint == "Name the folder that holds the history, outside or below it."


def test_a_missing_source_is_an_error_that_says_which(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(SourceError) as caught:
        Walk([tmp_path, missing])
    assert caught.value.message == f"The source {str(missing)!r} does not exist."
    assert caught.value.hint == "Name a file or folder that holds GEX history."


@pytest.mark.parametrize("name", ["x\0y", "n" * 300, "file/below"])
def test_a_source_that_cannot_be_a_path_is_an_error(tmp_path: Path, put: Put, name: str) -> None:
    put("file", b"")
    with pytest.raises(SourceError):
        Walk([tmp_path / name])


def test_special_files_are_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer for ever
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "linked_pipe").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))  # a short path: the system allows some 100 bytes
        walk = Walk([tmp_path])
        assert found(walk, tmp_path) == []
    assert sorted((file.path.name, file.code) for file in walk.refused) == [
        ("linked_pipe", "not_a_file"),
        ("null", "not_a_file"),
        ("pipe", "not_a_file"),
        ("socket", "not_a_file"),
    ]


def test_a_pipe_as_source_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    walk = Walk([tmp_path / "pipe"])
    assert found(walk, tmp_path) == []
    assert [file.reason for file in walk.refused] == ["It is a pipe, socket or device, which is never opened."]


def test_links_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    walk = Walk([tmp_path])
    assert found(walk, tmp_path) == []
    assert [(file.path.name, file.code, file.reason) for file in walk.refused] == [
        ("broken", "unreadable", "It cannot be read: No such file or directory."),
        ("one", "unreadable", "It cannot be read: Too many levels of symbolic links."),
        ("two", "unreadable", "It cannot be read: Too many levels of symbolic links."),
    ]


def test_a_folder_without_permission_is_a_finding(tmp_path: Path, put: Put) -> None:
    locked = put("locked/x", b"").parent
    put("open/y", b"")
    locked.chmod(0)
    try:
        may_read = os.access(locked, os.R_OK)  # an administrator may
        walk = Walk([tmp_path])
        assert found(walk, tmp_path) == (["locked/x", "open/y"] if may_read else ["open/y"])
        assert [(file.path, file.code) for file in walk.refused] == ([] if may_read else [(locked, "unreadable")])
    finally:
        locked.chmod(0o755)


def test_a_folder_that_vanishes_is_a_finding(tmp_path: Path, put: Put) -> None:
    put("a", b"")
    put("gone/x", b"").unlink()
    walk = Walk([tmp_path])
    files = walk.iter_files()
    assert next(files).path.name == "a"
    (tmp_path / "gone").rmdir()
    assert list(files) == []
    assert [(file.path.name, file.code) for file in walk.refused] == [("gone", "unreadable")]

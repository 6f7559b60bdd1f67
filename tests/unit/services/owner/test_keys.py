"""API keys: what is stored, what is found, and what a running server sees."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gexlake.errors import LakeError, StorageError, UsageError
from gexlake.services.owner.keys import KEYS_FILE, KeyStore, Scope, create_key, list_keys, revoke_key


def test_the_text_of_a_key_is_not_stored(tmp_path: Path) -> None:
    key, text = create_key(tmp_path, name="charts")
    stored = (tmp_path / KEYS_FILE).read_text()
    assert text.startswith(f"gexlake_{key.id}_")
    assert text not in stored
    assert text.split("_", 2)[2] not in stored
    assert json.loads(stored)[0]["sha256"] == key.sha256


def test_the_file_is_for_its_owner_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    create_key(tmp_path, name="charts")
    create_key(tmp_path, name="bridge")
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEYS_FILE]


def test_a_key_is_found_by_its_whole_text_only(tmp_path: Path) -> None:
    key, text = create_key(tmp_path, name="charts", scopes=[Scope.READ, Scope.SQL])
    store = KeyStore(tmp_path)
    assert store.find(text) == key
    for other in (text[:-1], text + "A", text[:-1] + ("A" if text[-1] != "A" else "B"), "", key.id, "gexlake_\udcff"):
        assert store.find(other) is None


def test_a_store_sees_keys_made_and_revoked_after_it_began(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    assert (store.exist, store.usable) == (False, False)
    key, text = create_key(tmp_path, name="charts")
    assert (store.exist, store.usable) == (True, True)
    assert store.find(text) == key
    revoke_key(tmp_path, key.id)
    assert store.find(text) is None
    assert (store.exist, store.usable) == (True, False), "a lake does not become open when its last key is revoked"


def test_revoking_again_keeps_the_first_moment(tmp_path: Path) -> None:
    key, _ = create_key(tmp_path, name="charts")
    first = revoke_key(tmp_path, key.id)
    assert revoke_key(tmp_path, key.id).revoked == first.revoked


def test_revoking_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no key 00000000\. `gexlake keys list`"):
        revoke_key(tmp_path, "00000000")


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: create_key(tmp_path, name=f"key {number}")[0].id, range(24)))
    assert sorted(key.id for key in list_keys(tmp_path)) == sorted(made)


@pytest.mark.parametrize("content", [b"", b"[", b'{"keys": []}', b'[{"id": 1}]', b"\xff"])
def test_a_damaged_file_admits_nobody(tmp_path: Path, content: bytes) -> None:
    _, text = create_key(tmp_path, name="charts")
    (tmp_path / KEYS_FILE).write_bytes(content)
    store = KeyStore(tmp_path)
    for _ in range(2):
        with pytest.raises(LakeError, match="is damaged"):
            store.find(text)
        with pytest.raises(LakeError, match="is damaged"):
            _ = store.exist
    with pytest.raises(LakeError, match="is damaged"):
        create_key(tmp_path, name="another")
    assert (tmp_path / KEYS_FILE).read_bytes() == content


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_key_has_a_name_that_can_be_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        create_key(tmp_path, name=name)


def test_a_lake_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(StorageError, match="lake cannot be used"):
        create_key(tmp_path / "lake", name="charts")

"""Which catalog is meant, and what is said where one cannot be used: never what it holds of secrets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.errors import CatalogError, UsageError
from gexlake.services.publishing.catalogs import CatalogChoice, catalog_faults, choose_catalog, open_catalog


@pytest.fixture
def layout(tmp_path: Path) -> LakeLayout:
    return LakeLayout(tmp_path)


def test_a_file_of_properties_may_be_in_sections(layout: LakeLayout) -> None:
    file = layout.root / "production.toml"
    file.write_text('type = "rest"\nuri = "http://host"\n[rest]\nsigv4-enabled = true\n[s3]\nconnect-timeout = 2\n')
    choice = choose_catalog(layout, str(file))
    assert choice.name == str(file)
    assert choice.properties == {
        "type": "rest",
        "uri": "http://host",
        "rest.sigv4-enabled": "true",
        "s3.connect-timeout": "2",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read: No such file"), (b"type = rest", "is not valid TOML"), (b"\xff", "is not valid TOML")],
)
def test_a_file_that_is_none_is_named(layout: LakeLayout, content: bytes | None, words: str) -> None:
    file = layout.root / "production.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        choose_catalog(layout, str(file))


def test_a_name_that_nobody_configured_is_answered_with_what_there_is(layout: LakeLayout) -> None:
    with pytest.raises(UsageError, match="The catalog prod cannot be opened: URI missing") as raised:
        open_catalog(layout, choose_catalog(layout, "prod"))
    assert "Name `lake`, a catalog of pyiceberg's configuration, or a TOML file" in raised.value.hint


def test_without_the_library_the_extra_is_named(layout: LakeLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg.catalog", None)
    with pytest.raises(UsageError, match="not installed") as raised:
        open_catalog(layout, choose_catalog(layout))
    assert "gexlake[iceberg]" in raised.value.hint


def test_a_catalog_that_does_not_answer_is_no_traceback_and_shows_no_secret(layout: LakeLayout) -> None:
    properties = {
        "type": "rest",
        "uri": "http://127.0.0.1:9",
        "credential": "me:s3cret",
        "oauth2-server-uri": "http://127.0.0.1:9/t",
    }
    choice = CatalogChoice("prod", properties)
    with pytest.raises(CatalogError, match="The catalog prod does not do what is asked") as raised:
        open_catalog(layout, choice)
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(choice)


def test_secrets_and_users_in_what_a_catalog_says_are_masked() -> None:
    choice = CatalogChoice("prod", {"s3.secret-access-key": "s3cret", "uri": "postgresql://me:pw@host/db"})
    with pytest.raises(CatalogError) as raised, catalog_faults(choice):
        raise OSError("s3cret refused by postgresql://me:pw@host/db\nand more")
    assert str(raised.value).startswith(
        "The catalog prod does not do what is asked: ******** refused by postgresql://********@host/db. "
    )

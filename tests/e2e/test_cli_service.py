"""`gexlake config` and `gexlake keys`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GEXLAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_config_shows_values_and_sources_without_secrets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_REDIS_URL", "redis://:open-sesame@127.0.0.1")
    monkeypatch.setenv("GEXLAKE_IMPORT_ROOTS", "/a:/b")
    table = run("config", "--lake", "elsewhere")
    assert table.status == 0
    rows = {line.split("  ")[0]: line.split() for line in table.lines}
    assert rows["lake"] == ["lake", "elsewhere", "option"]
    assert rows["redis_url"] == ["redis_url", "********", "environment"]
    assert rows["import_roots"] == ["import_roots", "/a,", "/b", "environment"]
    document = run("config", "-o", "json")
    assert document.json["port"] == {"value": 8765, "source": "default"}
    assert document.json["import_roots"]["value"] == ["/a", "/b"]
    assert "open-sesame" not in table.out + document.out


def test_a_bad_setting_is_wrong_usage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_PORT", "99999")
    for command in ("config", "serve"):
        ran = run(command)
        assert (ran.status, ran.out) == (2, "")
        assert ran.err.startswith("Error: The setting port is '99999' (environment variable GEXLAKE_PORT): ")


def test_a_key_is_printed_once_and_nothing_else_goes_to_stdout(run: Run) -> None:
    made = run("keys", "create", "--name", "charts", "--scope", "read", "--scope", "sql")
    assert made.status == 0
    assert made.out.startswith("gexlake_")
    assert len(made.lines) == 1
    assert "charts, read, sql. It is shown this once; keep it safe." in made.err
    listed = run("keys", "list")
    assert made.out.strip() not in listed.out
    assert "charts" in listed.lines[1]
    assert "read, sql" in listed.lines[1]


def test_a_key_as_json(run: Run) -> None:
    made = run("keys", "create", "--name", "charts", "-o", "json")
    assert made.err == ""
    assert sorted(made.json) == ["created_at", "id", "key", "name", "revoked", "scopes"]
    assert made.json["scopes"] == ["read"]
    [listed] = run("keys", "list", "-o", "json").json
    assert listed == {name: value for name, value in made.json.items() if name != "key"}


def test_a_key_is_revoked_by_its_id(run: Run) -> None:
    key_id = json.loads(run("keys", "create", "--name", "charts", "-o", "json").out)["id"]
    ran = run("keys", "revoke", key_id)
    assert (ran.status, ran.err) == (0, f"Key {key_id} (charts) is revoked.\n")
    assert run("keys", "list", "-o", "json").json[0]["revoked"]
    unknown = run("keys", "revoke", "00000000")
    assert (unknown.status, unknown.out) == (2, "")


def test_a_scope_that_there_is_not_is_wrong_usage(run: Run) -> None:
    assert run("keys", "create", "--name", "charts", "--scope", "everything").status == 2


def test_scopes_on_the_command_line_are_those_of_keys() -> None:
    from gexlake.cli.keys import ScopeName
    from gexlake.services.owner.keys import Scope

    assert list(map(str, ScopeName)) == list(map(str, Scope))

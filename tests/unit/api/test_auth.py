"""Who is let in: keys, scopes, and the service without keys that is for this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from gexlake.api.auth import check_binding, is_loopback, is_loopback_authority
from gexlake.errors import UsageError
from gexlake.services.owner.keys import KEYS_FILE, KeyStore, Scope, create_key, revoke_key
from gexlake.settings import Settings
from helpers.service import LOCAL, Connect, assert_error


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


# ---- keys ----------------------------------------------------------------------------------------------------------


def test_without_keys_this_machine_is_let_in(client: TestClient) -> None:
    assert client.get("/probe/read").json() == {"key_id": None}


def test_once_there_is_a_key_it_is_needed(client: TestClient, lake_dir: Path) -> None:
    key, text = create_key(lake_dir, name="charts")
    response = client.get("/probe/read")
    assert_error(response, 401, "key_missing")
    assert response.headers["www-authenticate"] == 'Bearer realm="gexlake"'
    for headers in (bearer(text), {"Authorization": f"bearer  {text}"}, {"X-API-Key": text}):
        assert client.get("/probe/read", headers=headers).json() == {"key_id": key.id}


def test_health_and_readiness_need_no_key(client: TestClient, lake_dir: Path) -> None:
    create_key(lake_dir, name="charts")
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 200
    assert_error(client.get("/metrics"), 401, "key_missing")


@pytest.mark.parametrize(
    "value", ["Bearer gexlake_00000000_x", "Bearer ", "Bearer \xff\xfe", "Bearer " + "x" * 5000, "bearer gexlake"]
)
def test_a_key_that_is_none_is_refused_and_not_repeated(client: TestClient, lake_dir: Path, value: str) -> None:
    create_key(lake_dir, name="charts")
    response = client.get("/probe/read", headers={"Authorization": value.encode("latin-1")})
    assert_error(response, 401, "key_invalid")
    assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert "gexlake_0" not in response.text


def test_a_revoked_key_is_refused_at_once_and_the_service_stays_closed(client: TestClient, lake_dir: Path) -> None:
    key, text = create_key(lake_dir, name="charts")
    assert client.get("/probe/read", headers=bearer(text)).status_code == 200
    revoke_key(lake_dir, key.id)
    assert_error(client.get("/probe/read", headers=bearer(text)), 401, "key_invalid")
    assert_error(client.get("/probe/read"), 401, "key_missing")


def test_a_key_without_the_scope_is_told_which_one_it_needs(client: TestClient, lake_dir: Path) -> None:
    _, reader = create_key(lake_dir, name="charts", scopes=[Scope.READ])
    _, importer = create_key(lake_dir, name="bridge", scopes=[Scope.IMPORT])
    document = assert_error(client.get("/probe/import", headers=bearer(reader)), 403, "scope_missing")
    assert "this needs import" in document["message"]
    assert client.get("/probe/import", headers=bearer(importer)).status_code == 200
    assert_error(client.get("/probe/read", headers=bearer(importer)), 403, "scope_missing")


def test_a_damaged_file_of_keys_admits_nobody_and_leaves_health_alone(client: TestClient, lake_dir: Path) -> None:
    _, text = create_key(lake_dir, name="charts")
    (lake_dir / KEYS_FILE).write_text("{")
    for headers in ({}, bearer(text)):
        assert_error(client.get("/probe/read", headers=headers), 503, "lake_unusable")
    assert client.get("/health", headers=bearer(text)).status_code == 200


# ---- without keys --------------------------------------------------------------------------------------------------


NOT_THIS_MACHINE = [
    "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "10.0.0.1", "", "[::1]evil", "[::1]evil:80",
    "localhost:1@evil", "evil@localhost", "localhost:80:80", "localhost/evil", "localhost evil", "localhost:evil",
    "localhost,evil", "[::1", "::1", "[localhost]", "[evil]", "localhost\t", "localh\xf6st", "127.0.0.1#", "0.0.0.0",
]  # fmt: skip


@pytest.mark.parametrize("host", NOT_THIS_MACHINE)
def test_without_keys_another_name_is_refused(client: TestClient, host: str) -> None:
    headers = {"Host": host.encode("latin-1")}
    assert_error(client.get("/probe/read", headers=headers), 403, "host_refused")
    assert client.get("/health", headers=headers).status_code == 200


def test_two_names_are_none(client: TestClient) -> None:
    for names in (["localhost", "evil.example"], ["evil.example", "localhost"], ["localhost", "localhost"]):
        headers = [("Host", name) for name in names]
        assert_error(client.get("/probe/read", headers=headers), 403, "host_refused")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8765", "127.0.0.2", "gexlake.localhost"])
def test_without_keys_the_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/probe/read", headers={"Host": host}).status_code == 200


def test_with_keys_any_name_is_answered(client: TestClient, lake_dir: Path) -> None:
    _, text = create_key(lake_dir, name="charts")
    assert client.get("/probe/read", headers=bearer(text) | {"Host": "gex.example.org"}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://[",
        "https://localhost.evil.example",
        "http://localhost:1@evil.example",
        "http://[::1]evil",
        "localhost",
        "file://localhost",
        "http://localhost/",
        "http://evil.example#localhost",
        "",
    ],
)
def test_without_keys_pages_of_other_sites_are_refused(client: TestClient, origin: str) -> None:
    assert_error(client.get("/probe/read", headers={"Origin": origin}), 403, "origin_refused")


def test_without_keys_pages_of_this_machine_and_set_origins_are_answered(connect: Connect) -> None:
    client = connect(cors_origins=("https://charts.example.org",))
    for origin in ("http://localhost:3000", "https://charts.example.org"):
        assert client.get("/probe/read", headers={"Origin": origin}).status_code == 200


def test_a_service_for_all_whose_keys_vanish_is_closed(connect: Connect) -> None:
    assert_error(connect(host="0.0.0.0").get("/probe/read"), 401, "key_missing")


# ---- the address ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "ip6.localhost"])
def test_a_loopback_address_may_be_listened_on_without_keys(tmp_path: Path, host: str) -> None:
    check_binding(Settings(lake=tmp_path, host=host), KeyStore(tmp_path))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "gex.example.org", "localhost.example.org"])
def test_any_other_needs_a_key(tmp_path: Path, host: str) -> None:
    settings = Settings(lake=tmp_path, host=host)
    with pytest.raises(UsageError, match=r"no API key\. Make a key with `gexlake keys create"):
        check_binding(settings, KeyStore(tmp_path))
    key, _ = create_key(tmp_path, name="charts")
    check_binding(settings, KeyStore(tmp_path))
    revoke_key(tmp_path, key.id)
    with pytest.raises(UsageError):
        check_binding(settings, KeyStore(tmp_path))


def test_names_are_not_resolved() -> None:
    assert not is_loopback("localhost.example.org")
    assert is_loopback_authority(LOCAL.removeprefix("http://"))

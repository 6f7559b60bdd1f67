"""Settings: which source wins, what is valid, and what an error says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.settings import MASK, PREFIX, Settings, effective_settings, load_settings

SECRET_URL = "redis://user:open-sesame@cache.example.org:6379/0"


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_any_source_the_service_is_for_this_machine() -> None:
    settings = load_settings()
    assert (settings.lake, settings.host, settings.port) == (Path("data"), "127.0.0.1", 8765)
    assert (settings.import_roots, settings.cors_origins, settings.redis_url) == ((), (), None)
    assert (settings.cache_bytes, settings.body_bytes) == (16 << 30, 1 << 20)


def test_a_zone_is_one_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().naive_zone is None
    monkeypatch.setenv("GEXLAKE_NAIVE_ZONE", "America/New_York")
    assert load_settings().naive_zone == "America/New_York"
    monkeypatch.setenv("GEXLAKE_NAIVE_ZONE", "New York")
    with pytest.raises(UsageError, match="'New York' is no time zone; write it as America/New_York or UTC"):
        load_settings()


def test_option_before_environment_before_file_before_default(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gexlake.toml").write_text('host = "file"\nport = 1\nworkers = 2\n')
    monkeypatch.setenv("GEXLAKE_HOST", "environment")
    monkeypatch.setenv("GEXLAKE_PORT", "3")
    options = {"host": "option", "lake": None}
    settings = load_settings(options)
    assert (settings.host, settings.port, settings.workers, settings.lake) == ("option", 3, 2, Path("data"))
    sources = {setting.name: setting.source for setting in effective_settings(options)}
    assert [sources[name] for name in ("host", "port", "workers", "lake")] == [
        "option",
        "environment",
        "gexlake.toml",
        "default",
    ]


def test_the_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Path("gexlake.toml").write_text("port = 1\n")
    (tmp_path / "other.toml").write_text("port = 2\n")
    monkeypatch.setenv("GEXLAKE_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().port == 2


@pytest.mark.parametrize("text", ["/a:/b c", '["/a", "/b c"]', " /a : /b c :"])
def test_directories_are_written_like_a_path_or_as_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GEXLAKE_IMPORT_ROOTS", text)
    assert load_settings().import_roots == (Path("/a"), Path("/b c"))


def test_lists_in_the_file_are_lists() -> None:
    Path("gexlake.toml").write_text('watch = ["/a"]\ncors_origins = ["https://a.example", "*"]\n')
    settings = load_settings()
    assert settings.watch == (Path("/a"),)
    assert settings.cors_origins == ("https://a.example", "*")


def test_sizes_are_written_with_their_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_CACHE_BYTES", "512MiB")
    assert load_settings().cache_bytes == 512 << 20


def test_empty_turns_limits_and_redis_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_RATE_LIMIT", "")
    monkeypatch.setenv("GEXLAKE_REDIS_URL", "")
    assert (load_settings().rate_limit, load_settings().redis_url) == ("", None)


BAD = [
    ("port", "99999", "should be less than or equal to 65535"),
    ("port", "", "should be a valid integer"),
    ("workers", "0", "should be greater than or equal to 1"),
    ("rate_limit", "lots", "write it as 600/second or 20/second;500/minute"),
    ("memory_limit", "all", "write it as 256MB or 1GiB"),
    ("cache_bytes", "much", "could not parse value and unit"),
    ("log_format", "xml", "should be 'text' or 'json'"),
    ("cors_origins", "example.org", "an origin is a scheme, a host and perhaps a port"),
    ("import_roots", '["/a"', "delimiter"),
    ("query_seconds", "0", "should be greater than 0"),
]


@pytest.mark.parametrize(("name", "value", "valid"), BAD)
def test_a_bad_value_is_named_with_its_source_and_what_would_be_valid(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, valid: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    text = str(caught.value)
    assert text.startswith(f"The setting {name} is {value!r} (environment variable {PREFIX}{name.upper()}): ")
    assert valid in text


def test_all_bad_values_are_named_at_once() -> None:
    Path("gexlake.toml").write_text('port = -1\nlog_level = "loud"\n')
    with pytest.raises(UsageError, match=r"port is -1 \(gexlake\.toml\).*log_level is 'loud' \(gexlake\.toml\)"):
        load_settings()


def test_a_name_that_there_is_not_is_refused() -> None:
    Path("gexlake.toml").write_text("prot = 1\n")
    with pytest.raises(UsageError, match=r"gexlake\.toml has the setting prot, which there is not\. There are lake,"):
        load_settings()


def test_a_file_that_is_not_toml_is_named() -> None:
    Path("gexlake.toml").write_text("port: 1\n")
    with pytest.raises(UsageError, match=r"^gexlake\.toml is not valid TOML: "):
        load_settings()


def test_a_named_file_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_CONFIG", "elsewhere.toml")
    with pytest.raises(UsageError, match=r"There is no file elsewhere\.toml, which GEXLAKE_CONFIG names"):
        load_settings()


@pytest.mark.parametrize("url", ["http://:open-sesame@h", "open-sesame"])
def test_a_secret_is_in_no_error(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("GEXLAKE_REDIS_URL", url)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert "open-sesame" not in str(caught.value)
    assert f"The setting redis_url is {MASK}" in str(caught.value)
    assert "redis://, rediss:// or unix://" in str(caught.value)


def test_a_secret_is_masked_where_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_REDIS_URL", SECRET_URL)
    settings = load_settings()
    assert "open-sesame" not in repr(settings)
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == SECRET_URL
    assert {setting.name: setting.value for setting in effective_settings()}["redis_url"] == MASK


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


@pytest.mark.parametrize("value", ["*", "proxy.example.org", "10.0.0.1/24", "127.0.0.1:80", "127.0.0.1 10.0.0.1"])
def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GEXLAKE_PROXIES", value)
    with pytest.raises(UsageError, match=r"proxies .*write addresses or networks, as 127\.0\.0\.1"):
        load_settings()


def test_proxies_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXLAKE_PROXIES", "127.0.0.1, ::1,10.0.0.0/24")
    assert load_settings().proxies == ("127.0.0.1", "::1", "10.0.0.0/24")

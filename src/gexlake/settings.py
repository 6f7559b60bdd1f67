"""Settings of the service: what each is for, what is valid, and where its value came from.

An option of the command line goes before the environment, the environment before the file, the file before the
default. The file is `gexlake.toml` in the working directory, or the one that `GEXLAKE_CONFIG` names.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from gexlake.errors import UsageError
from gexlake.zone import zone_name

PREFIX = "GEXLAKE_"
CONFIG_VARIABLE = "GEXLAKE_CONFIG"
DEFAULT_CONFIG = Path("gexlake.toml")
MASK = "********"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def _split_by(separator: str) -> BeforeValidator:
    """Read a list from text: a JSON array, or parts between separators as people write them."""

    def split(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [part.strip() for part in value.split(separator) if part.strip()]

    return BeforeValidator(split)


# NoDecode: pydantic-settings would take nothing but JSON from the environment.
Directories = Annotated[tuple[Path, ...], NoDecode, _split_by(os.pathsep)]
Origins = Annotated[tuple[str, ...], NoDecode, _split_by(",")]
Words = Annotated[tuple[str, ...], NoDecode, _split_by(",")]
Addresses = Annotated[tuple[str, ...], NoDecode, _split_by(",")]


class Settings(BaseSettings):
    """The effective settings. Make them with `load_settings`, which reports bad values in words."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    lake: Path = Field(Path("data"), description="The lake: the directory that is served.")
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on. Any but a loopback address needs an API key to exist.",
    )
    port: int = Field(8765, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    import_roots: Directories = Field(
        (),
        description="Directories whose files may be imported over HTTP; none: no import over HTTP is possible. "
        "In the environment separated by `:`.",
    )
    watch: Directories = Field(
        (), description="Directories whose new and changed files are imported as they appear. Separated like the above."
    )
    naive_zone: str | None = Field(
        None,
        description="Zone of times in sources that have none, as `America/New_York`, for watched directories and for "
        "imports over HTTP that name none. Without it such records are refused.",
    )
    live: Words = Field(
        (),
        description="Tickers that the service records live, as `NQ_NDX,SPX`; none: it records nothing. The key is read "
        "from `GEXLAKE_VENDOR_KEY` or from `vendor_key_file`.",
    )
    live_packages: Words = Field((), description="Of those, only these packages; none: all.")
    live_categories: Words = Field((), description="Of those, only these categories; none: all.")
    live_method: Literal["auto", "poll", "socket"] = Field(
        "auto", description="How records come: by sockets, by polling, or by sockets where the key may."
    )
    get: Words = Field(
        (),
        description="Tickers whose history the service fetches after each close, as `NQ_NDX,SPX`; none: it fetches "
        "nothing. The key is read as for `live`.",
    )
    get_to: Path | None = Field(None, description="Where the files go that it fetches.")
    get_packages: Words = Field((), description="Of those tickers, only these packages; none: all.")
    get_categories: Words = Field((), description="Of those, only these categories; none: all.")
    get_since: date | None = Field(None, description="First session date that is fetched; none: all that there are.")
    get_eod: bool = Field(False, description="Whether the report of the last session is fetched first.")
    get_parallel: int = Field(4, ge=1, le=16, description="Downloads at a time.")
    get_interval_seconds: float = Field(1.0, ge=0, description="Between two requests of one ticker and metric.")
    get_patience_seconds: float = Field(15.0, ge=0, description="The first wait after a refusal; then longer.")
    get_timeout_seconds: float = Field(60.0, ge=0.1, description="How long a silent connection is waited for.")
    vendor_key_file: Path | None = Field(None, description="A file of mode 0600 with the vendor's key.")
    vendor_url: str = Field("https://api.gex.bot/v2", min_length=1, description="Where the vendor's service is.")
    vendor_clock_from: str | None = Field(
        None,
        description="Address of a `gexlake replay` that stands in for the vendor: its clock counts, for rehearsals.",
    )
    catalog: str | None = Field(
        None,
        min_length=1,
        description="Catalog of Iceberg tables that commits are carried over into as they come, as `gexlake publish "
        "--catalog` has it: `lake` for the lake's own; none: they are not.",
    )
    catalog_namespace: str = Field("gexlake", min_length=1, description="Of the tables, in that catalog.")
    catalog_files: str | None = Field(
        None, min_length=1, description="Where readers of these tables find the lake's files; none: in the lake."
    )
    catalog_keep: int = Field(
        100,
        ge=1,
        description="Published commits that can be asked for; older ones are let go of as new ones come, an hour after "
        "they were published at the earliest.",
    )
    mirror: str | None = Field(
        None,
        min_length=1,
        description="Where commits are carried to as they come, for replicas and against loss: `s3://bucket/folder`, "
        "`gs://`, `az://`, or a folder; none: nowhere.",
    )
    replica: str | None = Field(
        None,
        min_length=1,
        description="The mirror of a lake that this service only reads and follows, a URL or a folder; `lake` is then "
        "the directory in which it keeps its copy, which may be deleted while it does not run.",
    )
    workers: int = Field(1, ge=1, le=256, description="Worker processes of an import job.")
    max_imports: int = Field(16, ge=1, le=10_000, description="Import jobs that may wait or run; more are refused.")
    cache_bytes: ByteSize = Field(
        ByteSize(16 << 30),
        ge=0,
        description="Of no effect any more: sessions need no cache beside their Parquet. The next version drops it.",
    )
    gc_grace_seconds: int = Field(
        86_400,
        ge=60,
        le=366 * 86_400,
        description="Seconds for which the files of a version stay that another took the place of, for readers of the "
        "Parquet files in other processes; `gexlake gc` says more.",
    )
    memory_limit: str = Field(
        "256MB",
        description="Memory that DuckDB may use, in the service and again in the process of each SQL query, as DuckDB "
        "writes it.",
    )
    query_seconds: float = Field(10.0, gt=0, le=86_400, description="Seconds after which an SQL query is stopped.")
    query_rows: int = Field(100_000, ge=1, description="Rows that an SQL query may return.")
    query_spill_bytes: ByteSize = Field(
        ByteSize(512 << 20),
        ge=1 << 20,
        description="Bytes on disk, in the lake's `cache`, to which an SQL query may spill what memory does not hold.",
    )
    body_bytes: ByteSize = Field(ByteSize(1 << 20), ge=1024, description="Bytes that the body of a request may have.")
    rate_limit: str = Field(
        "600/second",
        description="Requests allowed to each API key, and to each address without one: `600/second`, "
        "`20/second;500/minute`. This machine has no limit while the lake has no keys. Empty: no limit for anybody.",
    )
    proxies: Addresses = Field(
        (),
        description="Addresses or networks of reverse proxies, as `127.0.0.1` or `10.0.0.0/24`: from these alone "
        "`X-Forwarded-For` and `X-Forwarded-Proto` are believed; none: from nobody. In the environment separated by "
        "commas.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey, for limits that several services share and for announcing sessions: "
        "`redis://user:password@host:6379/0`, `rediss://` with TLS, `unix://` for a socket. "
        "Without it both stay within the process.",
    )
    cors_origins: Origins = Field(
        (),
        description="Origins whose web pages may call the API, `*` for all; none: CORS is off. "
        "In the environment separated by commas.",
    )
    access_log: bool = Field(True, description="Whether each request is logged.")
    log_format: Literal["text", "json"] = Field("text", description="Form of the log: lines, or an object per line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    shutdown_seconds: int = Field(
        30, ge=1, le=3600, description="Seconds that requests under way have to finish when the service is stopped."
    )

    @field_validator("memory_limit")
    @classmethod
    def _is_memory_limit(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)? ?[KMGT]i?B", value, re.IGNORECASE):
            raise ValueError("write it as 256MB or 1GiB")
        return value

    @field_validator("naive_zone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        return zone_name(value) if value else None

    @field_validator("rate_limit")
    @classmethod
    def _is_rate_limit(cls, value: str) -> str:
        if value:
            from limits import parse_many

            try:
                parse_many(value)
            except ValueError:
                raise ValueError("write it as 600/second or 20/second;500/minute") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        text = value.get_secret_value() if value is not None else ""
        if not text:
            return None
        if not text.startswith(REDIS_SCHEMES):
            raise ValueError(f"it has to begin with {', '.join(REDIS_SCHEMES[:-1])} or {REDIS_SCHEMES[-1]}")
        return value

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            try:
                ip_network(address)
            except ValueError:
                raise ValueError("write addresses or networks, as 127.0.0.1, ::1 or 10.0.0.0/24") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and (not origin.startswith(("http://", "https://")) or origin.count("/") != 2):
                raise ValueError("an origin is a scheme, a host and perhaps a port, as https://charts.example.org")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, environment, file: in this order."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


class EffectiveSetting(NamedTuple):
    """One setting as it is in force; a secret is masked."""

    name: str
    value: Any
    source: str
    """`option`, `environment`, `default`, or the path of the file."""


def config_file() -> Path | None:
    """The file that settings are read from. Raises `UsageError` where `GEXLAKE_CONFIG` names none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UsageError(f"There is no file {named}, which {CONFIG_VARIABLE} names.")
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def load_settings(options: Mapping[str, Any] | None = None) -> Settings:
    """Settings from options (those that are not None), environment, file and defaults.

    Raises `UsageError` that names each bad setting, its value and what would be valid.
    """
    given = _given(options)
    try:
        return Settings(**given)
    except ValidationError as error:
        sources = _sources(given)
        problems = [_problem(dict(found), sources) for found in error.errors(include_url=False)]
        raise UsageError(" ".join(problems), hint="`gexlake config --help` says where settings come from.") from None
    except SettingsError as error:
        raise UsageError(f"{error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{config_file()} is not valid TOML: {error}.") from None
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}.") from None


def effective_settings(options: Mapping[str, Any] | None = None) -> list[EffectiveSetting]:
    """Every setting with its value and where that came from. Raises `UsageError` as `load_settings` does."""
    settings = load_settings(options)
    sources = _sources(_given(options))
    values = settings.model_dump(mode="json")
    return [
        EffectiveSetting(name, MASK if _is_secret(name) and value else value, _origin(name, sources))
        for name, value in values.items()
    ]


def _given(options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (options or {}).items() if value is not None}


def _sources(options: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What each source says, the strongest first."""
    file = config_file()
    sources: dict[str, Mapping[str, Any]] = {"option": options, "environment": EnvSettingsSource(Settings)()}
    if file is not None:
        sources[str(file)] = TomlConfigSettingsSource(Settings, file)()
    return sources


def _origin(name: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    return next((source for source, values in sources.items() if name in values), "default")


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and "SecretStr" in str(field.annotation)


def _problem(found: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> str:
    """One sentence on a value that is not valid."""
    name = str(found["loc"][0])
    origin = _origin(name, sources)
    if found["type"] == "extra_forbidden":
        return f"{origin} has the setting {name}, which there is not. There are {', '.join(Settings.model_fields)}."
    value = MASK if _is_secret(name) else repr(sources[origin][name])
    wanted = str(found["msg"]).removeprefix("Value error, ").removeprefix("Input ").removeprefix("Value ")
    return f"The setting {name} is {value} ({_written(name, origin)}): {_sentence(wanted)}"


def _written(name: str, origin: str) -> str:
    return f"environment variable {PREFIX}{name.upper()}" if origin == "environment" else origin


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."

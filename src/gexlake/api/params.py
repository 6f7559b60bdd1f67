"""Query parameters that several routes share, each parsed and explained once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from functools import cached_property
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from gexlake.errors import UsageError
from gexlake.models.feed import CATEGORY_ALIASES, Feed
from gexlake.services.asking.moments import (
    UnzonedError,
    end_of_day,
    parse_bound,
    parse_interval,
    seconds_of,
    start_of_day,
)
from gexlake.validation.zones import find_zone

MAX_LIMIT = 10_000
MIN_US, MAX_US = 0, 253_402_300_800_000_000
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
FORMS_OF_INSTANTS = "ISO 8601 or Unix seconds; a time with its offset, as 2025-11-14T15:30:00Z"
_MOMENT_WORDS = f"{FORMS_OF_INSTANTS}; a date alone stands for that day in New York"
_MOMENT_SCHEMA = {"type": "string", "examples": ["2025-11-14T15:30:00Z", "1763134200", "2025-11-14"]}


# ---- instants ------------------------------------------------------------------------------------------------------


def _parse_zone(value: object) -> tzinfo:
    try:
        return find_zone(str(value))
    except UsageError as error:
        raise PydanticCustomError("zone", "{words}", {"words": str(error)}) from None


Zone = Annotated[
    tzinfo,
    PlainValidator(_parse_zone),
    WithJsonSchema({"type": "string", "maxLength": 64, "examples": ["America/New_York", "UTC"]}),
]
"""A time zone by its IANA name."""


def moment_of(value: object, info: ValidationInfo, *, words: str) -> date | int:
    """A date or an instant in Unix microseconds, in the zone that the parameter `tz` names if it has none itself."""
    text = str(value).strip()
    moment = float(text) if _NUMBER.fullmatch(text) else _with_plus(text)
    try:
        return parse_bound(moment, parameter=str(info.field_name), tz=info.data.get("tz"))
    except UnzonedError as error:
        raise PydanticCustomError("moment", "{words}", {"words": str(error)}) from None
    except (UsageError, OverflowError):
        raise PydanticCustomError("moment", f"Write {words}.") from None


def _with_plus(text: str) -> str:
    """The text, with the plus sign of its offset again where that came unescaped and was read as a space."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return text.replace(" ", "+")
    return text


def _parse(value: object, info: ValidationInfo, edge: Callable[[date], int]) -> int:
    moment = moment_of(value, info, words=_MOMENT_WORDS)
    try:
        moment_us = edge(moment) if isinstance(moment, date) else moment
    except (OverflowError, ValueError):  # the last day of the year 9999, say
        moment_us = MAX_US
    if not MIN_US <= moment_us < MAX_US:
        raise PydanticCustomError("moment", "It lies before 1970 or after the year 9999.")
    return moment_us


Start = Annotated[
    int, PlainValidator(lambda value, info: _parse(value, info, start_of_day)), WithJsonSchema(_MOMENT_SCHEMA)
]
"""An instant in Unix microseconds; a date is its first."""
End = Annotated[
    int, PlainValidator(lambda value, info: _parse(value, info, end_of_day)), WithJsonSchema(_MOMENT_SCHEMA)
]
"""An instant in Unix microseconds; a date is its last."""


def _parse_day(value: object) -> date:
    text = str(value)
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # the 31st of February
        pass
    raise PydanticCustomError("day", "Write a date, as 2025-11-14.")


Day = Annotated[date, PlainValidator(_parse_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A session date. Pydantic's own reading would take 0 for 1970-01-01."""


# ---- spans of time -------------------------------------------------------------------------------------------------


def _parse_span(value: object) -> int:
    try:
        return parse_interval(str(value))
    except UsageError:
        raise PydanticCustomError("span", "Write a number and s, m or h, as 30s, 5m or 1h.") from None


Interval = Annotated[
    int,
    PlainValidator(_parse_span),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,4}[smh]$", "examples": ["1m", "30s", "1h"]}),
]
"""A span of time in seconds."""


MaxAge = Annotated[
    float,
    BeforeValidator(lambda value: seconds_of(value) if isinstance(value, str) else value),
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9]{1,9}[smhd]$"}]}),
]
"""An age in seconds, or with its unit."""


# ---- feeds ---------------------------------------------------------------------------------------------------------


class Query(BaseModel):
    """A set of query parameters; one that is not among them is refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


async def takes_no_parameters(request: Request) -> None:
    """A dependency of routes that have none: one that is sent all the same is refused, as by `Query`."""
    found = [
        {"type": "extra_forbidden", "loc": ("query", name), "msg": "This takes no parameters", "input": value}
        for name, value in request.query_params.items()
    ]
    if found:
        raise RequestValidationError(found)


Category = Annotated[str, BeforeValidator(lambda value: CATEGORY_ALIASES.get(value, value))]
"""A category by its name or its short one."""


class FeedQuery(Query):
    """Which feed."""

    symbol: str = Field(min_length=1, max_length=64, description="Ticker of the feed.", examples=["NQ_NDX"])
    package: str = Field(default="classic", min_length=1, max_length=64, description="`classic` or `state`.")
    category: Category = Field(
        "gex_zero", min_length=1, max_length=64, description="`gex_full`, `gex_zero`, `gex_one`; `full`, `zero`, `one`."
    )

    @cached_property
    def feed(self) -> Feed:
        """The feed that these name."""
        return Feed(self.symbol.upper(), self.package, self.category)


ZoneField = Annotated[
    Zone | None, Field(description="Zone of instants that are written without one; else those are refused.")
]
"""The parameter `tz`. It stands before those that it explains."""


class RangeQuery(FeedQuery):
    """Which feed and which range of time; both ends are included."""

    tz: ZoneField = None
    # By factories: as plain defaults OpenAPI would show them, in microseconds, which callers do not send.
    start: Start = Field(default_factory=lambda: MIN_US, description=f"From here on. {_MOMENT_WORDS}.")
    end: End = Field(default_factory=lambda: MAX_US, description="Up to here, this instant included.")

    @field_validator("end")
    @classmethod
    def _is_not_before_start(cls, end: int, info: ValidationInfo) -> int:
        if end < info.data.get("start", MIN_US):
            raise PydanticCustomError("range", "It lies before start.")
        return end


Format = Literal["json", "ndjson", "csv", "arrow", "parquet"]


# ---- cursors -------------------------------------------------------------------------------------------------------


def encode_cursor(after_us: int) -> str:
    """The place behind a snapshot, as text that a client hands back."""
    return base64.urlsafe_b64encode(after_us.to_bytes(8, "big")).decode().rstrip("=")


def _decode_cursor(value: object) -> int:
    try:
        raw = base64.b64decode(f"{value}=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != 8:
        raise PydanticCustomError("cursor", "Send `next` of the page before, unchanged.")
    return int.from_bytes(raw, "big") & (1 << 62) - 1


Cursor = Annotated[
    int, PlainValidator(_decode_cursor), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{11}$"})
]
"""The instant of the last snapshot of the page before, in Unix microseconds."""


def split_words(value: Any) -> Any:
    """`a,b`, or a list of such, as a list of words."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return value
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]

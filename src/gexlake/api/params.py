"""Query parameters that several routes share, each parsed and explained once."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

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
from gexlake.services.moments import parse_bound
from gexlake.validation.calendar import EXCHANGE_TIME_ZONE

MAX_LIMIT = 10_000
MIN_US, MAX_US = 0, 253_402_300_800_000_000
_NEW_YORK = ZoneInfo(EXCHANGE_TIME_ZONE)
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT_WORDS = "ISO 8601, as 2025-11-14T15:30:00Z, or Unix seconds; a date alone stands for that day in New York"
_MOMENT_SCHEMA = {"type": "string", "examples": ["2025-11-14T15:30:00Z", "1763134200", "2025-11-14"]}


# ---- instants ------------------------------------------------------------------------------------------------------


def _parse(value: object, *, end_of_day: bool) -> int:
    text = str(value).strip()
    try:
        bound = parse_bound(float(text) if _NUMBER.fullmatch(text) else text.replace(" ", "+"), parameter="moment")
        moment_us = _edge_of(bound, end_of_day=end_of_day) if isinstance(bound, date) else bound
    except (UsageError, OverflowError, ValueError):
        raise PydanticCustomError("moment", f"Write {_MOMENT_WORDS}.") from None
    if not MIN_US <= moment_us < MAX_US:
        raise PydanticCustomError("moment", "It lies before 1970 or after the year 9999.")
    return moment_us


def _edge_of(day: date, *, end_of_day: bool) -> int:
    midnight = datetime.combine(day + timedelta(days=end_of_day), time(), _NEW_YORK)
    return int(midnight.timestamp()) * 1_000_000 - end_of_day


Start = Annotated[int, PlainValidator(lambda value: _parse(value, end_of_day=False)), WithJsonSchema(_MOMENT_SCHEMA)]
"""An instant in Unix microseconds; a date is its first."""
End = Annotated[int, PlainValidator(lambda value: _parse(value, end_of_day=True)), WithJsonSchema(_MOMENT_SCHEMA)]
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

_UNITS = {"s": 1, "m": 60, "h": 3600}
_SPAN = re.compile(r"([1-9]\d{0,4})([smh])")


def _parse_span(value: object) -> int:
    found = _SPAN.fullmatch(str(value))
    if found is None:
        raise PydanticCustomError("span", "Write a number and s, m or h, as 30s, 5m or 1h.")
    return int(found[1]) * _UNITS[found[2]]


Interval = Annotated[
    int,
    PlainValidator(_parse_span),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPAN.pattern}$", "examples": ["1m", "30s", "1h"]}),
]
"""A span of time in seconds."""


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


class RangeQuery(FeedQuery):
    """Which feed and which range of time; both ends are included."""

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
    """`a,b` as a list of words."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

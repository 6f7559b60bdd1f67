"""What can be asked of snapshots: one set of parameters, with the fields and defaults of each record type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, create_model

from gexlake.api.params import (
    MAX_LIMIT,
    Category,
    Cursor,
    End,
    FeedQuery,
    Format,
    Interval,
    MaxAge,
    RangeQuery,
    ZoneField,
    split_words,
)
from gexlake.models.feed import FEED_CATEGORIES
from gexlake.models.record_type import RecordType

_ONLY_FIELDS = "Only these fields, separated by commas."


class SnapshotQuery(FeedQuery):
    """Which feed, and what of a snapshot."""

    strikes: bool = Field(default=True, description="Whether the ladder is wanted, where there is one.")
    fields: list[str] | None = None
    max_age: MaxAge | None = Field(
        default=None,
        description="Seconds, or 90s, 15m, 4h, 3d: a snapshot of any session that is no older, else 404. For `/at` "
        "without it: one of the same session, by New York's date, else 404.",
    )


class AtQuery(SnapshotQuery):
    """Which feed, when, and what of the snapshot."""

    tz: ZoneField = None
    timestamp: End = Field(description="The snapshot at this instant, or else the last one before.")


class PageQuery(RangeQuery):
    """Which range, in which order and form."""

    limit: int = Field(default=1000, ge=1, le=MAX_LIMIT, description="At most so many snapshots.")
    order: Literal["asc", "desc"] = Field(default="asc", description="By time.")
    cursor: Cursor | None = Field(default=None, description="`next` of the page before; all else as it was there.")
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class SnapshotsQuery(PageQuery):
    """Which snapshots, and what of them."""

    strikes: bool = Field(default=True, description="Whether ladders are wanted, where there are any; CSV has none.")
    fields: list[str] | None = None


class LadderQuery(PageQuery):
    """Which strikes, through which time."""

    strike: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        min_length=1, max_length=100, description="One strike or, repeated, several.", examples=[[25000]]
    )


class GridQuery(RangeQuery):
    """Which range, on which grid of time."""

    interval: Interval = Field(
        default_factory=lambda: 60, description="Length of an interval, as 30s, 1m, 1h; 1m if it is not given."
    )
    format: Format | None = Field(default=None, description="Form of the answer; else the header Accept decides.")


class HeatmapQuery(GridQuery):
    """Which range, on which grid of time, of which ladder column."""

    value: str = ""


# ---- of a record type ----------------------------------------------------------------------------------------------


class Queries:
    """The queries of one record type."""

    def __init__(self, kind: RecordType) -> None:
        self._kind = kind
        self.latest = self._of(SnapshotQuery, fields=_fields(kind))
        self.at = self._of(AtQuery, fields=_fields(kind))
        self.page = self._of(SnapshotsQuery, fields=_fields(kind))
        self.bars = self._of(GridQuery)
        if kind.ladder:
            choice = Literal[kind.ladder.shown]  # type: ignore[name-defined]
            value = (choice, Field(default=kind.ladder.shown[0], description="What the cells show."))
            self.ladder = self._of(LadderQuery)
            self.heatmap = self._of(HeatmapQuery, value=value)

    def _of(self, base: type[BaseModel], **fields: Any) -> type[BaseModel]:
        kind = self._kind
        package, category = kind.default
        packages = [name for name, of_package in FEED_CATEGORIES.items() if set(of_package) & set(kind.categories)]
        words: Any = {"min_length": 1, "max_length": 64}
        return create_model(
            f"{kind.name.capitalize()}{base.__name__}",
            __base__=base,
            __doc__=base.__doc__,
            package=(str, Field(default=package, description=f"{_listed(packages)}.", **words)),
            category=(Category, Field(default=category, description=f"{_listed(kind.categories)}.", **words)),
            **fields,
        )


def _fields(kind: RecordType) -> tuple[Any, Any]:
    names = Annotated[list[Literal[kind.fields]] | None, BeforeValidator(split_words)]  # type: ignore[name-defined]
    shown: Any = {"type": "string", "examples": ["timestamp," + ",".join(kind.numbers[:2])]}
    return names, Field(default=None, description=_ONLY_FIELDS, json_schema_extra=shown)


def _listed(names: Any) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} or {last}" if most else last

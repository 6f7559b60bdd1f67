"""What every case works with, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from gexlake.sample.faults.shapes import SHAPES, Shape
from gexlake.sample.feeds import SampleFeed, file_stem, record_type
from gexlake.sample.generate import generate_session
from gexlake.sample.report import Expectation
from gexlake.sample.writer import FORMS

ARRAY, JSONL = FORMS["array"], FORMS["jsonl"]


@dataclass(frozen=True, slots=True)
class FaultFile:
    """One file to write; `name` is its path below the sample's directory. A foreign file has no feed."""

    name: str
    data: bytes
    feed: SampleFeed | None
    session_date: date | None
    expected: Expectation
    records: int


@dataclass(frozen=True, slots=True)
class Material:
    """What a case works with: a feed, a session of its own, and as many good records as it asks for."""

    feed: SampleFeed
    session_date: date
    seed: int
    count: int
    strikes: int

    @property
    def stem(self) -> str:
        """The vendor's file name for this session, without its suffix."""
        return file_stem(self.feed, self.session_date)

    @property
    def shape(self) -> Shape:
        """Where things stand in the feed's records."""
        return SHAPES[record_type(self.feed)]

    def records(self, count: int | None = None) -> list[bytes]:
        """The first `count` good records of the session."""
        size = count or self.count
        session = generate_session(self.feed, self.session_date, seed=self.seed, snapshots=size, strikes=self.strikes)
        return list(session)

    def file(self, name: str, data: bytes, expected: Expectation, records: int | None = None) -> FaultFile:
        """A file of this feed and session; `records` is given where it holds other than the records seen."""
        size = expected.records_seen if records is None else records
        return FaultFile(name, data, self.feed, self.session_date, expected, size)


Case = Callable[[Material], list[FaultFile]]
"""One kind of fault: it may take several files to show."""


def all_good(count: int) -> Expectation:
    """Every record is imported."""
    return Expectation("success", count, count)


def some_refused(seen: int, reasons: dict[str, int], *, duplicate: int = 0) -> Expectation:
    """Of `seen` records, so many are refused for each reason."""
    refused = sum(reasons.values())
    return Expectation("partial", seen, seen - duplicate - refused, duplicate, reasons)


def named(name: str, material: Material) -> str:
    """The file name with {stem}, {date}, {ticker}, {package} and {category} filled in."""
    feed = material.feed
    return name.format(
        stem=material.stem,
        date=material.session_date,
        ticker=feed.ticker,
        package=feed.package,
        category=feed.category,
    )

"""Synthetic GEXBot history: realistic in shape, reproducible from a seed, and never real.

`write_sample` fills a folder, `generate_session` yields the record texts of one session, `sample_records`
returns a few records as dicts. Nothing here was observed in any market.
"""

from gexlake.sample.feeds import CATEGORIES, FeedLike, SampleFeed
from gexlake.sample.folder import NOTE_NAME, write_sample
from gexlake.sample.generate import (
    DEFAULT_SEED,
    DEFAULT_START,
    DEFAULT_STRIKES,
    generate_session,
    sample_records,
)
from gexlake.sample.report import Expectation, SampleFile, SampleReport, Status
from gexlake.sample.writer import COMPRESSIONS, FORMS

__all__ = [
    "CATEGORIES",
    "COMPRESSIONS",
    "DEFAULT_SEED",
    "DEFAULT_START",
    "DEFAULT_STRIKES",
    "FORMS",
    "NOTE_NAME",
    "Expectation",
    "FeedLike",
    "SampleFeed",
    "SampleFile",
    "SampleReport",
    "Status",
    "generate_session",
    "sample_records",
    "write_sample",
]

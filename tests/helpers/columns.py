"""The tables of a GEX block, by the names that tests use."""

from __future__ import annotations

from gexlake.models.record_type import MOST_PAIRS
from gexlake.models.record_types import GEX

NUMBERS = GEX.numbers
NUMBER_ROWS = GEX.number_rows
LADDER = GEX.ladder_names
MAX_PRIORS = MOST_PAIRS
PRIORS = 5

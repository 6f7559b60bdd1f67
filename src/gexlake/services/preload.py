"""What every worker needs, imported once in the process that they are forked from."""

import numpy
import polars
import xxhash

from gexlake.importers.gex import frames, session
from gexlake.services import stage

__all__ = ["frames", "numpy", "polars", "session", "stage", "xxhash"]

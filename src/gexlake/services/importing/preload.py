"""What every worker needs, imported once in the process that they are forked from."""

import arro3.core
import numpy
import polars
import xxhash

from gexlake.importers.snapshots import session
from gexlake.importers.snapshots.writing import frames
from gexlake.services.importing import stage

__all__ = ["arro3", "frames", "numpy", "polars", "session", "stage", "xxhash"]

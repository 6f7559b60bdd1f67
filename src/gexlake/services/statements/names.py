"""What asker and worker call the same; apart, because a worker loads nothing that it does not need."""

from __future__ import annotations

FILES, TABLES, SPILL = "files", "tables", "spill"
"""Directories of a private place, see `place`."""
MISSING = "gexlake: this was not handed over"
"""What a view says of which the asker did not foresee that the statement reads it."""

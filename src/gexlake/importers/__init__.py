"""Bytes to columns: importers of record types behind the interface of `base`.

Snapshots of all the vendor's record types take one road, `snapshots`. Another kind of data is a package beside it, and
a line below; docs/record-types.md has the steps.
"""

from __future__ import annotations

from gexlake.importers.base import Importer
from gexlake.importers.snapshots import SnapshotImporter
from gexlake.models.record_types import RECORD_TYPES

IMPORTERS: dict[str, Importer] = {name: SnapshotImporter(kind) for name, kind in RECORD_TYPES.items()}
"""Every record type that can be imported."""

"""Bytes to columns: one package per record type behind the interface of `base`.

A new record type is a package beside `gex`, and a line below; docs/record-types.md has the steps.
"""

from __future__ import annotations

from gexlake.importers.base import Importer
from gexlake.importers.gex import GexImporter

IMPORTERS: dict[str, Importer] = {importer.record_type: importer for importer in (GexImporter(),)}
"""Every record type that can be imported."""

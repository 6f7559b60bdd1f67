"""The open tables of a lake as Iceberg has them: one for each data set, under the name that DuckDB has for it.

Columns and their ids are those of the Parquet files (`models/field_ids.py`). Partitions are the lake's folders; their
four columns stand in no file, and readers take them from the metadata.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, TableAlreadyExistsError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema, index_by_name
from pyiceberg.table import Table
from pyiceberg.table.name_mapping import create_mapping_from_schema
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from gexlake.db.schema import table_columns
from gexlake.errors import CatalogError
from gexlake.importers import IMPORTERS
from gexlake.models.column import PARTITION_COLUMNS, Column
from gexlake.models.field_ids import FIELD_IDS
from gexlake.models.record_type import MAX_PRIORS
from gexlake.services.publishing.outgoing import OutgoingSession

COMMIT_PROPERTY = "gexlake.commit"
"""Of a snapshot: the commit of the lake at which the table stands with it."""
TAG_PREFIX = "gexlake-"
FILES_PROPERTY = "gexlake.files"
"""Below which place the files of a table are."""
FIRST_PARTITION_ID = 1000
_TYPES: dict[str, IcebergType] = {
    "DOUBLE": DoubleType(),
    "INTEGER": IntegerType(),
    "VARCHAR": StringType(),
    "DATE": DateType(),
    "TIMESTAMPTZ": TimestamptzType(),
}
_RETRIES = "commit.retry.num-retries"
_PROPERTIES = {
    # Who was quicker has changed what this commit rests on: it is made anew by us, from what stands there then. Done
    # again by the library, files that both have added would be there twice.
    _RETRIES: "0",
    "commit.manifest-merge.enabled": "true",  # else one more for every commit, and each is read in planning
    "commit.manifest.target-size-bytes": "524288",  # some 2,000 files, see `iceberg_files.MOST_FILES`
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.metadata.metrics.default": "none",  # 359 bytes a file instead of thousands
    "write.metadata.metrics.column.timestamp": "full",
}


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A data set of a record type that is published as a table."""

    record_type: str
    dataset: str

    @property
    def name(self) -> str:
        """As DuckDB has it: `gex_strikes`."""
        return f"{self.record_type}_{self.dataset}"

    def rows_of(self, session: OutgoingSession) -> int:
        """How many rows it has of a session; 0 where that is gone."""
        return session.snapshots if self.dataset == "snapshots" else session.rows


OPEN_TABLES = [
    OpenTable(importer.record_type, dataset.name)
    for importer in IMPORTERS.values()
    for dataset in sorted(importer.datasets, key=lambda dataset: dataset.name == "snapshots")
]
"""In the order in which they are carried on: ladders before their snapshots."""


def schema_of(table: OpenTable) -> Schema:
    """The columns of a table."""
    ids = FIELD_IDS[table.record_type, table.dataset]
    types = {column.name: column.sql_type for column in _columns(table)}
    fields = [
        NestedField(number, name, _type_of(name, types[name], ids), required=False)
        for name, number in ids.items()
        if "." not in name
    ]
    return Schema(*fields)


def spec_of(table: OpenTable) -> PartitionSpec:
    """Its partitions: the session that a file is of."""
    ids = FIELD_IDS[table.record_type, table.dataset]
    return PartitionSpec(
        *(
            PartitionField(ids[column.name], FIRST_PARTITION_ID + place, IdentityTransform(), column.name)
            for place, column in enumerate(PARTITION_COLUMNS)
        )
    )


def load_open_table(catalog: Catalog, namespace: str, table: OpenTable, *, files: str) -> Table | None:
    """The table as it stands in the catalog, None where it is not there; `files` is where the lake's are.

    Raises `CatalogError` for a table that is not this lake's, or that somebody has given other columns.
    """
    try:
        found = catalog.load_table((namespace, table.name))
    except NoSuchTableError:
        return None
    _check(found, table, files)
    if any(found.properties.get(name) != value for name, value in _PROPERTIES.items()):
        with found.transaction() as transaction:
            transaction.set_properties(_PROPERTIES)
    _check_retries(found)
    return found


def make_open_table(catalog: Catalog, namespace: str, table: OpenTable, *, files: str) -> Table:
    """The table, made where it is not there yet. Raises what `load_open_table` raises."""
    catalog.create_namespace_if_not_exists(namespace)
    schema = schema_of(table)
    properties = {
        **_PROPERTIES,
        FILES_PROPERTY: files,
        "schema.name-mapping.default": create_mapping_from_schema(schema).model_dump_json(),  # of files without ids
    }
    try:
        made = catalog.create_table(
            (namespace, table.name), schema, partition_spec=spec_of(table), properties=properties
        )
    except TableAlreadyExistsError:
        made = catalog.load_table((namespace, table.name))
    _check(made, table, files)
    _check_retries(made)
    return made


def commit_of(table: Table) -> int | None:
    """The commit that a table was carried over to; None where its newest snapshot is not ours."""
    snapshot = table.current_snapshot()
    return None if snapshot is None else commit_in(snapshot)


def commit_in(snapshot: Snapshot) -> int | None:
    """The commit that a snapshot names."""
    number = snapshot.summary[COMMIT_PROPERTY] if snapshot.summary else None
    return None if number is None else int(number)


def _check(found: Table, table: OpenTable, files: str) -> None:
    name = ".".join(found.name())
    there = found.properties.get(FILES_PROPERTY)
    if there != files:
        raise CatalogError(
            f"The table {name} names files below {there or 'a place that it does not tell'}, and this lake's are below "
            f"{files}.",
            hint="Publish into another --namespace; or, where the lake was moved, drop the table first.",
        )
    ids = FIELD_IDS[table.record_type, table.dataset]
    if index_by_name(found.schema()) | ids != index_by_name(found.schema()):
        raise CatalogError(
            f"The columns of the table {name} do not have the ids that the lake's files have.",
            hint="Drop the table and publish again; a catalog that gives other ids cannot hold it.",
        )
    if [(field.source_id, field.name) for field in found.spec().fields] != [
        (field.source_id, field.name) for field in spec_of(table).fields
    ]:
        raise CatalogError(
            f"The table {name} has other partitions than the lake.", hint="Drop the table and publish again."
        )


def _check_retries(found: Table) -> None:
    """What the library does after a conflict it takes from the table, so the catalog has to remember it."""
    if found.properties.get(_RETRIES) != "0":
        raise CatalogError(
            f"The catalog does not keep the property {_RETRIES} of the table {'.'.join(found.name())}, without which "
            "files could be there twice.",
            hint="Publish to another catalog.",
        )


def _columns(table: OpenTable) -> tuple[Column, ...]:
    datasets = {dataset.name: dataset for dataset in IMPORTERS[table.record_type].datasets}
    return table_columns(datasets[table.dataset])


def _type_of(name: str, sql_type: str, ids: dict[str, int]) -> IcebergType:
    if name != MAX_PRIORS:
        return _TYPES[sql_type]
    element = f"{MAX_PRIORS}.element"
    pair = (
        NestedField(ids[f"{element}.{field}"], field, DoubleType(), required=False) for field in ("strike", "change")
    )
    return ListType(ids[element], StructType(*pair), element_required=False)

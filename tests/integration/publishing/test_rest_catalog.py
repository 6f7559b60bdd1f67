"""Open tables in a catalog that speaks REST, over files in a bucket: SeaweedFS is both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyarrow import fs

from gexlake.db.layout import LakeLayout
from gexlake.errors import CatalogError
from gexlake.models.publishing import Expiry, PublishOrder
from gexlake.services.publishing import iceberg
from gexlake.services.publishing.catalogs import choose_catalog, open_catalog
from gexlake.services.publishing.outgoing import read_outgoing
from gexlake.services.publishing.publish import publish
from helpers.object_server import KEY, SECRET, ObjectServer
from helpers.publishing import assert_published, by_polars, by_pyiceberg, in_lake, tables_of

REGION = "us-east-1"


@pytest.fixture(scope="module")
def server(object_server: ObjectServer) -> ObjectServer:
    object_server.run("s3tables.bucket -create -name tables -account tests")
    bucket(object_server).create_dir("lake")
    return object_server


def bucket(server: ObjectServer) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=server.url,
        region=REGION,
        allow_bucket_creation=True,
    )


def put_files(server: ObjectServer, lake: Path) -> None:
    """Copy the files of all versions to where readers are going to look for them."""
    fs.copy_files(str(lake / "versions"), "lake/versions", destination_filesystem=bucket(server))


@pytest.fixture
def order(server: ObjectServer, work: Path, request: pytest.FixtureRequest) -> PublishOrder:
    file = work / "catalog.toml"
    file.write_text(
        f"""
        type = "rest"
        uri = "{server.catalog_url}"
        warehouse = "s3://tables"
        credential = "{KEY}:{SECRET}"
        oauth2-server-uri = "{server.catalog_url}/v1/oauth/tokens"

        [s3]
        endpoint = "{server.url}"
        access-key-id = "{KEY}"
        secret-access-key = "{SECRET}"
        region = "{REGION}"
        """
    )
    name = request.node.name.removeprefix("test_")[:20]
    return PublishOrder(str(file), namespace=name, files="s3://lake", expiry=Expiry(1))


def test_tables_over_a_bucket_hold_what_the_lake_holds_bit_for_bit(
    server: ObjectServer, order: PublishOrder, changing: tuple[Path, Path], work: Path
) -> None:
    lake = work / "lake"
    for state in changing:
        shutil.rmtree(lake / "gex", ignore_errors=True)
        shutil.copytree(state, lake, dirs_exist_ok=True)
        put_files(server, lake)
        publish(lake, order)
        layout = LakeLayout(lake)
        catalog = open_catalog(layout, choose_catalog(layout, order.catalog))
        assert_published(lake, catalog, order.namespace)
        for name, table in tables_of(lake, catalog, order.namespace).items():
            assert len(table.snapshots()) == 1
            expected = in_lake(state, name)
            assert by_pyiceberg(table).equals(expected)
            assert by_polars(table, storage_options=storage_options(server)).equals(expected)


def storage_options(server: ObjectServer) -> dict[str, str]:
    return {
        "aws_endpoint_url": server.url,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        "aws_region": REGION,
        "aws_allow_http": "true",
    }


def test_who_was_overtaken_begins_again_from_what_stands_there(
    server: ObjectServer,
    order: PublishOrder,
    changing: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = changing[1]
    put_files(server, lake)
    overtaken = []

    def read_and_be_overtaken(*arguments: object) -> object:
        found = read_outgoing(*arguments)  # type: ignore[arg-type]
        if not overtaken:
            overtaken.append(True)
            publish(lake, order)
        return found

    monkeypatch.setattr(iceberg, "read_outgoing", read_and_be_overtaken)
    publish(lake, order)
    layout = LakeLayout(lake)
    assert_published(lake, open_catalog(layout, choose_catalog(layout, order.catalog)), order.namespace)


def test_a_file_that_is_not_in_the_bucket_yet_is_not_named(order: PublishOrder, changing: tuple[Path, Path]) -> None:
    elsewhere = PublishOrder(order.catalog, order.namespace, "s3://lake/elsewhere")
    with pytest.raises(CatalogError, match="is not there") as raised:
        publish(changing[0], elsewhere)
    assert "have the files copied there first" in raised.value.hint
    assert SECRET not in str(raised.value)

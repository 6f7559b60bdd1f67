"""What people write of a location, and how it stands in lineage."""

from __future__ import annotations

from pathlib import Path

import pytest

from gexlake.errors import UsageError
from gexlake.models.location import ObjectUrl, is_url, location_of, location_text


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://bucket/a/b.json", ObjectUrl("s3", "bucket", "a/b.json")),
        ("gs://bucket/folder/", ObjectUrl("gs", "bucket", "folder")),
        ("az://container", ObjectUrl("az", "container")),
        ("s3://bucket/^SPX %5E é/x", ObjectUrl("s3", "bucket", "^SPX %5E é/x")),
        ("history", Path("history")),
        ("s3:/bucket/a", Path("s3:/bucket/a")),
        ("http://host/a", Path("http://host/a")),
        (Path("s3:/bucket"), Path("s3:/bucket")),
    ],
)
def test_a_location_is_a_path_or_a_place_in_a_bucket(text: str | Path, location: Path | ObjectUrl) -> None:
    assert location_of(text) == location


def test_a_url_is_written_as_it_is_read() -> None:
    url = ObjectUrl("s3", "bucket", "a?b@c/d e")
    assert location_text(url) == "s3://bucket/a?b@c/d e"
    assert ObjectUrl.parse(location_text(url)) == url
    assert url.parts == ("s3://bucket", "a?b@c", "d e")
    assert is_url(location_text(url))
    assert not is_url(location_text(Path("s3:/bucket")))


@pytest.mark.parametrize("url", ["s3://key:hidden@bucket/a", "az://container/a?sig=hidden", "s3://bucket:hidden/a"])
def test_what_may_be_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="holds more than a bucket and a key") as caught:
        location_of(url)
    assert "hidden" not in str(caught.value)


def test_a_url_without_a_bucket_is_refused() -> None:
    with pytest.raises(UsageError, match=r"s3:///a names no bucket\. Write it as s3://bucket/folder\."):
        location_of("s3:///a")

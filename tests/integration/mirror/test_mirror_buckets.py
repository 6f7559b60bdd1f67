"""A mirror in a bucket of a real store: the same as in a folder, whatever the network does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from gexlake.bucket import client
from gexlake.errors import GexlakeError, StoreError
from gexlake.models.location import location_of
from gexlake.models.mirror import LEASE, commit_key
from gexlake.services.publishing.push import iter_pushed
from helpers.cutting_proxy import CuttingProxy
from helpers.mirrors import assert_equal_lakes, place, publications, pulled, pushed
from helpers.object_server import SECRET, ObjectServer, environment

_numbers = count()


@pytest.fixture
def mirror(stores: ObjectServer) -> str:
    """A folder of a test's own in a bucket."""
    return f"s3://tests/mirror-{next(_numbers)}/lake"


@pytest.fixture
def proxy(stores: ObjectServer, mirror: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CuttingProxy]:
    """It stands between programs and the store, which is not asked again for a minute."""
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0)
    with CuttingProxy(stores.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def test_what_is_pulled_from_a_bucket_is_the_lake(lake: Path, mirror: str, work: Path) -> None:
    report = pushed(lake, mirror)
    assert (report.publication, report.sessions, report.imports) == (1, 2, 1)
    assert not pushed(lake, mirror).changed
    assert pulled(work / "copy", mirror).sessions == 2
    assert_equal_lakes(lake, work / "copy")
    assert [one.key for one in place(mirror).iter_stored("lists")] == ["lists/000000000001.json"]
    assert place(mirror).read(LEASE) is None


def test_of_many_that_create_one_key_one_wins(mirror: str) -> None:
    store = place(mirror)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.create("commits/1", b"%d" % number), range(8)))
    assert won.count(True) == 1
    assert store.read("commits/1") == (b"%d" % won.index(True), (store.read("commits/1") or (b"", ""))[1])


def test_of_many_that_replace_one_key_one_wins(mirror: str) -> None:
    store = place(mirror)
    store.create(LEASE, b"")
    (_, etag) = store.read(LEASE) or (b"", "")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: store.replace(LEASE, b"%d" % number, etag), range(8)))
    assert won.count(True) == 1
    store.delete([LEASE, "never/there"])
    assert store.read(LEASE) is None
    assert not store.replace(LEASE, b"", etag)


@pytest.mark.parametrize("cut", ["strikes-", commit_key(1), LEASE])
def test_a_push_whose_answers_are_cut_is_completed_by_the_next(
    lake: Path, mirror: str, work: Path, proxy: CuttingProxy, cut: str
) -> None:
    """What was asked for may have been done or not."""
    proxy.cut_after, proxy.only, proxy.cuts = 0, cut.encode(), 1
    with pytest.raises(StoreError, match=r"^s3://tests cannot be (read|written): "):
        pushed(lake, mirror)
    assert pushed(lake, mirror).publication == 1
    assert len(publications(mirror)) == 1
    pulled(work / "copy", mirror)
    assert_equal_lakes(lake, work / "copy")


def test_a_bucket_that_is_lost_while_it_is_followed_is_gone_on_with(
    lake: Path, mirror: str, stores: ObjectServer, proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    from gexlake.services.publishing import push as push_module

    monkeypatch.setattr(push_module, "RETRY_SECONDS", 0.05)
    stop = Event()
    proxy.cut_after, proxy.only, proxy.on_cut = 0, b"versions", proxy.go_away
    following = iter_pushed(lake, location_of(mirror), stop)
    lost = next(following)
    assert isinstance(lost, StoreError)
    assert "the connection is refused" in str(next(following))
    for name, value in environment(stores.url).items():
        monkeypatch.setenv(name, value)
    report = next(one for one in following if not isinstance(one, GexlakeError))
    assert report.publication == 1
    stop.set()
    assert list(following) == []


def test_no_secret_is_published_or_written_down(lake: Path, mirror: str, stores: ObjectServer) -> None:
    pushed(lake, mirror)
    assert not [path for path in lake.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    store = place(mirror)
    for one in store.iter_stored("commits"):
        assert SECRET.encode() not in (store.read(one.key) or (b"", ""))[0]


def test_what_the_key_may_not_do_is_said(lake: Path, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(StoreError, match=r"lease.json: access is denied \(SignatureDoesNotMatch\)\."):
        pushed(lake, mirror)

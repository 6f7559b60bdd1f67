"""A lake in a folder that stands for a bucket: pushed, pulled, brought back, and whose it is."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gexlake.db.followers import oldest_retained
from gexlake.db.layout import LakeLayout
from gexlake.errors import DamagedSessionError, LakeError, LakeLockedError, LakeVersionError, StoreError, UsageError
from gexlake.models.location import location_of
from gexlake.models.mirror import LEASE, commit_key, list_key
from gexlake.services.asking.status import lake_status
from gexlake.services.publishing import push as push_module
from gexlake.services.publishing import sweep
from gexlake.services.publishing.lease import Lease, OwnerError
from gexlake.services.publishing.push import iter_pushed
from gexlake.services.publishing.restore import bring_back
from gexlake.services.publishing.sweep import collect_unnamed
from gexlake.services.publishing.transfers import StoppedError, iter_transferred
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.revise import forget_source, restore_import
from helpers.damage import flipped
from helpers.histories import MONDAY, TUESDAY, oversized_record, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, live_file, select
from helpers.mirrors import assert_equal_lakes, place, publications, pulled, pushed
from helpers.runner import Runner
from integration.mirror.conftest import Published


def import_day(runner: Runner, lake: Path, history: Path, **changes: object) -> None:
    """Monday again, with other records."""
    write_array(history / vendor_name(MONDAY), [record | changes for record in records_of(MONDAY)])
    assert runner.run_import(history, lake).status == 0


def test_what_is_pulled_is_the_lake(template: Published, work: Path) -> None:
    report = pulled(work / "copy", template.mirror)
    assert (report.sessions, report.publications) == (2, 1)
    assert_equal_lakes(template.lake, work / "copy")
    assert pulled(work / "copy", template.mirror).publications == 0


def test_files_of_the_same_disk_are_linked(template: Published, work: Path) -> None:
    pulled(work / "copy", template.mirror)
    copied, published = live_file(work / "copy", "strikes", MONDAY), live_file(template.lake, "strikes", MONDAY)
    assert copied.samefile(published)


def test_a_publication_names_every_file_with_size_and_checksum(template: Published) -> None:
    (published,) = publications(template.mirror)
    assert (published.number, published.before, published.whole) == (1, 0, True)
    files = [file for change in published.changes for file in change.files]
    assert len(files) == 4
    for file in files:
        assert (template.mirror / file.key).stat().st_size == file.size
        assert (template.mirror / file.key).samefile(template.lake / file.key)
    assert [sorted(journal.tables) for journal in published.journals] == [
        ["changes", "imports", "lineage", "quarantine"]
    ]


def test_only_what_changed_is_carried(lake: Path, work: Path, runner: Runner, history: Path) -> None:
    pushed(lake, work / "mirror")
    pulled(work / "copy", work / "mirror")
    assert not pushed(lake, work / "mirror").changed
    import_day(runner, lake, history, spot=7.5)
    report = pushed(lake, work / "mirror")
    assert (report.sessions, report.imports, report.files) == (1, 1, 6)
    assert pulled(work / "copy", work / "mirror").files == 6
    assert_equal_lakes(lake, work / "copy")


def test_a_session_that_is_removed_goes_everywhere(lake: Path, work: Path, history: Path) -> None:
    pushed(lake, work / "mirror")
    pulled(work / "copy", work / "mirror")
    forget_source(lake, history / vendor_name(MONDAY))
    pushed(lake, work / "mirror")
    pulled(work / "copy", work / "mirror")
    assert select(work / "copy", "SELECT session_date::VARCHAR FROM sessions") == [(str(TUESDAY),)]
    assert_equal_lakes(lake, work / "copy")


def test_what_was_refused_comes_along(lake: Path, work: Path, runner: Runner) -> None:
    (work / "more").mkdir()
    (work / "more" / vendor_name(date := MONDAY)).write_bytes(oversized_record(date))
    runner.run_import(work / "more", lake)
    pushed(lake, work / "mirror")
    pulled(work / "copy", work / "mirror")
    ((name,),) = select(work / "copy", "SELECT raw_file FROM quarantine WHERE raw_file IS NOT NULL")
    assert (work / "copy" / name).read_bytes() == (lake / name).read_bytes()


def test_a_lake_is_brought_back_with_what_is_kept(lake: Path, work: Path, runner: Runner, history: Path) -> None:
    import_day(runner, lake, history, spot=7.5)
    pushed(lake, work / "mirror")
    back = work / "back"
    bring_back(back, location_of(str(work / "mirror")))
    assert rebuild_database(back).clean
    assert_equal_lakes(lake, back)
    ((import_id,),) = select(back, "SELECT import_id FROM imports ORDER BY started_at DESC LIMIT 1")
    restore_import(back, import_id)
    assert select(back, "SELECT count(*) FROM gex_snapshots WHERE spot = 7.5") == [(0,)]


def test_a_lake_that_is_brought_back_goes_on_as_the_owner_where_that_is_asked_for(lake: Path, work: Path) -> None:
    pushed(lake, work / "mirror")
    bring_back(work / "back", location_of(str(work / "mirror")))
    rebuild_database(work / "back")
    with pytest.raises(OwnerError, match="is the mirror of another lake"):
        pushed(work / "back", work / "mirror")
    assert pushed(work / "back", work / "mirror", take_over=True).publication == 2
    with pytest.raises(OwnerError, match="publication 2 there was not made by"):
        pushed(lake, work / "mirror")
    assert pushed(work / "back", work / "mirror").changed is False
    pulled(work / "copy", work / "mirror")
    assert_equal_lakes(work / "back", work / "copy")


# ---- one owner -------------------------------------------------------------------------------------------------------


def test_a_second_owner_is_told_who_holds_the_lease(lake: Path, work: Path) -> None:
    (work / "mirror").mkdir()
    other = Lease(place(work / "mirror"), "another")
    other.hold()
    with pytest.raises(OwnerError, match=r"is being written by another owner, process \d+ on "):
        pushed(lake, work / "mirror")
    other.release()
    assert pushed(lake, work / "mirror").changed


def test_a_lease_that_nobody_renews_is_taken(lake: Path, work: Path) -> None:
    (work / "mirror").mkdir()
    (work / "mirror" / LEASE).write_text(json.dumps({"owner": "another", "renewed_at": 0}))
    assert pushed(lake, work / "mirror").changed
    assert not (work / "mirror" / LEASE).exists(), "it is released at the end"


def test_of_two_owners_that_publish_at_once_one_loses_in_words(
    lake: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the lease of one expired while it was cut off."""
    store = place(work / "mirror")
    plain = push_module.Pusher._send

    def send_slowly(self: push_module.Pusher, *arguments: object, **options: object) -> int:
        sent = plain(self, *arguments, **options)  # type: ignore[arg-type]
        assert store.create(commit_key(1), b"{}")
        return sent

    monkeypatch.setattr(push_module.Pusher, "_send", send_slowly)
    with pytest.raises(OwnerError, match="publication 1 there was not made by"):
        pushed(lake, work / "mirror")


def test_an_answer_that_is_lost_is_no_other_owner(lake: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gexlake.bucket.folder_store import FolderStore

    create = FolderStore.create

    def create_twice(self: FolderStore, key: str, data: bytes) -> bool:
        create(self, key, data)
        return create(self, key, data)

    monkeypatch.setattr(FolderStore, "create", create_twice)
    assert pushed(lake, work / "mirror").publication == 1


def test_two_processes_do_not_push_one_lake(lake: Path, work: Path) -> None:
    stop = threading.Event()
    following = iter_pushed(lake, location_of(str(work / "mirror")), stop)
    next(following)
    with pytest.raises(LakeLockedError, match="Another process pushes the lake"):
        pushed(lake, work / "mirror")
    stop.set()
    assert list(following) == []
    assert not pushed(lake, work / "mirror").changed


def test_a_place_that_was_emptied_is_not_filled_without_being_asked(lake: Path, work: Path) -> None:
    pushed(lake, work / "mirror")
    shutil.rmtree(work / "mirror")
    with pytest.raises(StoreError, match=r"No such file or directory\. Is it mounted"):
        pushed(lake, work / "mirror")
    (work / "mirror").mkdir()
    with pytest.raises(StoreError, match="does not hold what was published in it, publication 1 and before"):
        pushed(lake, work / "mirror")
    assert pushed(lake, work / "mirror", take_over=True).publication == 1
    pulled(work / "copy", work / "mirror")
    assert_equal_lakes(lake, work / "copy")


# ---- what is wrong ---------------------------------------------------------------------------------------------------


def test_damage_is_not_carried_on(lake: Path, work: Path) -> None:
    file = live_file(lake, "strikes", MONDAY)
    damaged = flipped(file.read_bytes(), 700)
    file.unlink()
    file.write_bytes(damaged)
    with pytest.raises(DamagedSessionError):
        pushed(lake, work / "mirror")
    assert publications(work / "mirror") == []


def test_what_is_not_what_was_published_is_not_taken(lake: Path, work: Path) -> None:
    pushed(lake, work / "mirror")
    file = live_file(work / "mirror", "strikes", MONDAY)
    damaged = flipped(file.read_bytes(), 700)
    file.unlink()
    file.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"strikes-.*\.parquet in .* is not what was published"):
        pulled(work / "copy", work / "mirror")
    file.unlink()
    shutil.copyfile(live_file(lake, "strikes", MONDAY), file)
    pulled(work / "copy", work / "mirror")
    assert_equal_lakes(lake, work / "copy")


@pytest.mark.parametrize(
    ("document", "fault", "words"),
    [
        (b"{", StoreError, "is damaged, or not of a lake"),
        (b'{"format": 2}', LakeVersionError, "was written by a newer gexlake"),
    ],
)
def test_a_publication_that_cannot_be_read_is_said(
    template: Published, work: Path, document: bytes, fault: type[LakeError], words: str
) -> None:
    shutil.copytree(template.mirror, work / "mirror")
    (work / "mirror" / list_key(1)).write_bytes(document)
    with pytest.raises(fault, match=words):
        pulled(work / "copy", work / "mirror")


def test_a_lake_of_its_own_is_not_pulled_over(template: Published, lake: Path, work: Path) -> None:
    with pytest.raises(UsageError, match="is a lake of its own"):
        pulled(lake, template.mirror)
    pulled(work / "copy", template.mirror)
    with pytest.raises(UsageError, match=r"follows .*, not "):
        pulled(work / "copy", work)


def test_nothing_published_is_said(work: Path) -> None:
    with pytest.raises(StoreError, match="No lake is published in"):
        pulled(work / "copy", work)


def test_where_there_is_no_lake_none_is_begun(work: Path) -> None:
    with pytest.raises(LakeError, match="There is no lake at"):
        pushed(work / "lake", work / "mirror")
    assert list(work.iterdir()) == []


# ---- lists, and what goes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grown(template: Published, history: Path, runner: Runner, fast_disk: Path) -> Path:
    """A folder with a lake, a mirror with three publications and a list behind each, and a copy as of the first."""
    root = fast_disk / "grown"
    copy_lake(template.lake.parent, root)
    shutil.rmtree(root / "lake" / "mirrors")
    shutil.rmtree(root / "mirror")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(push_module, "LIST_EVERY", 1)
        pushed(root / "lake", root / "mirror")
        pulled(root / "copy", root / "mirror")
        for number in range(2):
            import_day(runner, root / "lake", history, spot=float(number + 1))
            pushed(root / "lake", root / "mirror")
    return root


def test_who_begins_reads_the_newest_list_and_what_came_after(grown: Path, work: Path) -> None:
    mirror = copy_lake(grown / "mirror", work / "mirror")
    for key in (commit_key(1), commit_key(2), list_key(1), list_key(3)):
        (mirror / key).unlink()
    assert pulled(work / "copy", mirror).publications == 2
    assert_equal_lakes(grown / "lake", work / "copy")


def test_who_was_away_for_too_long_begins_at_the_newest_list(grown: Path, work: Path) -> None:
    mirror = grown / "mirror"
    gone = [mirror / commit_key(number) for number in (1, 2)]
    for file in gone:
        file.rename(work / file.name)
    assert pulled(grown / "copy", mirror).publications == 1
    for file in gone:
        (work / file.name).rename(file)
    assert_equal_lakes(grown / "lake", grown / "copy")


def test_what_nothing_names_goes_after_a_time(grown: Path, work: Path) -> None:
    mirror = copy_lake(grown / "mirror", work / "mirror")
    store, layout = place(mirror), LakeLayout(grown / "lake")
    assert collect_unnamed(layout, store) == 0, "somebody may be reading"
    assert collect_unnamed(layout, store, grace=timedelta(0)) > 0
    left = {path.name for path in (mirror / "versions").rglob("*.parquet")}
    assert left < {path.name for path in (grown / "lake" / "versions").rglob("*.parquet")}
    assert [path.name for path in (mirror / "commits").iterdir()] == ["000000000003.json"]
    pulled(work / "copy", mirror)
    assert_equal_lakes(grown / "lake", work / "copy")


def test_it_is_looked_for_what_can_go_every_few_hours() -> None:
    assert sweep.is_due(None)
    assert sweep.is_due(datetime.now(UTC) - timedelta(hours=7))
    assert not sweep.is_due(datetime.now(UTC))


def test_the_files_that_a_mirror_is_about_to_name_are_retained(lake: Path, work: Path) -> None:
    report = pushed(lake, work / "mirror")
    assert oldest_retained(LakeLayout(lake)) == report.commit


def test_status_says_how_far_a_mirror_is_behind(lake: Path, work: Path, runner: Runner, history: Path) -> None:
    report = pushed(lake, work / "mirror")
    (mirror,) = lake_status(lake).mirrors
    assert (mirror.mirror, mirror.commit, mirror.commits_behind) == (str(work / "mirror"), report.commit, 0)
    import_day(runner, lake, history, spot=7.5)
    (mirror,) = lake_status(lake).mirrors
    assert (mirror.commits_behind, mirror.problem) == (1, "")


def test_a_replica_is_not_imported_into(template: Published, work: Path, runner: Runner, history: Path) -> None:
    pulled(work / "copy", template.mirror)
    outcome = runner.run_import(history, work / "copy", force=True)
    assert outcome.status == 1
    assert "is a replica: it follows a published one, and only reads" in outcome.err
    with pytest.raises(LakeError, match="is a replica"):
        pushed(work / "copy", work / "mirror")


def test_what_is_to_end_begins_nothing_more(lake: Path, work: Path) -> None:
    stop = threading.Event()
    done: list[int] = []

    def transfer(number: int) -> None:
        done.append(number)
        stop.set()

    with pytest.raises(StoppedError):
        list(iter_transferred(transfer, range(100), stop, at_once=1))
    assert done == [0]
    assert list(iter_pushed(lake, location_of(str(work / "mirror")), stop)) == []


def test_a_url_is_no_lake() -> None:
    with pytest.raises(LakeError, match="A lake is a directory of this machine, and s3:// is none"):
        lake_status(Path("s3://bucket/lake"))

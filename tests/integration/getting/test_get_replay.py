"""History from a server that speaks the vendor's language: all feeds, and what goes wrong on the way."""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

import gexlake
from gexlake.cli import app
from gexlake.models.feed import FEED_CATEGORIES
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.report import GetReport
from gexlake.services.getting.run import check_history, fetch_history
from gexlake.vendor.vendor_key import VendorKey
from helpers.getting import KEY, marks
from helpers.histories import MONDAY, TUESDAY
from helpers.replay import ReplayProcess, source_file

NOW = datetime(2025, 11, 12, 12, 0, tzinfo=ZoneInfo("America/New_York"))
TUESDAY_EVENING = datetime(2025, 11, 11, 18, 0, tzinfo=ZoneInfo("America/New_York"))

Get = Callable[..., GetReport]


@pytest.fixture
def order(work: Path, replay: ReplayProcess) -> Callable[..., GetOrder]:
    def order(**options: object) -> GetOrder:
        settings = {
            "tickers": ("NQ_NDX",),
            "directory": work / "history",
            "lake": work / "lake",
            "since": MONDAY,
            "base_url": f"{replay.url}/v2",
            "interval_seconds": 0.0,
            "patience_seconds": 0.0,
            "imports": False,
        }
        return GetOrder(**{**settings, **options})  # type: ignore[arg-type]

    return order


@pytest.fixture
def get(order: Callable[..., GetOrder]) -> Get:
    def get(*, key: str = KEY, now: datetime = NOW, **options: object) -> GetReport:
        return fetch_history(order(**options), VendorKey(key), now=now).finish()

    return get


def files(work: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(work / "history")): path.read_bytes()
        for path in sorted((work / "history").rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


# ---- what comes ------------------------------------------------------------------------------------------------------


def test_all_feeds_come_are_imported_and_are_what_the_vendor_has(get: Get, source_lake: Path, work: Path) -> None:
    report = get(imports=True)
    assert report.counts == {"fetched": 30}
    assert (report.files_fetched, report.complete, report.notes) == (30, True, [])
    assert report.imported is not None
    assert report.imported.totals.records_imported == 900
    (words,) = {re.sub(r":\d\d - ", ":… - ", one.words) for one in report.incomplete}
    assert words == "has 1 hole, 0.1% covered; the longest: 14:30:… - 21:00:00 UTC."
    assert len(report.incomplete) == 30
    status = CliRunner().invoke(app, ["status", "--lake", str(work / "lake")]).stdout
    assert re.search(r"last get +.* UTC, 30 files fetched, nothing missing", status), status
    query = "SELECT * EXCLUDE (import_id) FROM gex_snapshots ORDER BY ALL"
    ours, theirs = (gexlake.open(lake).sql(query) for lake in (work / "lake", source_lake))
    assert ours.equals(theirs)


def test_the_manifest_has_length_and_hash_of_every_file_and_no_signature(get: Get, work: Path) -> None:
    get(packages=("classic",))
    fetched = {mark["path"]: mark for mark in marks(work) if mark["event"] == "fetched"}
    found = files(work)
    assert fetched.keys() == found.keys()
    for path, body in found.items():
        assert (fetched[path]["size_bytes"], fetched[path]["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert fetched[path]["etag"]
    assert "sig=" not in (work / "history" / ".gexlake-get.jsonl").read_text()


def test_a_second_run_asks_for_nothing_and_changes_nothing(
    get: Get, order: Callable[..., GetOrder], work: Path, replay: ReplayProcess
) -> None:
    get(imports=True, packages=("classic",))
    before = files(work)
    replay.faults(refusals={"count": 1000, "status": 401})  # a request would stop it
    report = get(imports=True, packages=("classic",))
    assert (report.counts, report.files_fetched, report.imported) == ({"present": 6}, 0, None)
    assert files(work) == before
    assert check_history(order(packages=("classic",)), now=NOW).counts == {"present": 6}


def test_what_the_lake_has_is_not_fetched_though_its_files_are_gone(get: Get, work: Path) -> None:
    get(imports=True, packages=("classic",), until=MONDAY)
    for path in (work / "history").rglob("*.json.gz"):
        path.unlink()
    report = get(packages=("classic",))
    assert report.counts == {"present": 3, "fetched": 3}
    assert {name[:10] for name in (path.rsplit("/", 1)[1] for path in files(work))} == {str(TUESDAY)}


def test_files_that_somebody_else_put_there_count_and_are_imported(get: Get, source_lake: Path, work: Path) -> None:
    foreign = work / "history" / "older" / "x"
    foreign.mkdir(parents=True)
    name = f"{MONDAY}_NQ_NDX_classic_gex_zero.json"
    (foreign / name).write_bytes(source_file(source_lake, MONDAY, "classic", "gex_zero").read_bytes())
    report = get(imports=True, categories=("gex_zero",), packages=("classic",))
    assert report.counts == {"present": 1, "fetched": 1}
    assert report.imported is not None
    assert report.imported.totals.files == {"success": 2}


def test_a_file_that_was_cut_is_fetched_anew(get: Get, work: Path) -> None:
    get(categories=("gex_zero",), packages=("classic",))
    before = files(work)
    first, second = sorted((work / "history").rglob("*.json.gz"))
    first.write_bytes(first.read_bytes()[:-20])
    second.unlink()
    second.with_suffix("").write_text('[{"timestamp":1},')
    report = get(categories=("gex_zero",), packages=("classic",))
    assert report.counts == {"fetched": 2}
    assert files(work) == before


def test_what_the_import_found_to_be_cut_is_fetched_anew(get: Get, source_lake: Path, work: Path) -> None:
    foreign = work / "history" / "older"
    foreign.mkdir(parents=True)
    whole = source_file(source_lake, MONDAY, "classic", "gex_zero").read_bytes()
    (foreign / f"{MONDAY}_NQ_NDX_classic_gex_zero.json.gz").write_bytes(gzip.compress(whole)[:-200])
    options = {"categories": ("gex_zero",), "packages": ("classic",), "until": MONDAY, "imports": True}
    first = get(**options)
    assert first.counts == {"missing": 1}, "only the import sees that its end is missing"
    assert first.imported is not None
    assert not first.complete
    second = get(**options)
    assert (second.counts, second.complete) == ({"fetched": 1}, True)
    third = get(**options)
    assert (third.counts, third.complete, third.imported) == ({"present": 1}, True, None)
    assert gexlake.open(work / "lake").sql("SELECT count(*) FROM gex_snapshots").item() == 30


@pytest.mark.parametrize(("form", "suffix"), [("gzip", ".json.gz"), ("unmarked", ".json.gz"), ("plain", ".json")])
def test_a_file_is_named_by_what_it_is(
    get: Get, replay: ReplayProcess, source_lake: Path, form: str, suffix: str
) -> None:
    replay.faults(file_form=form)
    folder = Path(get(categories=("gex_zero",), packages=("classic",), until=MONDAY).directory)
    ((name, body),) = files(folder.parent).items()
    assert name == f"NQ_NDX/classic/gex_zero/{MONDAY}_NQ_NDX_classic_gex_zero{suffix}"
    text = body if form == "plain" else gzip.decompress(body)
    assert text == source_file(source_lake, MONDAY, "classic", "gex_zero").read_bytes()


# ---- what goes wrong -------------------------------------------------------------------------------------------------


def test_downloads_that_break_off_are_gone_on_with(get: Get, replay: ReplayProcess, work: Path) -> None:
    replay.faults(cut_downloads={"count": 3, "after_bytes": 300})
    report = get(categories=("gex_zero",), packages=("classic",), until=MONDAY)
    assert report.counts == {"fetched": 1}
    ((_, body),) = files(work).items()
    assert report.bytes_fetched == len(body), "no byte came twice"
    assert len(body) > 900


def test_an_url_that_has_run_out_is_asked_for_anew(get: Get, replay: ReplayProcess) -> None:
    replay.faults(expired_urls={"count": 2})
    assert get(categories=("gex_zero",), packages=("classic",)).counts == {"fetched": 2}


def test_a_refusal_that_passes_is_throttling(get: Get, replay: ReplayProcess, work: Path) -> None:
    replay.faults(refusals={"count": 2})
    report = get(categories=("gex_zero",), packages=("classic",), parallel=1)
    assert (report.counts, report.notes) == ({"fetched": 2}, [])
    assert {mark["event"] for mark in marks(work)} == {"pending", "fetched"}


def test_a_feed_that_is_refused_for_long_is_throttled_where_its_package_is_given(
    get: Get, replay: ReplayProcess
) -> None:
    replay.faults(refusals={"count": 3, "path": "gex_zero"})
    report = get(packages=("classic",), until=MONDAY, parallel=1)
    assert {(day.category, day.status.value) for day in report.days} == {
        ("gex_full", "fetched"),
        ("gex_zero", "throttled"),
        ("gex_one", "fetched"),
    }
    assert (report.complete, report.notes) == (False, [])
    assert get(packages=("classic",), until=MONDAY).counts == {"present": 2, "fetched": 1}


def test_a_package_of_which_all_is_refused_is_denied_and_that_is_said_once(
    get: Get, replay: ReplayProcess, order: Callable[..., GetOrder], work: Path
) -> None:
    replay.faults(refusals={"count": 100_000, "path": "/state/"})
    report = get()
    assert report.counts == {"fetched": 8, "denied": 22}
    assert report.complete, "what a plan does not have is no missing day"
    assert len(report.notes) == 1
    assert report.notes[0].startswith("The plan of this key does not have NQ_NDX/state")
    assert [mark["what"] for mark in marks(work) if mark["event"] == "denied"] == ["NQ_NDX/state"]
    replay.faults(refusals={"count": 1000, "status": 401})  # a request would stop it
    assert get().counts == {"present": 8, "denied": 22}
    assert check_history(order(), now=NOW).complete
    replay.faults()
    assert get(again=True).counts == {"present": 8, "fetched": 22}


def test_a_package_of_one_feed_is_not_denied_where_another_package_is_given(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 3, "path": "/orderflow/"})
    report = get(packages=("orderflow",), until=MONDAY)
    assert (report.counts, report.notes) == ({"throttled": 1}, [])
    assert get(packages=("orderflow",), until=MONDAY).counts == {"fetched": 1}


def test_a_limit_ends_the_run_and_the_next_one_goes_on(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 3, "status": 429, "after": 1})
    report = get(packages=("classic",), parallel=1)
    assert report.counts == {"fetched": 1, "throttled": 1, "missing": 4}
    assert report.limited
    assert report.notes[0].startswith("The vendor limits requests: 429")
    assert report.notes[0].endswith("The allowance of the day, or of the month, may be spent.")
    assert report.notes[1] == "4 more were not asked for. Run the same command again later."
    assert not report.complete
    assert get(packages=("classic",)).counts == {"present": 1, "fetched": 5}


def test_a_service_in_trouble_is_tried_again(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 4, "status": 503})
    assert get(categories=("gex_zero",), packages=("classic",), parallel=1).counts == {"fetched": 2}


def test_where_nothing_comes_the_run_ends_before_it_has_tried_everything(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 100_000, "status": 500})
    report = get(parallel=1)
    assert report.counts == {"failed": 5, "missing": 25}
    assert report.notes[0].startswith("5 sessions one after the other did not come: The vendor is in trouble: 500")
    replay.faults()
    assert get().counts == {"fetched": 30}


def test_a_key_that_is_not_taken_stops_everything(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 100_000, "status": 401})
    with pytest.raises(gexlake.VendorError, match="does not take the key: 401"):
        get()


def test_a_session_that_the_vendor_lacks_is_no_file(get: Get, order: Callable[..., GetOrder]) -> None:
    friday = date(2025, 11, 7)
    report = get(packages=("classic",), since=friday, until=friday)
    assert report.counts == {"no_file": 3}
    assert {(day.is_open, day.reason) for day in report.days} == {(False, "The vendor has no file for that day.")}
    assert report.complete, "it was asked long after the session"
    assert report.notes == ["The vendor has no file of NQ_NDX for any of these days. Is the ticker right?"]


# ---- the report of a day ---------------------------------------------------------------------------------------------


def test_the_report_comes_first_and_single_files_for_the_rest(get: Get, work: Path) -> None:
    report = get(eod=True, imports=True)
    assert report.counts == {"fetched": 30}
    assert [(one.session_date, one.status.value) for one in report.eod] == [(TUESDAY, "fetched")]
    names = list(files(work))
    assert len(names) == 16
    path = f"NQ_NDX/eod_report_NQ_NDX_{TUESDAY}.zip"
    assert path in names
    assert all(str(MONDAY) in name for name in names if name != path)
    assert report.imported is not None
    assert report.imported.totals.records_imported == 900
    (mark,) = (mark for mark in marks(work) if mark["what"] == f"NQ_NDX/eod/{TUESDAY}")
    assert (mark["event"], mark["path"]) == ("fetched", path)
    assert mark["sha256"] == hashlib.sha256(files(work)[path]).hexdigest()
    again = get(eod=True, imports=True)
    assert (again.counts, again.eod, again.files_fetched) == ({"present": 30}, [], 0)


@pytest.fixture
def strict(source_lake: Path) -> Iterator[ReplayProcess]:
    replay = ReplayProcess(source_lake, "--date", "2025-11-10", "--date", "2025-11-11", "--start-at", "end", "--strict")
    yield replay
    replay.end()


def test_the_lowest_plan_gets_its_feeds_by_the_report(get: Get, strict: ReplayProcess, work: Path) -> None:
    report = get(eod=True, key="gexbot_custom_x-classic", base_url=f"{strict.url}/v2", since=TUESDAY, imports=True)
    by_package = {(day.package, day.status.value) for day in report.days}
    assert by_package == {("classic", "fetched"), ("state", "denied"), ("orderflow", "denied")}
    assert (report.complete, len(report.notes)) == (True, 2)
    ((_, body),) = files(work).items()
    with zipfile.ZipFile(next((work / "history").rglob("*.zip"))) as archive:
        assert len(archive.namelist()) == len(FEED_CATEGORIES["classic"])
    assert report.bytes_fetched == len(body)


def test_a_report_that_is_still_the_one_before_is_kept_and_the_day_stays_missing(
    get: Get, replay: ReplayProcess, work: Path
) -> None:
    replay.control("pause")
    replay.control("seek", to=str(TUESDAY))
    try:
        report = get(eod=True, now=TUESDAY_EVENING, packages=("classic",))
        assert [(one.session_date, one.status.value, one.reason) for one in report.eod] == [
            (MONDAY, "fetched", f"The vendor still gives the report of {MONDAY}.")
        ]
        assert report.counts == {"fetched": 3, "missing": 3}
        assert not report.complete
        again = get(eod=True, now=TUESDAY_EVENING, packages=("classic",))
        assert [(one.session_date, one.status.value) for one in again.eod] == [(TUESDAY, "no_file")]
        assert again.bytes_fetched == 0
    finally:
        replay.control("resume")
    replay.control("seek", to="end")
    assert get(eod=True, now=TUESDAY_EVENING, packages=("classic",)).counts == {"present": 3, "fetched": 3}


def test_a_report_that_breaks_off_or_is_refused_is_tried_again(get: Get, replay: ReplayProcess) -> None:
    replay.faults(cut_downloads={"count": 2, "after_bytes": 300}, refusals={"count": 1, "path": "/eod/"})
    report = get(eod=True, since=TUESDAY)
    assert [one.status.value for one in report.eod] == ["fetched"]
    assert report.counts == {"fetched": 15}


def test_single_files_come_though_the_report_does_not(get: Get, replay: ReplayProcess) -> None:
    replay.faults(refusals={"count": 1000, "path": "/eod/"})
    report = get(eod=True, since=TUESDAY, packages=("classic",))
    assert [(one.status.value, one.path) for one in report.eod] == [("throttled", None)]
    assert report.counts == {"fetched": 3}

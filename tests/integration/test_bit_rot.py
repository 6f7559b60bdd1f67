"""A bit that flips on the disk is never answered from: it is named, refused, and made good where its sources are."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from starlette.testclient import TestClient

import gexlake
from gexlake.api.app import create_app
from gexlake.db.commit import commit_groups
from gexlake.db.layout import LakeLayout
from gexlake.db.published import check_published
from gexlake.errors import DamagedSessionError, LakeError
from gexlake.importers.seal import BrokenSealError, check_file, checksum_of
from gexlake.models.feed import Feed, SessionKey
from gexlake.models.import_order import ImportOptions
from gexlake.models.verify_report import VerifyReport
from gexlake.services.asking.status import lake_status
from gexlake.services.importing import commits
from gexlake.services.importing.import_history import import_history
from gexlake.services.statements.query import run_query
from gexlake.services.upkeep.rebuild import rebuild_database
from gexlake.services.upkeep.repair import repair_lake
from gexlake.services.upkeep.verify import verify_lake
from gexlake.settings import Settings
from helpers.damage import flip
from helpers.histories import FEED, MONDAY, TUESDAY, oversized_record, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, lake_content, live_file, tree
from helpers.service import LOCAL

FLIPS_SERVED = 5
FLIPS_OF_AN_OLD_LAKE = 40
FLIPS_VERIFIED = 18
MONDAY_SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), MONDAY)
SESSION = f"NQ_NDX/classic/gex_zero/{MONDAY}"
RANGE = {"symbol": FEED.ticker, "package": FEED.package, "category": FEED.category}
DAY = {**RANGE, "start": f"{MONDAY}T00:00:00Z", "end": f"{MONDAY}T23:59:59Z"}
STRIKES = "SELECT * FROM gex_strikes ORDER BY ALL"
ROUTES: dict[str, Callable[[TestClient], Any]] = {
    "strikes exported": lambda client: client.get("/export/strikes", params={**RANGE, "format": "csv"}),
    "snapshots exported": lambda client: client.get("/export/snapshots", params={**RANGE, "format": "csv"}),
    "one strike": lambda client: client.get("/gex/strikes", params={**DAY, "strike": 25400}),
    "bars": lambda client: client.get("/gex/bars", params=DAY),
    "heatmap": lambda client: client.get("/gex/heatmap", params=DAY),
    "a table": lambda client: client.get("/gex", params={**DAY, "format": "csv"}),
    "a page": lambda client: client.get("/gex", params=DAY),
    "a snapshot": lambda client: client.get("/gex/at", params={**RANGE, "timestamp": f"{MONDAY}T23:00:00Z"}),
    "a picture": lambda client: client.get("/view/session", params={**RANGE, "date": str(MONDAY)}),
    "SQL": lambda client: client.post("/sql", json={"statement": STRIKES}),
}


@pytest.fixture(scope="module")
def template(fast_disk: Path) -> Path:
    """A history and its lake: two sessions, a refused record and an oversized one."""
    root = fast_disk / "rot"
    write_array(root / "history" / vendor_name(MONDAY), [*records_of(MONDAY, 20), {"timestamp": 1}])
    write_array(root / "history" / vendor_name(TUESDAY), records_of(TUESDAY, 20))
    (root / "history" / "giant").mkdir()
    (root / "history" / "giant" / vendor_name(TUESDAY)).write_bytes(oversized_record(TUESDAY))
    import_history([root / "history"], root / "lake")
    return root


@pytest.fixture
def history(template: Path) -> Path:
    return template / "history"


@pytest.fixture
def lake(template: Path, work: Path) -> Path:
    return copy_lake(template / "lake", work / "lake")


def file_of(lake: Path, dataset: str, day: date = MONDAY) -> Path:
    return live_file(lake, dataset, day)


def serve(lake: Path) -> TestClient:
    return TestClient(create_app(Settings(lake=lake, rate_limit="", access_log=False)), base_url=LOCAL)


def codes(report: VerifyReport) -> set[str]:
    return {finding.code.value for finding in report.findings}


# ---- every byte ------------------------------------------------------------------------------------------------------


def test_every_byte_of_every_parquet_file_is_covered_by_its_seal(template: Path, work: Path) -> None:
    tried = 0
    for file in (template / "lake").rglob("*.parquet"):
        data = file.read_bytes()
        assert check_file(file) == checksum_of(file)
        copy = work / "copy.parquet"
        shutil.copyfile(file, copy)
        with copy.open("r+b", buffering=0) as target:
            for at in range(len(data)):
                target.seek(at)
                target.write(bytes([data[at] ^ 1 << at % 8]))
                with pytest.raises(BrokenSealError):
                    check_file(copy)
                target.seek(at)
                target.write(data[at : at + 1])
                tried += 1
    assert tried > 20_000


def test_file_that_was_cut_or_grew_is_not_sound(template: Path, work: Path) -> None:
    data = file_of(template / "lake", "strikes").read_bytes()
    copy = work / "copy.parquet"
    for changed in (*(data[:end] for end in range(0, len(data), 97)), data + b"\0", data + data, b"PAR1", b""):
        copy.write_bytes(changed)
        with pytest.raises(BrokenSealError):
            check_file(copy)


def test_verify_names_the_file_of_a_flipped_bit_and_ends_well(template: Path, lake: Path) -> None:
    chance = random.Random(20251110)
    files = sorted(
        path for top in ("versions", "imports", "quarantine") for path in (lake / top).rglob("*") if path.is_file()
    )
    assert len(files) == 9
    for number in range(FLIPS_VERIFIED):
        file = files[number % len(files)]
        whole = file.read_bytes()
        anywhere = number // len(files) % 2  # in turn with the end, where the footer of a Parquet file is
        at = chance.randrange(len(whole)) if anywhere else len(whole) - 1 - chance.randrange(min(len(whole), 1500))
        flip(file, at, chance.randrange(8))
        report = verify_lake(lake, read_sources=False)
        assert any(str(file) in finding.message for finding in report.findings), (file, at, report.findings)
        file.write_bytes(whole)
    assert verify_lake(lake, read_sources=False).clean


def test_verify_and_rebuild_survive_any_flip_in_the_database(lake: Path) -> None:
    chance = random.Random(20251111)
    database = lake / "gexlake.duckdb"
    whole = database.read_bytes()
    for _ in range(20):
        flip(database, chance.randrange(len(whole)), chance.randrange(8))
        try:
            verify_lake(lake, read_sources=False)  # a byte that is in no use is no difference
        except LakeError as error:
            assert "gexlake.duckdb" in str(error)  # noqa: PT017 either is right
        database.write_bytes(whole)


# ---- serving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["strikes", "snapshots"])
def test_no_route_answers_with_other_values(lake: Path, dataset: str) -> None:
    chance = random.Random(7)
    file = file_of(lake, dataset)
    whole = file.read_bytes()
    refused: set[str] = set()
    with serve(lake) as client:
        right = {what: ask(client) for what, ask in ROUTES.items()}
        assert {answer.status_code for answer in right.values()} == {200}
        for _ in range(FLIPS_SERVED):
            flip(file, chance.randrange(len(whole)), chance.randrange(8))
            for what, ask in ROUTES.items():
                answer = ask(client)
                if answer.status_code == 200:
                    assert answer.content == right[what].content, what
                else:
                    assert answer.status_code == 503, (what, answer.text)
                    assert answer.json()["error"] == "session_damaged", (what, answer.text)
                    assert SESSION in answer.json()["message"]
                    assert "verify --repair" in answer.json()["message"]
                    refused.add(what)
            file.write_bytes(whole)
        assert {what: ask(client).content for what, ask in ROUTES.items()} == {
            what: answer.content for what, answer in right.items()
        }
    resting = {"strikes": {"strikes exported", "one strike", "heatmap", "a page", "a snapshot", "a picture", "SQL"}}
    assert refused >= resting.get(dataset, {"snapshots exported", "bars", "a table"})


def test_status_and_readiness_name_what_is_damaged_until_it_is_not(lake: Path, history: Path) -> None:
    file = file_of(lake, "strikes")
    flip(file, 500)
    with serve(lake) as client:
        assert client.get("/ready").json()["warnings"] == []
        assert client.get("/export/strikes", params=RANGE).status_code == 503
        ready = client.get("/ready")
        assert ready.status_code == 200
        assert ready.json()["warnings"] == ["1 session is damaged and not answered from: see `gexlake status`."]
        (damaged,) = lake_status(lake).damaged
        assert (damaged.session, "strikes-" in damaged.problem) == (SESSION, True)
        assert client.get("/export/snapshots", params=RANGE).status_code == 200  # it does not rest on that file
    repair_lake(lake, verify_lake(lake, read_sources=False))
    assert lake_status(lake).damaged == []


def test_frames_of_python_name_the_session_and_the_repair(lake: Path) -> None:
    flip(file_of(lake, "strikes"), 500)
    door = gexlake.open(lake)
    with pytest.raises(DamagedSessionError, match=rf"{SESSION} is damaged.*verify --repair"):
        door.strikes(FEED.ticker)
    assert door.strikes(FEED.ticker, start=TUESDAY).height == 180
    assert door.snapshots(FEED.ticker).height == 40
    with pytest.raises(DamagedSessionError):
        run_query(lake, STRIKES)
    rows = run_query(lake, f"SELECT count(*) AS n FROM gex_strikes WHERE session_date = '{TUESDAY}'")
    assert rows["n"].to_list() == [180]  # other sessions are answered


@pytest.mark.parametrize("dataset", ["strikes", "snapshots"])
def test_file_that_is_lost_is_no_shorter_answer(lake: Path, dataset: str) -> None:
    for file in lake.rglob(f"{dataset}/*/*/*/session_date={MONDAY}/*.parquet"):
        file.unlink()
    with pytest.raises(DamagedSessionError, match=SESSION):
        getattr(gexlake.open(lake), dataset)(FEED.ticker)
    assert [one.session for one in lake_status(lake).damaged] == [SESSION]
    with serve(lake) as client:
        for what in (f"{dataset} exported", "a picture"):
            assert ROUTES[what](client).status_code == 503, what
        # Single snapshots and pages rest on the file of ladders alone.
        assert ROUTES["a snapshot"](client).status_code == (503 if dataset == "strikes" else 200)


def test_import_does_not_carry_damage_into_a_new_version(lake: Path, work: Path) -> None:
    flip(file_of(lake, "strikes"), 700)
    before = {path: path.read_bytes() for path in (lake / "gex").rglob("*.parquet")}
    write_array(work / "more" / vendor_name(MONDAY), records_of(MONDAY, 5, skip=40))
    with pytest.raises(LakeError, match="damaged"):
        import_history([work / "more"], lake)
    assert {path: path.read_bytes() for path in (lake / "gex").rglob("*.parquet")} == before


def test_damaged_work_that_was_staged_is_not_committed(history: Path, work: Path) -> None:
    def damage_and_commit(connection: Any, layout: LakeLayout, groups: Any) -> Any:
        taken = list(groups)
        flip(taken[0][0].directory / "strikes.parquet", 300)
        return commit_groups(connection, layout, taken)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commits, "commit_groups", damage_and_commit)
        with pytest.raises(LakeError, match="is damaged"):
            import_history([history], work / "lake")
    import_history([history], work / "lake")
    assert verify_lake(work / "lake", read_sources=False).clean


# ---- repair ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "harm",
    [
        lambda lake: flip(file_of(lake, "strikes"), 700),
        lambda lake: flip(file_of(lake, "snapshots"), 700),
        lambda lake: (flip(file_of(lake, "snapshots"), -20), flip(file_of(lake, "strikes"), -20)),
        lambda lake: [file.unlink() for file in lake.rglob(f"strikes/*/*/*/session_date={MONDAY}/*.parquet")],
        lambda lake: (file_of(lake, "strikes").unlink(), file_of(lake, "snapshots").write_bytes(b"")),
    ],
    ids=["strikes", "snapshots", "both footers", "lost", "nothing left"],
)
def test_repair_stages_a_session_anew_from_its_sources(
    template: Path, lake: Path, harm: Callable[[Path], object]
) -> None:
    harm(lake)
    report = verify_lake(lake, read_sources=False)
    assert not report.clean
    (repair,) = repair_lake(lake, report)
    assert (repair.session, repair.repaired) == (SESSION, True), repair.message
    assert verify_lake(lake).clean
    mended, undisturbed = lake_content(lake), lake_content(template / "lake")
    for name in ("gex_snapshots", "snapshots.parquet", "strikes.parquet", "sessions"):
        assert mended[name] == undisturbed[name], name


@pytest.mark.parametrize("lost", ["version", "shown"])
def test_repair_gives_a_file_the_name_that_it_has_lost_without_its_source(lake: Path, history: Path, lost: str) -> None:
    version, shown = file_of(lake, "strikes"), LakeLayout(lake).dataset_file("gex", "strikes", MONDAY_SESSION)
    (version if lost == "version" else shown).unlink()
    source = history / vendor_name(MONDAY)
    away = source.rename(source.with_suffix(".away"))
    try:
        (repair,) = repair_lake(lake, verify_lake(lake, read_sources=False))
    finally:
        away.rename(source)
    assert (repair.session, repair.repaired, "names again" in repair.message) == (SESSION, True, True)
    assert version.samefile(shown)
    assert verify_lake(lake, read_sources=False).clean


def test_repair_says_what_it_cannot_do_and_why(template: Path, lake: Path, history: Path) -> None:
    source = history / vendor_name(MONDAY)
    whole = source.read_bytes()
    flip(file_of(lake, "strikes"), 700)
    changes: list[tuple[Callable[[], object], str]] = [
        (source.unlink, "is not there any more"),
        (lambda: source.write_bytes(whole[:2000]), "has changed since"),
    ]
    try:
        for change, words in changes:
            change()
            before = tree(lake / "gex")
            (repair,) = repair_lake(lake, verify_lake(lake, read_sources=False))
            assert (repair.session, repair.repaired) == (SESSION, False)
            assert words in repair.message
            assert tree(lake / "gex") == before
    finally:
        source.write_bytes(whole)


def test_repair_writes_rows_and_journals_again(lake: Path) -> None:
    with duckdb.connect(str(lake / "gexlake.duckdb")) as connection:
        connection.execute(f"UPDATE gex_snapshots SET spot = spot + 1 WHERE session_date = '{MONDAY}'")
        connection.execute(f"DELETE FROM gex_snapshots WHERE session_date = '{TUESDAY}' AND epoch(timestamp) % 2 = 0")
    for table in ("lineage", "quarantine"):
        (journal,) = (lake / "imports").glob(f"*/{table}.parquet")
        flip(journal, 128, 7)
    report = verify_lake(lake, read_sources=False)
    assert codes(report) == {"database_values", "database_rows", "journal"}
    assert all(repair.repaired for repair in repair_lake(lake, report))
    assert verify_lake(lake, read_sources=False).clean


# ---- lakes from before there were seals ------------------------------------------------------------------------------


@pytest.fixture
def old_lake(lake: Path) -> Iterator[Path]:
    """The lake as an older gexlake made it: no file has a seal, and the database no checksums of files."""
    for path in lake.rglob("*.parquet"):
        texts = pl.read_parquet_metadata(path)
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame.write_parquet(path, metadata={"gexlake": texts["gexlake"]} if "gexlake" in texts else None)
    with duckdb.connect(str(lake / "gexlake.duckdb")) as connection:
        for place in (lake / "gex" / "snapshots").rglob("session_date=*"):
            day = place.name.partition("=")[2]
            size = sum(file_of(lake, name, date.fromisoformat(day)).stat().st_size for name in ("snapshots", "strikes"))
            connection.execute(
                "UPDATE sessions SET file_checksums = NULL, parquet_bytes = ? WHERE session_date = ?", [size, day]
            )
    return lake


def test_old_lake_is_answered_from_and_held_to_the_checksum_of_its_content(old_lake: Path, template: Path) -> None:
    assert check_file(file_of(old_lake, "strikes")) is None
    assert verify_lake(old_lake, read_sources=False).clean
    right = gexlake.open(template / "lake").strikes(FEED.ticker)
    assert gexlake.open(old_lake).strikes(FEED.ticker).equals(right)
    chance = random.Random(3)
    file = file_of(old_lake, "strikes")
    whole = file.read_bytes()
    refused = 0
    for _ in range(FLIPS_OF_AN_OLD_LAKE):
        flip(file, chance.randrange(len(whole)), chance.randrange(8))
        try:
            assert gexlake.open(old_lake).strikes(FEED.ticker).equals(right)
        except DamagedSessionError:
            refused += 1
        file.write_bytes(whole)
    assert refused > FLIPS_OF_AN_OLD_LAKE / 4


@pytest.mark.parametrize("how", ["repair", "rebuild", "commit"])
def test_old_lake_gets_checksums(old_lake: Path, history: Path, how: str) -> None:
    if how == "repair":
        repair_lake(old_lake, verify_lake(old_lake, read_sources=False))
    elif how == "rebuild":
        assert rebuild_database(old_lake).clean
    else:
        import_history([history], old_lake, ImportOptions(force=True))
    assert verify_lake(old_lake, read_sources=False).clean
    file = file_of(old_lake, "snapshots")
    # The text of a footer, which the checksum of the content does not cover.
    flip(file, file.read_bytes().rindex(b"gexlake_version"), 1)
    assert codes(verify_lake(old_lake, read_sources=False)) <= {"parquet_bytes"}
    assert not verify_lake(old_lake, read_sources=False).clean


def test_rebuild_names_a_damaged_file_and_keeps_the_snapshots(lake: Path) -> None:
    flip(file_of(lake, "strikes"), 700)
    flip(file_of(lake, "snapshots", TUESDAY), 700)
    report = rebuild_database(lake)
    assert {finding.code.value for finding in report.findings} == {"parquet_bytes"}
    assert report.sessions == 1
    assert codes(verify_lake(lake, read_sources=False)) >= {"parquet_bytes"}


def test_repair_beside_a_server(lake: Path) -> None:
    """Every call that needs the database has a form that a server understands, under a name that it knows."""
    from gexlake.api.routes import calls  # importing it makes the calls known
    from gexlake.services.owner import served

    assert calls.SERVED
    for name in ("rewrite_rows", "rewrite_journals", "load_sources", "name_again", "stored_checksum"):
        call = served._calls[name]
        assert call.parameters is not None
        assert call.result is not None


def test_word_of_damage_makes_no_lake_where_one_was(lake: Path) -> None:
    """A disk that was unmounted is no damage, and a folder in its place would be taken for an empty lake."""
    file = file_of(lake, "strikes")
    lake.rename(lake.with_name("gone"))
    with pytest.raises(LakeError):
        check_published([file])
    assert not lake.exists()

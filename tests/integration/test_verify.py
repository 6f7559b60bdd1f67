"""Verify names every difference between sources, database and Parquet, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from gexlake.errors import LakeError
from gexlake.importers.parquet import write_parquet
from gexlake.models.record_types import GEX
from gexlake.models.verify_report import SessionProgress, VerifyReport
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.damage import flip
from helpers.histories import MONDAY, TUESDAY, edit, oversized_record, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, live_file, tree
from helpers.runner import Runner

WEDNESDAY = date(2025, 11, 12)
Harm = Callable[[Path], object]


@pytest.fixture(scope="module")
def template(fast_disk: Path) -> Path:
    """A folder with a history and its lake: three sessions, refused records, duplicates, a later addition."""
    root = fast_disk / "verify"
    history, lake = root / "history", root / "lake"
    write_array(history / vendor_name(MONDAY), records_of(MONDAY))
    write_array(history / "b" / vendor_name(MONDAY), records_of(MONDAY, 20, skip=30))
    write_array(history / vendor_name(TUESDAY), [*records_of(TUESDAY), {"timestamp": 1}])
    import_history([history], lake)
    write_array(history / vendor_name(WEDNESDAY), records_of(WEDNESDAY))
    (history / "giant").mkdir()
    (history / "giant" / vendor_name(TUESDAY)).write_bytes(oversized_record(TUESDAY))
    import_history([history], lake)
    return root


@pytest.fixture
def root(template: Path, work: Path) -> Path:
    """A copy of it, but for the sources, which stay where they were."""
    copy_lake(template / "lake", work / "lake")
    return work


def sql(statement: str) -> Harm:
    def harm(lake: Path) -> None:
        with duckdb.connect(str(lake / "gexlake.duckdb")) as connection:
            connection.execute(statement)

    return harm


forget_checksums = sql("UPDATE sessions SET file_checksums = NULL")
"""As an older gexlake left them."""


def parquet(lake: Path, dataset: str = "snapshots", day: date = MONDAY) -> Path:
    return live_file(lake, dataset, day)


def shown(lake: Path, dataset: str = "snapshots", day: date = MONDAY) -> Path:
    (path,) = (lake / "gex" / dataset).rglob(f"session_date={day}/{dataset}.parquet")
    return path


def replaced(path: Path) -> Path:
    """The same file under its name, as a file of its own."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def rewrite(dataset: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Harm:
    """Change rows and keep the footer, as no tool does by accident, in a lake from before files had seals."""

    def harm(lake: Path) -> None:
        path = parquet(lake, dataset)
        footer = pl.read_parquet_metadata(path)["gexlake"]
        frame = change(pl.read_parquet(path, hive_partitioning=False))
        frame.write_parquet(path, metadata={"gexlake": footer})
        forget_checksums(lake)

    return harm


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def reseal(path: Path) -> None:
    """Other values under a seal that fits them: only the database knows."""
    footer = pl.read_parquet_metadata(path)["gexlake"]
    frame = pl.read_parquet(path, hive_partitioning=False).with_columns(pl.col("gex_oi") + 1)
    write_parquet(frame.lazy(), path, texts={"gexlake": footer})


def first_journal(lake: Path, table: str) -> Path:
    return min((lake / "imports").glob(f"*/{table}.parquet"))


MONDAY_ROWS = f"session_date = '{MONDAY}'"
HARM: dict[str, tuple[Harm, set[str]]] = {
    "a snapshot lost in the database": (
        sql(f"DELETE FROM gex_snapshots WHERE {MONDAY_ROWS} AND epoch(timestamp) % 20 = 0"),
        {"database_rows"},
    ),
    "a snapshot twice in the database": (
        sql(f"INSERT INTO gex_snapshots FROM gex_snapshots WHERE {MONDAY_ROWS} LIMIT 1"),
        {"database_rows"},
    ),
    "a timestamp moved in the database": (
        sql(
            "UPDATE gex_snapshots SET timestamp = timestamp + INTERVAL 1 MICROSECOND "
            "WHERE timestamp = (SELECT max(timestamp) FROM gex_snapshots)"
        ),
        {"database_rows"},
    ),
    "a value changed in the database": (
        sql(f"UPDATE gex_snapshots SET zero_gamma = zero_gamma + 1e-9 WHERE {MONDAY_ROWS}"),
        {"database_values"},
    ),
    "only the sign of a zero changed": (
        sql(
            "CREATE TEMP TABLE t AS SELECT * REPLACE (if(zero_gamma = 0, -(0::DOUBLE), zero_gamma) AS zero_gamma) "
            "FROM gex_snapshots; DELETE FROM gex_snapshots; INSERT INTO gex_snapshots FROM t"
        ),
        {"database_values"},
    ),
    "max_priors changed in the database": (
        sql(f"UPDATE gex_snapshots SET max_priors = max_priors[:5] WHERE {MONDAY_ROWS}"),
        {"database_values"},
    ),
    "an import id changed in the database": (
        sql(f"UPDATE gex_snapshots SET import_id = 'other' WHERE {MONDAY_ROWS}"),
        {"database_values"},
    ),
    "a session row gone": (
        sql(f"DELETE FROM sessions WHERE {MONDAY_ROWS}"),
        {"database_orphans", "stray_file"},
    ),
    "a session row changed": (
        sql(f"UPDATE sessions SET gaps = gaps + 1, source_bytes = 0 WHERE {MONDAY_ROWS}"),
        {"database_session"},
    ),
    "a session of another version": (
        sql(f"UPDATE sessions SET version = 'other' WHERE {MONDAY_ROWS}"),
        {"parquet_missing"},
    ),
    "a key in two sessions": (
        sql(
            "INSERT INTO gex_snapshots SELECT * REPLACE (DATE '2025-11-11' AS session_date) FROM gex_snapshots "
            f"WHERE {MONDAY_ROWS} LIMIT 1; "
            f"UPDATE sessions SET first_timestamp = (SELECT first_timestamp FROM sessions WHERE {MONDAY_ROWS}) "
            "WHERE session_date = '2025-11-11'"
        ),
        {"key_twice", "database_rows", "database_session"},
    ),
    "lineage that does not add up": (
        sql("UPDATE lineage SET records_seen = records_seen + 1 WHERE records_duplicate > 0"),
        {"lineage_unbalanced", "lineage_import", "journal"},
    ),
    "lineage that claims too much": (
        sql(
            f"UPDATE lineage SET records_seen = 41, records_imported = 41 WHERE records_imported = 40 AND {MONDAY_ROWS}"
        ),
        {"lineage_imported", "lineage_import", "journal"},
    ),
    "lineage gone": (
        sql(f"DELETE FROM lineage WHERE {MONDAY_ROWS}"),
        {"lineage_missing", "lineage_import", "journal"},
    ),
    "an import gone": (
        sql("DELETE FROM imports WHERE started_at = (SELECT min(started_at) FROM imports)"),
        {"lineage_import", "stray_file"},
    ),
    "a quarantined record gone": (
        sql("DELETE FROM quarantine WHERE raw_file IS NULL"),
        {"quarantine_count", "journal"},
    ),
    "the file of an oversized record gone": (
        lambda lake: next((lake / "quarantine").iterdir()).unlink(),
        {"quarantine_file"},
    ),
    "snapshots.parquet gone": (lambda lake: parquet(lake).unlink(), {"parquet_missing"}),
    "strikes.parquet gone": (lambda lake: parquet(lake, "strikes").unlink(), {"parquet_missing"}),
    "snapshots.parquet cut short": (lambda lake: cut(parquet(lake)), {"parquet_bytes"}),
    "strikes.parquet cut short": (lambda lake: cut(parquet(lake, "strikes")), {"parquet_bytes"}),
    "a byte of strikes.parquet flipped": (
        lambda lake: flip(parquet(lake, "strikes"), 700),
        {"parquet_bytes"},
    ),
    "a whole file with a seal of its own in the place of another": (
        lambda lake: reseal(parquet(lake, "strikes")),
        {"parquet_bytes"},
    ),
    "a file of another session": (
        lambda lake: shutil.copyfile(parquet(lake, day=TUESDAY), parquet(lake)),
        {"parquet_damaged", "database_rows"},
    ),
    "a strike changed in Parquet": (
        rewrite("strikes", lambda frame: frame.with_columns(pl.col("gex_oi") + 1)),
        {"parquet_checksum", "database_session"},
    ),
    "a ladder lost in Parquet": (
        rewrite("strikes", lambda frame: frame.tail(-9)),
        {"parquet_rows", "parquet_keys", "database_session"},
    ),
    "ladders in another order": (
        rewrite("strikes", lambda frame: frame.reverse()),
        {"parquet_keys", "database_session"},
    ),
    "a row of snapshots lost in Parquet": (
        rewrite("snapshots", lambda frame: frame.tail(-1)),
        {"parquet_rows", "parquet_keys", "database_rows", "database_session"},
    ),
    "a column lost in Parquet": (
        rewrite("strikes", lambda frame: frame.drop("prior_5")),
        {"parquet_damaged", "database_session"},
    ),
    "a journal gone": (lambda lake: first_journal(lake, "lineage").unlink(), {"journal"}),
    "a journal damaged": (lambda lake: cut(first_journal(lake, "quarantine")), {"journal"}),
    "a stray file in the tree": (
        lambda lake: shutil.copyfile(parquet(lake), shown(lake).with_name("part-0.parquet")),
        {"stray_file"},
    ),
    "a version that nothing refers to": (
        lambda lake: shutil.copyfile(parquet(lake), parquet(lake).with_name("snapshots-other.parquet")),
        {"stray_file"},
    ),
    "a name for globs gone": (lambda lake: shown(lake).unlink(), {"parquet_name"}),
    "a name for globs that leads elsewhere": (
        lambda lake: shutil.copyfile(shown(lake, day=TUESDAY), replaced(shown(lake))),
        {"parquet_name"},
    ),
    "a copy under a name for globs damaged": (
        lambda lake: flip(replaced(shown(lake, "strikes")), 700),
        {"parquet_name"},
    ),
    "a file beside the database": (lambda lake: (lake / "gexlake.duckdb.old").touch(), {"stray_file"}),
    "work left in staging": (
        lambda lake: (lake / "staging" / "20251110T000000-0" / "0").mkdir(parents=True),
        {"staging_left"},
    ),
    "an import that ended without a word": (
        sql("UPDATE imports SET status = 'running'"),
        {"staging_left"},
    ),
}


def codes(report: VerifyReport) -> set[str]:
    return {finding.code.value for finding in report.findings}


def test_sound_lake_has_no_findings_and_nothing_is_written(root: Path) -> None:
    before = tree(root)
    report = verify_lake(root / "lake")
    assert (report.findings, report.notes, report.clean) == ([], [], True)
    assert (report.sessions, report.snapshots, report.strike_rows) == (3, 130, 1170)
    assert (report.sources_read, report.sources_missing) == (4, 0)
    assert tree(root) == before


@pytest.mark.parametrize("what", HARM)
def test_harm_is_named(root: Path, what: str) -> None:
    harm, expected = HARM[what]
    harm(root / "lake")
    before = tree(root)
    report = verify_lake(root / "lake", read_sources=False)
    found = codes(report)
    assert found == expected, report.findings
    assert all(finding.message for finding in report.findings)
    assert report.counts == {code: sum(f.code == code for f in report.findings) for code in found}
    assert tree(root) == before


def test_only_wanted_sessions_are_looked_at(root: Path) -> None:
    parquet(root / "lake", day=TUESDAY).unlink()
    lake = root / "lake"
    assert codes(verify_lake(lake, since=WEDNESDAY)) == set()
    assert codes(verify_lake(lake, tickers=["SPX"])) == set()
    assert codes(verify_lake(lake, until=TUESDAY, categories=["zero"])) == {"parquet_missing"}


def test_progress_ends_at_the_total(root: Path) -> None:
    seen: list[tuple[int, int]] = []

    def note(progress: SessionProgress) -> None:
        seen.append((progress.sessions_done, progress.bytes_done))

    verify_lake(root / "lake", on_progress=note)
    assert seen[-1][0] == 3
    assert seen == sorted(seen)


def test_workers_come_to_the_same(template: Path, root: Path, runner: Runner) -> None:
    flip(parquet(root / "lake", "strikes"), 700)
    inline = verify_lake(root / "lake")
    outcome = runner.start("verify", root / "lake", faults={"inline_bytes": 0}, options={"workers": 2}).wait()
    apart = VerifyReport.model_validate_json(outcome.out)
    assert (apart.findings, apart.notes, apart.counts) == (inline.findings, inline.notes, inline.counts)


def test_no_lake(work: Path) -> None:
    with pytest.raises(LakeError, match="There is no lake"):
        verify_lake(work / "lake")
    assert not (work / "lake").exists()


# ---- against the sources -------------------------------------------------------------------------------------------


@pytest.fixture
def own(work: Path) -> Path:
    """A lake whose sources may be changed."""
    write_array(work / "history" / vendor_name(MONDAY), records_of(MONDAY))
    write_array(work / "history" / "b" / vendor_name(MONDAY), records_of(MONDAY, 20, skip=30))
    import_history([work / "history"], work / "lake")
    return work


def test_source_that_has_changed_is_named(own: Path) -> None:
    edit(own / "history" / vendor_name(MONDAY), lambda records: records[0].update(spot=1.5))
    report = verify_lake(own / "lake")
    (finding,) = report.findings
    assert finding.code == "source_changed"
    assert (
        finding.message == f"{own / 'history' / vendor_name(MONDAY)} has changed since it was imported; import it again"
    )
    assert verify_lake(own / "lake", read_sources=False).clean


def test_source_that_is_gone_is_a_note_and_the_others_are_still_read(own: Path) -> None:
    (own / "history" / vendor_name(MONDAY)).unlink()
    report = verify_lake(own / "lake")
    assert (report.findings, [note.code for note in report.notes]) == ([], ["source_missing"])
    assert (report.sources_read, report.sources_missing) == (1, 1)


def forge(lake: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """A lake that agrees with itself and not with its sources: changed rows under a checksum that fits them."""
    import json

    from gexlake.importers.snapshots import check
    from gexlake.importers.snapshots.writing.runs import from_runs

    path = parquet(lake)
    footer = json.loads(pl.read_parquet_metadata(path)["gexlake"])
    frame = change(pl.read_parquet(path, hive_partitioning=False))
    strikes = pl.scan_parquet(parquet(lake, "strikes"), hive_partitioning=False)
    footer["checksum"] = check._checksum(GEX, frame, strikes, from_runs(footer["strikes_per_snapshot"]))
    frame.write_parquet(path, metadata={"gexlake": json.dumps(footer)})
    size = path.stat().st_size + parquet(lake, "strikes").stat().st_size
    names = "timestamp, min_dte, sec_min_dte, spot, zero_gamma, major_pos_vol, major_pos_oi, major_neg_vol, "
    names += "major_neg_oi, sum_gex_vol, sum_gex_oi, delta_risk_reversal, max_priors, extra, import_id"
    forget_checksums(lake)
    sql(
        f"UPDATE sessions SET checksum = '{footer['checksum']}', parquet_bytes = {size}; DELETE FROM gex_snapshots; "
        f"INSERT INTO gex_snapshots BY NAME SELECT {names}, 'NQ_NDX' AS ticker, 'classic' AS package, "
        f"'gex_zero' AS category, DATE '{MONDAY}' AS session_date "
        f"FROM read_parquet('{path}', hive_partitioning = false)"
    )(lake)


def test_lake_that_agrees_with_itself_but_not_with_its_sources(own: Path) -> None:
    forge(own / "lake", lambda frame: frame.with_columns(spot=pl.col("spot") + (pl.col("spot").rank("ordinal") <= 3)))
    assert verify_lake(own / "lake", read_sources=False).clean
    report = verify_lake(own / "lake")
    assert codes(report) == {"source_content"}
    assert any("holds other values for" in finding.message for finding in report.findings)
    (own / "history" / "b" / vendor_name(MONDAY)).unlink()
    assert codes(verify_lake(own / "lake")) == {"source_content"}

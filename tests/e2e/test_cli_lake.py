"""Commands that read a lake: exact output, exit status, and one JSON document on stdout."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.lakes import live_files

Run = Callable[..., Any]


def settled(text: str) -> str:
    """The text with what differs from run to run replaced."""
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "NOW", text)
    return re.sub(r" +[\d.]+ [kM]?B", " SIZE", text)


def test_status_as_a_table(run: Run, lake: Path, history: Path) -> None:
    done = run("status", "--lake", lake)
    assert (done.status, done.err) == (0, "")
    assert (
        settled(done.out)
        == f"""\
Lake {lake}: 2 feeds, 4 sessions, 238 snapshots, 2,142 strike rows
  size SIZE of sources as SIZE of Parquet and SIZE of database
  last import  ID, partial, NOW (1 import)
  quarantine   2 records: see `gexlake quarantine`
  synthetic    not real history: {history}

feed                     sessions  from        to          snapshots  strike rows  parquet   days    time  gaps
NQ_NDX/classic/gex_zero         3  2025-11-24  2025-11-28        178        1,602 SIZE   75 %  0.21 %     3
SPX/state/gex_full              1  2025-11-24  2025-11-24         60          540 SIZE  100 %  0.25 %     1
"""
    )


def test_status_of_an_empty_lake(run: Run, empty_lake: Path) -> None:
    assert run("status", "--lake", empty_lake).lines[0] == f"Lake {empty_lake}: no session yet"


def test_status_as_json(run: Run, lake: Path) -> None:
    document = run("status", "--lake", lake, "--output", "json").json
    assert document["feeds"][0]["first_session"] == "2025-11-24"
    assert document["last_import"]["started_at"].endswith("+00:00")


def test_gaps_as_a_table(run: Run, lake: Path) -> None:
    done = run("gaps", "--lake", lake)
    assert (done.status, done.err) == (0, "")
    assert (
        done.out
        == """\
feed                     range                    sessions  missing  empty  gaps         lost  coverage
NQ_NDX/classic/gex_zero  2025-11-24 – 2025-11-28    3 of 4        1      0     3  16 h 26 min    0.21 %
SPX/state/gex_full       2025-11-24                 1 of 1        0      0     1   6 h 29 min    0.25 %

date        feed                     finding      detail
2025-11-24  NQ_NDX/classic/gex_zero  hole         14:31:00 – 21:00:00 UTC, 6 h 29 min
2025-11-25  NQ_NDX/classic/gex_zero  missing      a trading day of which the lake has nothing
2025-11-26  NQ_NDX/classic/gex_zero  hole         14:31:00 – 21:00:00 UTC, 6 h 29 min
2025-11-28  NQ_NDX/classic/gex_zero  early close  at 13:00 New York; no fault
2025-11-28  NQ_NDX/classic/gex_zero  hole         14:31:01 – 18:00:00 UTC, 3 h 28 min
2025-11-24  SPX/state/gex_full       hole         14:31:00 – 21:00:00 UTC, 6 h 29 min
"""
    )


def test_gaps_strict_is_for_cron(run: Run, lake: Path, empty_lake: Path) -> None:
    assert run("gaps", "--strict", "--lake", lake).status == 1
    assert run("gaps", "--strict", "--lake", empty_lake).status == 0
    assert run("gaps", "--lake", empty_lake).out == "The lake holds no session yet.\n"


def test_gaps_as_json(run: Run, lake: Path) -> None:
    done = run("gaps", "--ticker", "nq_ndx", "--until", "2025-11-25", "--lake", lake, "-o", "json", "--strict")
    assert done.status == 1
    (feed,) = done.json["feeds"]
    assert not done.json["complete"]
    assert (feed["until"], feed["sessions_missing"]) == ("2025-11-25", 1)
    assert [day["status"] for day in feed["days"]] == ["holes", "missing"]


def test_many_findings_are_cut_unless_asked_for(run: Run, lake: Path) -> None:
    arguments = ["gaps", "--ticker", "SPX", "--since", "2025-08-01", "--lake", lake]
    short, whole = run(*arguments), run(*arguments, "-v")
    assert short.out.count("a trading day of which") == 40
    assert short.err == f"{whole.out.count('a trading day of which') + 1 - 40} more findings: all with --verbose.\n"
    assert whole.err == ""


def test_lineage(run: Run, lake: Path, history: Path) -> None:
    done = run("lineage", "--status", "partial", "--lake", lake)
    file = history / "2025-11-26_NQ_NDX_classic_gex_zero.json"
    pad = " " * (len(str(file)) - 4)
    assert settled(done.out) == (
        f"import                    status   seen  imported  duplicate  quarantined  file{pad}  findings\n"
        f"ID  partial    60        58          0            2  {file}  "
        "spot_invalid 1, strikes_missing 1, opening_unpopulated 1\n"
    )
    (record,) = run("lineage", "--status", "partial", "--lake", lake, "-o", "json").json
    assert record["errors"] == {"spot_invalid": 1, "strikes_missing": 1}
    assert record["warnings"] == {"opening_unpopulated": 1}


def test_quarantine(run: Run, lake: Path, history: Path) -> None:
    done = run("quarantine", "--reason", "spot_invalid", "--lake", lake)
    header, row = done.lines
    assert header.split() == ["file", "record", "byte", "reason", "message", "text"]
    assert row.startswith(f"{history / '2025-11-26_NQ_NDX_classic_gex_zero.json'}       3  ")
    assert re.search(r'spot_invalid  spot is 0  \{"timestamp":\d+,"ticker":"NQ_NDX".*…$', row)
    records = run("quarantine", "--lake", lake, "-o", "json").json
    assert [record["reason"] for record in records] == ["spot_invalid", "strikes_missing"]
    assert json.loads(records[0]["raw"])["spot"] == 0


def test_nothing_to_list(run: Run, lake: Path) -> None:
    done = run("quarantine", "--ticker", "SPX", "--lake", lake)
    assert (done.status, done.err) == (0, "There is nothing to show.\n")
    assert run("quarantine", "--ticker", "SPX", "--lake", lake, "-o", "json").out == "[]\n"


def test_a_cut_listing_says_so(run: Run, lake: Path) -> None:
    assert run("lineage", "--limit", "2", "--lake", lake).err == "These are the first 2 rows; --limit shows more.\n"


STATEMENT = """
    SELECT timestamp, spot, sum(1) OVER () AS n, max_priors[1:1] AS priors, 'a,"b' AS text, NULL AS nothing,
    true AS flag FROM gex_snapshots WHERE ticker = 'SPX' ORDER BY timestamp LIMIT 1
"""


@pytest.mark.parametrize(
    ("output", "pattern"),
    [
        (
            "table",
            r"timestamp +spot +n +priors +text +nothing +flag\n"
            r'2025-11-24T14:30:01\+00:00 +[\d.]+ +60 +\[\{"strike": [\d.]+, "change": -?[\d.]+\}\] +a,"b +NULL +true\n',
        ),
        (
            "json",
            r'\[\n\{"timestamp": "2025-11-24T14:30:01\+00:00", "spot": [\d.]+, "n": 60, "priors": '
            r'\[\{"strike": [\d.]+, "change": -?[\d.]+\}\], "text": "a,\\"b", "nothing": null, "flag": true\}\n\]\n',
        ),
        (
            "csv",
            r"timestamp,spot,n,priors,text,nothing,flag\n"
            r"2025-11-24T14:30:01\.000000\+00:00,[\d.]+,60,"
            r'"\[\{""strike"": [\d.]+, ""change"": -?[\d.]+\}\]","a,""b",,true\n',
        ),
    ],
)
def test_query_in_each_form(run: Run, lake: Path, output: str, pattern: str) -> None:
    done = run("query", STATEMENT, "--output", output, "--lake", lake)
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(pattern, done.out), done.out


def test_query_gives_times_of_a_place_as_csv_without_an_offset(run: Run, lake: Path) -> None:
    statement = (
        "SELECT timestamp AT TIME ZONE 'America/New_York' AS new_york, timestamp FROM gex_snapshots ORDER BY 1 LIMIT 1"
    )
    done = run("query", "-", "--lake", lake, "-o", "csv", stdin=statement)
    assert (done.status, done.err) == (0, "")
    assert done.out == "new_york,timestamp\n2025-11-24T09:30:01.000000,2025-11-24T14:30:01.000000+00:00\n"


def test_a_statement_from_the_field_gives_csv_without_an_offset(run: Run, tmp_path: Path) -> None:
    case = Path(__file__).parent.parent / "examples" / "field" / "csv_local_time"
    assert run("import", case, "--lake", tmp_path / "lake").status == 0
    done = run("query", "-", "--lake", tmp_path / "lake", "-o", "csv", stdin=(case / "statement.sql").read_text())
    assert (done.status, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert head == "new_york,spot"
    assert len(rows) == 8
    assert all(re.fullmatch(r"2025-11-10T09:3\d:\d\d\.\d{6},[\d.]+", row) for row in rows)


def test_query_from_stdin(run: Run, lake: Path) -> None:
    assert run("query", "-", "--lake", lake, "-o", "csv", stdin="SELECT 1 AS one").out == "one\n1\n"


def test_query_tables_are_bounded(run: Run, lake: Path) -> None:
    done = run("query", "FROM range(1000)", "--lake", lake)
    assert len(done.lines) == 1 + 100
    assert done.err == "These are the first 100 rows; --limit shows more.\n"
    assert len(run("query", "FROM range(1000)", "--lake", lake, "--limit", "1000").lines) == 1 + 1000
    assert len(run("query", "FROM range(1000)", "--lake", lake, "-o", "csv").lines) == 1 + 1000


def test_query_without_rows(run: Run, lake: Path) -> None:
    statement = "SELECT ticker FROM sessions WHERE false"
    outputs = {form: run("query", statement, "-o", form, "--lake", lake).out for form in ("table", "json", "csv")}
    assert outputs == {"table": "ticker\n", "json": "[]\n", "csv": "ticker\n"}


def test_query_that_is_wrong(run: Run, lake: Path) -> None:
    done = run("query", "SELECT x FROM nowhere", "--lake", lake)
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "Error: Catalog Error: Table with name nowhere does not exist!\n"
        "The tables are changes, commits, gex_snapshots, gex_strikes, greeks_contracts, greeks_snapshots, imports, "
        "lake_info, lineage, orderflow_snapshots, quarantine, sessions.\n"
    )


def test_verify_and_rebuild(run: Run, lake: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(lake, tmp_path / "lake")
    done = run("verify", "--lake", copy)
    assert done.status == 0
    assert done.lines[0].startswith(f"Verified {copy}: no difference, in ")
    (copy / "gexlake.duckdb").unlink()
    rebuilt = run("rebuild", "--lake", copy, "-o", "json").json
    assert (rebuilt["clean"], rebuilt["snapshots"], rebuilt["quarantined_records"]) == (True, 238, 2)
    live_files(copy, dataset="strikes")[0].unlink()
    broken = run("verify", "--lake", copy, "--no-sources", "-o", "json")
    assert (broken.status, broken.json["clean"]) == (1, False)
    assert "parquet_missing" in broken.json["counts"]
    assert "\nparquet_missing " in run("verify", "--lake", copy, "--no-sources").out


def test_version(run: Run) -> None:
    from gexlake import __version__

    assert run("--version").out == f"gexlake {__version__}\n"
    assert run("version", "-o", "json").json["gexlake"] == __version__
    assert run("version").lines[1].split() == ["gexlake", __version__]

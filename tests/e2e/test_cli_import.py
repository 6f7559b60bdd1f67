"""`gexlake sample`, `scan` and `import`: from nothing to a lake, with the reports on the way."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gexlake.models.report import ImportReport

Run = Callable[..., Any]
DAMAGED = "2025-11-26_NQ_NDX_classic_gex_zero.json"


def settled(text: str) -> str:
    """The text with what differs from run to run replaced."""
    text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "ID", text)
    text = re.sub(r"\d+(\.\d+)? s\b", "N s", text)
    return re.sub(r"[\d.]+ [kM]?B( read|/s)", r"N B\1", text)


def test_report_as_a_table(run: Run, history: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    done = run("import", history, "--lake", lake)
    assert done.status == 1  # the error rate
    reasons = "spot_invalid 1, strikes_missing 1"
    assert (
        settled(done.out)
        == f"""\
Import ID: partial in N s
  lake        {lake}
  synthetic   not real history: {history}
  files       3 success, 1 partial, 1 ignored
  size        N B read, N B/s
  records     240 seen = 238 imported + 0 duplicate + 2 quarantined
  stored      4 sessions written, 2,142 strike rows
  error rate  0.834 % of the records, at most 0.1 % is accepted

status   file                                     imported  duplicate  quarantined  why
partial  2025-11-26_NQ_NDX_classic_gex_zero.json        58          0            2  {reasons}

error            times  meaning
spot_invalid         1  `spot` is not a positive finite number.
strikes_missing      1  `strikes` (greeks: `mini_contracts`) is absent or null.

warning              times  meaning
opening_unpopulated      3  `zero_gamma` and the majors are all 0, as in the first record of a classic day.

The error rate is above its bound: the exit status is 1, though what is good is imported.
Refused records, each with its text:  gexlake quarantine --import ID --lake {lake}
What the lake holds now:  gexlake status --lake {lake}
"""
    )
    assert done.err == f"partial: {history / DAMAGED}: {reasons}\n"


def test_times_without_a_zone_are_named_with_the_option_that_says_theirs(run: Run, tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "examples" / "field" / "ts_naive"
    refused = run("import", folder, "--lake", tmp_path / "lake")
    assert refused.status == 1
    assert "--naive-zone" in refused.out
    assert "timestamp_without_zone     60" in refused.out
    taken = run("import", folder, "--lake", tmp_path / "other", "--naive-zone", "America/New_York")
    assert (taken.status, taken.err) == (0, "")
    assert "60 seen = 60 imported" in taken.out
    wrong = run("import", folder, "--lake", tmp_path / "other", "--naive-zone", "NYC")
    assert (wrong.status, wrong.out) == (2, "")
    assert "'NYC' is no time zone; write it as America/New_York or UTC." in " ".join(wrong.err.split())


@pytest.mark.parametrize(
    "address", ["host:8786", "dask://host", "dask://host:x", "spark://host:1", "dask://u:p@host:1"]
)
def test_address_that_no_cluster_has(run: Run, history: Path, tmp_path: Path, address: str) -> None:
    done = run("import", history, "--lake", tmp_path / "lake", "--cluster", address)
    assert (done.status, done.out) == (2, "")
    assert "The address of a cluster is dask://HOST:PORT" in done.err
    assert not (tmp_path / "lake").exists()


def test_workers_of_a_cluster_are_not_counted_here(run: Run, history: Path, tmp_path: Path) -> None:
    done = run("import", history, "--lake", tmp_path / "lake", "--cluster", "dask://host:8786", "--workers", "3")
    assert (done.status, done.out) == (2, "")
    assert "Leave out either --workers or --cluster." in done.err


def test_cluster_with_certificates_that_nobody_has_named(run: Run, history: Path, tmp_path: Path) -> None:
    done = run("import", history, "--lake", tmp_path / "lake", "--cluster", "tls://host:8786")
    assert (done.status, done.out) == (2, "")
    assert "No certificates are named for a cluster at tls://." in done.err


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_cluster_without_its_library_says_what_to_install(
    run: Run, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setitem(sys.modules, {"dask": "distributed"}.get(engine, engine), None)
    monkeypatch.delitem(sys.modules, f"gexlake.services.processes.{engine}_engine", raising=False)
    done = run("import", history, "--lake", tmp_path / "lake", "--cluster", f"{engine}://host:8786")
    assert (done.status, done.out) == (2, "")
    assert f"Install it: pip install 'gexlake[{engine}]'" in done.err


def test_report_as_json_is_the_model(run: Run, history: Path, tmp_path: Path) -> None:
    done = run("import", history, "--lake", tmp_path / "lake", "--output", "json", "-q", "--max-error-rate", "0.01")
    assert (done.status, done.err) == (0, "")
    report = ImportReport.model_validate(done.json)
    assert report.model_dump(mode="json") == done.json
    assert report.totals.files == {"success": 3, "partial": 1}
    assert (report.records_imported, report.totals.records_seen) == ({"gex": 238}, 240)
    assert report.error_rate == 2 / 240


def test_the_same_command_again_skips_what_is_there(run: Run, history: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run("import", history, "--lake", lake, "--ticker", "SPX")
    again = run("import", history, "--lake", lake, "--ticker", "SPX")
    assert again.status == 0
    assert "  files       1 skipped, 3 filtered out, 1 ignored\n" in again.out
    assert "\nstatus " not in again.out
    assert (
        "skipped  2025-11-24_SPX_state_gex_full.json"
        in run("import", history, "--lake", lake, "--ticker", "SPX", "-v").out
    )
    forced = run("import", history, "--lake", lake, "--ticker", "SPX", "--force", "-o", "json").json
    assert (forced["totals"]["files"], forced["totals"]["records_imported"]) == ({"success": 1}, 60)


def test_dry_run_says_the_same_and_writes_nothing(run: Run, history: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    done = run("import", history, "--lake", lake, "--dry-run")
    assert done.status == 1
    assert done.lines[0].startswith("Dry run, nothing written: partial in ")
    assert "  stored      4 sessions would be written, 2,142 strike rows" in done.lines
    assert done.lines[-1] == "Import it with the same command without --dry-run."
    assert not lake.exists()


def test_filters_that_leave_out_everything(run: Run, history: Path, tmp_path: Path) -> None:
    done = run("import", history, "--lake", tmp_path / "lake", "--until", "2020-01-01")
    assert done.status == 0
    assert "The filters leave out every file." in done.lines


def test_the_lake_can_be_named_by_the_environment(
    run: Run, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEXLAKE_LAKE", str(tmp_path / "lake"))
    assert run("import", history / "2025-11-24_SPX_state_gex_full.json").status == 0
    assert run("status", "-o", "json").json["snapshots"] == 60


def test_an_interrupted_import_names_what_is_left(
    run: Run, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gexlake.services.importing import import_history as service

    stage_sources = service.stage_sources

    def interrupted(task: Any, **options: Any) -> Any:
        if "11-26" in str(task.session):
            raise KeyboardInterrupt
        return stage_sources(task, **options)

    monkeypatch.setattr(service, "stage_sources", interrupted)
    lake = tmp_path / "lake"
    done = run("import", history, "--lake", lake, "--ticker", "NQ_NDX")
    assert done.status == 1
    assert ": interrupted in " in done.lines[0]
    assert "pending  2025-11-26_NQ_NDX_classic_gex_zero.json         –" in done.out
    assert "2 files not reached: run the same command again to import what is left." in done.lines
    monkeypatch.undo()
    rest = run("import", history, "--lake", lake, "--ticker", "NQ_NDX", "-o", "json").json
    assert rest["totals"]["files"] == {"skipped": 1, "partial": 1, "success": 1}


def test_scan_lists_files_and_refusals(run: Run, history: Path, tmp_path: Path) -> None:
    file = tmp_path / "2025-11-24_SPX_state_gex_full.json.gz"
    shutil.copy(history / "2025-11-24_SPX_state_gex_full.json", file)
    (tmp_path / "notes.txt").write_text("no JSON")
    done = run("scan", tmp_path)
    size = f"{file.stat().st_size / 1000:.1f} kB"
    assert done.status == 0
    assert done.out == (
        f"feed                date           size  compression  form   file\n"
        f"SPX/state/gex_full  2025-11-24  {size}  none         array  {file}\n"
        "\n"
        f"refused  file{' ' * (len(str(tmp_path / 'notes.txt')) - 4)}  why\n"
        f"not_gex  {tmp_path / 'notes.txt'}  It is not JSON: text, but not JSON.\n"
        "\n"
        f"1 file of 1 session, {size}; 0 filtered out, 1 refused, 0 ignored.\n"
    )


def test_scan_as_json(run: Run, history: Path) -> None:
    document = run("scan", history, "--ticker", "SPX", "-o", "json").json
    (file,) = document["files"]
    assert file == {
        "source_file": str(history / "2025-11-24_SPX_state_gex_full.json"),
        "record_type": "gex",
        "ticker": "SPX",
        "package": "state",
        "category": "gex_full",
        "session_date": "2025-11-24",
        "source_bytes": (history / "2025-11-24_SPX_state_gex_full.json").stat().st_size,
        "compression": "none",
        "form": "array",
    }
    assert (document["refused"], document["files_filtered"], document["files_ignored"]) == ([], 3, 1)


def test_scan_of_nothing_importable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no JSON")
    assert run("scan", tmp_path, "-o", "json").status == 1


def test_sample_is_reproducible_and_refuses_to_replace(run: Run, tmp_path: Path) -> None:
    options = ["--sessions", "1", "--snapshots", "5", "--strikes", "9", "--ticker", "SPX", "--start", "2025-11-28"]
    done = run("sample", tmp_path / "a", *options)
    assert (done.status, done.err) == (0, "")
    file = tmp_path / "a" / "2025-11-28_SPX_classic_gex_zero.json"
    size = f"{file.stat().st_size / 1000:.1f} kB"
    assert done.out == (
        f"Synthetic history in {tmp_path / 'a'}: 1 file, 5 records, {size}.\n"
        f"Import it:  gexlake import {tmp_path / 'a'}\n"
    )
    document = run("sample", tmp_path / "b", *options, "-o", "json").json
    assert document["synthetic"]
    assert document["files"][0]["expected"]["records_imported"] == 5
    assert (tmp_path / "b" / file.name).read_bytes() == file.read_bytes()
    again = run("sample", tmp_path / "a", *options)
    assert (again.status, again.out) == (1, "")
    assert again.err == (
        f"Error: {file} exists already.\n"
        "A sample never replaces a file: name another directory, or remove what is there.\n"
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--category", "gamma_zero"], ["state_gamma_zero"]),
        (["--package", "orderflow"], ["orderflow_orderflow"]),
        (
            ["--package", "state", "--category", "gex_one", "--category", "charm_one"],
            ["state_charm_one", "state_gex_one"],
        ),
    ],
)
def test_sample_of_other_record_types(run: Run, tmp_path: Path, options: list[str], names: list[str]) -> None:
    done = run("sample", tmp_path, "--sessions", "1", "--snapshots", "5", "--strikes", "9", *options)
    assert (done.status, done.err) == (0, "")
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [f"2025-11-10_NQ_NDX_{name}.json" for name in names]


def test_sample_of_a_complete_day(run: Run, tmp_path: Path) -> None:
    done = run("sample", tmp_path, "--sessions", "1", "--snapshots", "5", "--strikes", "9", "--all-categories")
    assert done.out.startswith(f"Synthetic history in {tmp_path}: 15 files, 75 records, ")


def test_the_older_script(history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import runpy

    script = Path(__file__).parents[2] / "import_data.py"
    source = str(history / "2025-11-24_SPX_state_gex_full.json")
    for flags in (["--dry-run"], ["--resume", "--verbose"]):
        monkeypatch.setattr("sys.argv", [str(script), "--source", source, "--lake", str(tmp_path / "lake"), *flags])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(script), run_name="__main__")
        assert caught.value.code == 0
        assert (tmp_path / "lake").exists() == ("--dry-run" not in flags)

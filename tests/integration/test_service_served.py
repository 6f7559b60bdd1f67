"""The command line and imports beside a running service: the same answers, the same lake."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx2
import pytest

import gexlake as gexlake_package
from e2e.test_serve_process import PATIENCE_SECONDS, Service
from gexlake.cli import command_line
from gexlake.services.owner.served import CALL_PATH, find_server
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, TUESDAY, edit, records_of, vendor_name, write_array, write_history
from helpers.lakes import lake_content
from helpers.pauses import paused_import
from helpers.programs import Program
from helpers.runner import Runner

COMMANDS = {
    "status": ["status"],
    "gaps": ["gaps"],
    "gaps of some": ["gaps", "--ticker", "NQ_NDX", "--since", "2025-11-24", "--until", "2025-11-26"],
    "lineage": ["lineage"],
    "lineage of some": ["lineage", "--status", "partial"],
    "quarantine": ["quarantine"],
    "query": ["query", "FROM sessions ORDER BY ALL"],
    "query of nested": [
        "query",
        "SELECT timestamp, max_priors, sum(min_dte) OVER () FROM gex_snapshots LIMIT 5",
    ],
    "query that fails": ["query", "SELECT nothing FROM sessions"],
    "query that writes": ["query", "DELETE FROM sessions"],
    "verify": ["verify"],
}


def gexlake(*words: str | Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return Program(words, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def timeless(text: str) -> str:
    """Without durations, and the size of the database, which grows while it is held."""
    text = re.sub(r"in [\d.]+ m?s\b", "in TIME", text)
    text = re.sub(r'"duration_seconds": [\d.]+', '"duration_seconds": TIME', text)
    text = re.sub(r'"database_bytes": \d+', '"database_bytes": SIZE', text)
    return re.sub(r"[\d.]+ .?B of database", "SIZE of database", text)


@pytest.fixture(scope="module")
def copied_lake(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(lake, tmp_path_factory.mktemp("served") / "data")


@pytest.fixture(scope="module")
def alone(copied_lake: Path) -> dict[tuple[str, str], tuple[int, str]]:
    """What each command says where no service runs."""
    return {
        (name, form): run_here(copied_lake, words, form)
        for name, words in COMMANDS.items()
        for form in ("table", "json")
    }


def run_here(lake: Path, words: list[str], form: str) -> tuple[int, str]:
    """Exit status and stdout of a command, run in this process: the service is another one."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):  # the fixtures of a module come before those that do so
            patch.delenv(name, raising=False)
        status = _run(words, lake, form, out)
    return status, timeless(out.getvalue())


def _run(words: list[str], lake: Path, form: str, out: io.StringIO) -> int:
    with redirect_stdout(out), redirect_stderr(io.StringIO()), pytest.raises(SystemExit) as ended:
        command_line()([*words, "--lake", str(lake), "--output", form], prog_name="gexlake")
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def served_lake(copied_lake: Path, alone: dict[tuple[str, str], tuple[int, str]]) -> Iterator[Path]:
    """The same lake, once all commands have answered without a service, with one."""
    service = Service("--lake", copied_lake, "--port", "0", access_log="false")
    try:
        service.url()
        assert find_server(copied_lake) is not None
        yield copied_lake
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        service.process.kill()


# ---- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_the_same_with_and_without_a_service(
    served_lake: Path, alone: dict[tuple[str, str], tuple[int, str]], name: str, form: str
) -> None:
    status, out = run_here(served_lake, COMMANDS[name], form)
    assert (status, out) == alone[name, form]
    assert (status == 0) == ("that" not in name)
    assert bool(out) == (status == 0)


# ---- calls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "Bearer x", "Bearer", "Basic x", "Bearer \xe9"])
def test_a_call_without_the_token_is_refused(served_lake: Path, authorization: str | None) -> None:
    address = find_server(served_lake)
    assert address is not None
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    response = httpx2.post(f"{address.url}{CALL_PATH}load_lake", json={}, headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "token_invalid")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("no_such_call", b"{}"),
        ("hand_over", b"{"),
        ("hand_over", b'{"plase": "x"}'),
        ("hand_over", b'{"names": "x"}'),
    ],
)
def test_a_call_that_is_none_is_refused(served_lake: Path, name: str, body: bytes) -> None:
    address = find_server(served_lake)
    assert address is not None
    response = httpx2.post(
        f"{address.url}{CALL_PATH}{name}", content=body, headers={"Authorization": f"Bearer {address.token}"}
    )
    assert (response.status_code, response.json()["error"]) == (400, "call_invalid")


def test_a_big_body_is_for_those_who_have_the_token(served_lake: Path) -> None:
    address = find_server(served_lake)
    assert address is not None
    body = json.dumps({"source": "x" * (3 << 20)}).encode()
    url, headers = f"{address.url}{CALL_PATH}list_lineage", {"Authorization": f"Bearer {address.token}"}
    assert httpx2.post(url, content=body, headers=headers).status_code == 200
    for other in (url, f"{address.url}/sql"):
        headers = {"Content-Type": "application/json"}
        assert httpx2.post(other, content=body, headers=headers).status_code in (401, 413)


def test_the_address_is_for_the_owner_of_the_lake_alone(served_lake: Path) -> None:
    assert (served_lake / "server.json").stat().st_mode & 0o777 == 0o600


def test_the_owner_gets_all_rows_beside_a_service_and_a_stranger_up_to_its_bound(served_lake: Path) -> None:
    many = "FROM range(150000)"
    status, out = run_here(served_lake, ["query", many], "csv")
    assert (status, out.count("\n")) == (0, 150_001)
    assert gexlake_package.open(served_lake).sql(many).height == 150_000
    address = find_server(served_lake)
    assert address is not None
    response = httpx2.post(f"{address.url}/sql", json={"statement": many})
    assert response.status_code == 400
    assert "more than 100,000 rows" in response.json()["message"]


# ---- importing -----------------------------------------------------------------------------------------------------


def report_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    status, out, err = outcome(process)
    assert status == 0, err
    report: dict[str, Any] = json.loads(out)
    for name in ("import_id", "started_at", "duration_seconds", "lake"):
        del report[name]
    return report


def test_imports_beside_the_service_and_through_it_give_the_lake_of_one_undisturbed_import(work: Path) -> None:
    """The long form: two command lines and HTTP, each in a loop over folders of real size, for an hour."""
    write_history(work / "history", sessions=6, snapshots=300)
    edit(work / "history" / vendor_name(TUESDAY), lambda records: records[3].update(spot=0))
    words = ["import", work / "history", "-o", "json", "--max-error-rate", "1", "--lake"]
    alone = report_of(gexlake(*words, work / "alone"))
    (work / "data").mkdir()
    service = Service("--lake", work / "data", "--port", "0", "--import-root", work, access_log="false")
    try:
        url = service.url()
        assert report_of(gexlake(*words, work / "data")) == alone
        shutil.rmtree(work / "history")
        write_history(work / "history", sessions=6, snapshots=400)
        imports = [gexlake(*words, work / "data") for _ in range(2)]
        order = {"source_path": str(work / "history")}
        document = httpx2.post(f"{url}/import?wait=true", json=order, timeout=PATIENCE_SECONDS).json()
        assert document["status"] == "success", document
        for process in imports:
            status, _, err = outcome(process)
            assert status == 0, err
        known = httpx2.get(f"{url}/imports").json()["imports"]
        assert {one["status"] for one in known} <= {"success", "partial"}
        assert len(known) == 4
        status, _, err = service.end(signal.SIGTERM)
        assert (status, "Traceback" in err) == (0, False), err
    finally:
        service.process.kill()
    assert outcome(gexlake("import", work / "history", "--lake", work / "undisturbed", "-q"))[0] == 0
    held, undisturbed = lake_content(work / "data"), lake_content(work / "undisturbed")
    for name in ("sessions", "gex_snapshots", "snapshots.parquet", "strikes.parquet"):
        assert held[name] == undisturbed[name], name
    assert outcome(gexlake("verify", "--lake", work / "data"))[0] == 0


@pytest.mark.parametrize("change", ["appears", "vanishes"])
def test_an_import_completes_whether_a_service_appears_or_vanishes_meanwhile(
    runner: Runner, work: Path, change: str
) -> None:
    write_array(work / "history" / vendor_name(MONDAY), records_of(MONDAY, 40))
    write_array(work / "first" / vendor_name(TUESDAY), records_of(TUESDAY, 40))
    assert runner.run_import(work / "first", work / "data").status == 0
    services = [Service("--lake", work / "data", "--port", "0")] if change == "vanishes" else []
    try:
        for service in services:
            service.url()
        with paused_import(runner, work / "history", work / "data") as paused:
            if change == "vanishes":
                assert services[0].end(signal.SIGTERM)[0] == 0
            else:
                services.append(Service("--lake", work / "data", "--port", "0"))
                services[0].url()
            done = paused.resume()
        assert done.status == 0, done.err
        assert done.report["records_imported"] == {"gex": 40}
        if change == "appears":
            assert services[0].end(signal.SIGTERM)[0] == 0
    finally:
        for service in services:
            service.process.kill()
    assert len(lake_content(work / "data")["sessions"]) == 2
    assert verify_lake(work / "data").findings == []

"""`gexlake get` as a process: killed, stopped, twice at once, and with a key that nobody sees."""

from __future__ import annotations

import gzip
import hashlib
import json
import resource
import signal
from datetime import date
from pathlib import Path

import pytest

from gexlake.vendor.trouble import GOOD_PART_BYTES
from helpers.getting import (
    KEY,
    SECRET,
    SIGNATURE,
    Got,
    Vendor,
    body_of,
    fetched_bytes,
    history_file,
    marks,
    only,
    part_file,
    recent_days,
)
from helpers.processes import until
from helpers.programs import cold
from helpers.vendor_stub import Gate, Reply, Seen, refused, stored


@pytest.fixture(scope="module")
def days() -> list[date]:
    return recent_days(2)


@pytest.fixture(scope="module")
def day(days: list[date]) -> date:
    return days[-1]


# ---- what stops it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_in_the_middle_of_a_body_is_gone_on_with(
    vendor: Vendor, work: Path, day: date, number: signal.Signals
) -> None:
    gate = Gate()
    body = body_of(day)
    half = len(body) // 2
    vendor.has(day, stored(body, gate=gate, gate_after=half), stored(body))
    got = Got(work, *only(day), url=vendor.url)
    gate.wait_until_reached()
    until(lambda: fetched_bytes(work, day) >= half)
    got.process.send_signal(number)
    status, out, err = got.end()
    gate.open.set()
    assert (status, out) == ((-signal.SIGKILL, "") if number is signal.SIGKILL else (1, ""))
    assert err == ("" if number is signal.SIGKILL else "Error: Interrupted.\n")
    assert [mark["event"] for mark in marks(work)] == ["pending"]
    status, out, _ = Got(work, *only(day), "-o", "json", url=vendor.url).end()
    report = json.loads(out)
    assert (status, report["counts"], report["bytes_fetched"]) == (0, {"fetched": 1}, len(body) - half)
    assert [seen.headers["Range"] for seen in vendor.store.seen] == [None, f"bytes={half}-"]
    assert history_file(work, day).read_bytes() == body
    assert not part_file(work, day).exists()
    assert report["imported"]["totals"]["records_imported"] == 40


def test_a_run_that_was_killed_before_the_rename_needs_no_byte_more(vendor: Vendor, work: Path, day: date) -> None:
    body = vendor.has(day)
    assert Got(work, *only(day), "--no-import", url=vendor.url).end()[0] == 0
    history_file(work, day).rename(part_file(work, day))  # as it stands between the line of the manifest and the rename
    status, out, _ = Got(work, *only(day), "--no-import", "-o", "json", url=vendor.url).end()
    assert (status, json.loads(out)["bytes_fetched"]) == (0, 0)
    assert history_file(work, day).read_bytes() == body


def test_two_runs_at_once_fetch_everything_once(vendor: Vendor, work: Path, days: list[date]) -> None:
    gate = Gate()
    first, second = days
    bodies = {first: vendor.has(first, stored(body_of(first), gate=gate, gate_after=10)), second: vendor.has(second)}
    options = [*only(first, until=second), "-o", "json"]
    one = Got(work, *options, "--parallel", "1", url=vendor.url)
    gate.wait_until_reached()
    other = Got(work, *options, "--parallel", "2", url=vendor.url)
    until(lambda: len(vendor.store.seen) == 2)  # the other waits for the first day, and fetches the second meanwhile
    gate.open.set()
    reports = []
    for got in (one, other):
        status, out, err = got.end()
        assert status == 0, err  # a slow machine is told how far it is
        reports.append(json.loads(out))
    assert sorted(vendor.store.paths()) == sorted(set(vendor.store.paths())), "no body came twice"
    assert sum(report["files_fetched"] for report in reports) == 2
    assert all(set(report["counts"]) <= {"fetched", "present"} for report in reports)
    for day, body in bodies.items():
        assert history_file(work, day).read_bytes() == body
    assert [mark["event"] for mark in marks(work)].count("fetched") == 2


def test_a_line_that_breaks_again_and_again_gets_there_in_one_run(vendor: Vendor, work: Path, day: date) -> None:
    piece = GOOD_PART_BYTES + 1000
    body = b'[{"timestamp":1,"text":"' + b"x" * (8 * piece) + b'"}]'
    whole = stored(body)

    def cut(seen: Seen) -> Reply:
        reply = whole(seen)
        return Reply(reply.status, reply.body[:piece], reply.headers, length=len(reply.body))

    vendor.has(day, *[cut] * 8, whole)
    status, out, _ = Got(work, *only(day), "--no-import", "-o", "json", url=vendor.url).end()
    assert (status, json.loads(out)["bytes_fetched"]) == (0, len(body))
    assert len(vendor.store.seen) == 9
    assert history_file(work, day, suffix=".json").read_bytes() == body


def test_a_store_that_begins_anew_each_time_is_not_asked_without_end(vendor: Vendor, work: Path, day: date) -> None:
    body = b"[" + b" " * (3 * GOOD_PART_BYTES)
    vendor.has(day, Reply(200, body, length=2 * len(body)))
    status, out, _ = Got(work, *only(day), "--no-import", "-o", "json", url=vendor.url).end()
    assert (status, json.loads(out)["counts"]) == (1, {"failed": 1})
    assert len(vendor.store.seen) == 1 + 4, "the first brought a good part, and counts as well"


# ---- bodies that are none --------------------------------------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"


@pytest.mark.parametrize(
    "bad",
    [
        Reply(200, PAGE, {"Content-Type": "text/html"}),
        Reply(200, gzip.compress(b'{"error":"Try again later."}')),
        Reply(200, b""),
        Reply(200, b'[{"timestamp":1763130600,"strikes":[[1,2,3]]'),
        Reply(200, gzip.compress(b'[{"timestamp":1763130600}]')[:-5]),
    ],
)
def test_a_body_that_is_no_history_is_not_kept_and_fetched_again(
    vendor: Vendor, work: Path, day: date, bad: Reply
) -> None:
    body = vendor.has(day, bad, bad, stored(body_of(day)))
    status, out, _ = Got(work, *only(day), "--no-import", "-o", "json", url=vendor.url).end()
    assert (status, json.loads(out)["counts"]) == (0, {"fetched": 1})
    assert history_file(work, day).read_bytes() == body
    assert [seen.headers["Accept-Encoding"] for seen in vendor.store.seen] == ["gzip", "identity", "identity"]
    assert [seen.headers["Range"] for seen in vendor.store.seen] == [None, None, None]


def test_what_stays_an_error_page_has_failed_and_nothing_is_there(vendor: Vendor, work: Path, day: date) -> None:
    vendor.has(day, Reply(200, PAGE))
    status, out, _ = Got(work, *only(day), url=vendor.url).end()
    assert status == 1
    assert "failed" in out
    assert "It is no JSON array; it begins with '<!DOCTYPE html>" in out
    assert [path.name for path in (work / "history").rglob("*") if path.is_file()] == [".gexlake-get.jsonl"]
    assert not (work / "lake").exists()


# ---- key and signature -----------------------------------------------------------------------------------------------


def test_the_key_is_nowhere_but_in_requests_to_the_vendor(vendor: Vendor, work: Path, days: list[date]) -> None:
    """A vendor that repeats the key in its errors, a store that repeats the URL, and every byte that was written."""
    first, second = days
    vendor.has(first)
    vendor.has(second, Reply(200, f"<html>{vendor.signed(second)} Bearer {KEY}".encode()))
    echo = f"Forbidden: Bearer {KEY}, {SECRET}{'.' * 20} {KEY}"  # the last is shown in part
    vendor.api.on(f"gex_one/{first}", refused(500, echo))
    vendor.api.on(f"gex_full/{first}", refused(403, echo))
    options = ["--ticker", "NQ_NDX", "--package", "classic", "--since", first, "--until", second, "-v"]
    got = Got(work, *options, url=vendor.url, how=cold)
    assert SECRET not in Path(f"/proc/{got.process.pid}/cmdline").read_text()
    status, out, err = got.end()
    assert status == 1
    assert "'Forbidden: Bearer ******** ********...." in out
    written = [path for path in work.rglob("*") if path.is_file()]
    assert {".gexlake-get.jsonl", "gexlake.duckdb", "snapshots.parquet"} <= {path.name for path in written}
    for content in (out.encode(), err.encode(), *(path.read_bytes() for path in written)):
        for secret in (SECRET, SIGNATURE):
            assert secret.encode() not in content
    assert {seen.headers["Authorization"] for seen in vendor.api.seen} == {f"Bearer {KEY}"}
    assert {(seen.headers["Authorization"], seen.headers["Cookie"]) for seen in vendor.store.seen} == {(None, None)}


def test_a_redirect_to_another_host_never_carries_the_key(vendor: Vendor, work: Path, day: date) -> None:
    body = vendor.has(day)
    vendor.api.on("/hist/", Reply(302, b"", {"Location": vendor.signed(day), "Set-Cookie": "a=b"}))
    status, _, _ = Got(work, *only(day), "--no-import", url=vendor.url).end()
    assert (status, history_file(work, day).read_bytes()) == (0, body)
    assert [(seen.headers["Authorization"], seen.headers["Cookie"]) for seen in vendor.store.seen] == [(None, None)]


def test_a_key_file_takes_the_place_of_the_environment(vendor: Vendor, work: Path, day: date) -> None:
    vendor.has(day)
    file = work / "key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o644)
    options = [*only(day), "--no-import", "--key-file", file]
    status, out, err = Got(work, *options, url=vendor.url, key="").end()
    assert (status, out) == (2, "")
    assert f"Run `chmod 600 {file}`" in err
    assert vendor.api.seen == []
    file.chmod(0o600)
    assert Got(work, *options, url=vendor.url, key="").end()[0] == 0
    assert vendor.api.seen[0].headers["Authorization"] == f"Bearer {KEY}"


def test_its_turns_are_those_of_all_processes_of_the_user(vendor: Vendor, work: Path, days: list[date]) -> None:
    for day in days:
        vendor.has(day)
    status, _, _ = Got(work, *only(days[0], until=days[1]), "--no-import", "--interval", "0.01", url=vendor.url).end()
    assert status == 0
    assert len(list((work / "cache" / "gexlake" / "pace").iterdir())) == 2, "one of the metric, one of the host"


# ---- what it says ----------------------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_asked(vendor: Vendor, work: Path, day: date) -> None:
    status, out, err = Got(work, *only(day), url=vendor.url, key="").end()
    assert (status, out) == (2, "")
    assert err == (
        "Error: There is no key of the vendor.\n"
        "Set GEXLAKE_VENDOR_KEY, or name a file of mode 0600 that holds the key: by --key-file, for a service by the "
        "setting vendor_key_file.\n"
    )
    assert vendor.api.seen == []
    assert not (work / "history").exists()


@pytest.mark.parametrize("url", ["http://api.gex.bot/v2", "api.gex.bot", "ftp://127.0.0.1/"])
def test_the_key_is_not_sent_without_tls(work: Path, day: date, url: str) -> None:
    status, _, err = Got(work, *only(day), url=url).end()
    assert status == 2
    assert "is not https" in err


def test_check_asks_nobody_needs_no_key_and_fails_while_a_day_is_missing(
    vendor: Vendor, work: Path, days: list[date]
) -> None:
    first, second = days
    vendor.has(first)
    options = only(first, until=second)
    status, out, _ = Got(work, *options, "--check", key="").end()
    assert status == 1
    assert out.splitlines()[0].endswith("days are missing")
    assert [line.split()[:3] for line in out.splitlines() if line.startswith(str(first))] == [
        [str(first), "NQ_NDX", "missing"]
    ]
    assert not (work / "history").exists()
    assert Got(work, *only(first), "--no-import", url=vendor.url).end()[0] == 0
    asked = len(vendor.api.seen)
    status, out, err = Got(work, *options, "--check", "-o", "json", url=vendor.url, key="").end()
    report = json.loads(out)
    assert (status, err, report["complete"], report["counts"]) == (1, "", False, {"present": 1, "missing": 1})
    late = report["days"][1]
    assert (late["session_date"], late["status"], late["is_open"]) == (str(second), "missing", True)
    assert 80 < late["expires_in_days"] <= 90
    status, out, _ = Got(work, *only(first), "--check", url=vendor.url, key="").end()
    assert (status, out.splitlines()[0].endswith(": complete")) == (0, True)
    assert len(vendor.api.seen) == asked


def test_a_package_that_the_plan_lacks_is_said_once_for_all_its_days(
    vendor: Vendor, work: Path, days: list[date]
) -> None:
    vendor.api.on("/hist/", refused(403))
    options = ["--ticker", "NQ_NDX", "--package", "classic", "--since", days[0], "--until", days[1]]
    note = "The plan of this key does not have NQ_NDX/classic: the vendor refuses all its categories."
    for more in ((), ("--check",)):
        status, out, _ = Got(work, *options, *more, url=vendor.url).end()
        assert (status, out.count(note)) == (0, 1)
        assert "6 denied" in out
        assert str(days[0]) not in out.replace(f"days          {days[0]}", "")
    asked = len(vendor.api.seen)
    assert Got(work, *options, url=vendor.url).end()[0] == 0
    assert len(vendor.api.seen) == asked


def test_a_holiday_that_the_calendar_does_not_know_is_no_file(vendor: Vendor, work: Path, day: date) -> None:
    status, out, _ = Got(work, *only(day), url=vendor.url).end()
    assert "no file" in out
    assert "The vendor has no file for that day." in out
    assert [(mark["event"], mark["what"]) for mark in marks(work)] == [("no_file", f"NQ_NDX/classic/gex_zero/{day}")]
    assert status in (0, 1), "it is late or not, by the day of the week"
    Got(work, *only(day), url=vendor.url).end()
    assert len(vendor.api.seen) == 1, "it is not asked for again at once"


def test_the_lineage_of_what_was_imported_is_that_of_the_file(vendor: Vendor, work: Path, day: date) -> None:
    import gexlake

    body = vendor.has(day)
    status, out, _ = Got(work, *only(day), url=vendor.url).end()
    assert (status, "came, but" in out, "has 1 hole, 0." in out) == (0, True, True), out
    rows = gexlake.open(work / "lake").sql("SELECT source_file, source_sha256 FROM lineage").rows()
    assert rows == [(str(history_file(work, day)), hashlib.sha256(body).hexdigest())]


def test_a_vendor_that_is_not_there_is_said_and_leaves_nothing(vendor: Vendor, work: Path, day: date) -> None:
    url = vendor.url.replace(vendor.api.url, "http://127.0.0.1:9")
    status, out, _ = Got(work, *only(day), url=url).end()
    assert status == 1
    assert "127.0.0.1 cannot be reached" in out


def test_a_key_that_the_vendor_does_not_take_ends_it(vendor: Vendor, work: Path, day: date) -> None:
    vendor.api.on("/hist/", refused(401, f"Invalid API key {KEY}."))
    status, out, err = Got(work, *only(day), url=vendor.url).end()
    assert (status, out) == (1, "")
    assert err.startswith("Error: The vendor does not take the key: 401, 'Invalid API key ********'.\n")
    assert len(vendor.api.seen) == 1


def test_a_limit_has_an_exit_status_of_its_own(vendor: Vendor, work: Path, day: date) -> None:
    vendor.api.on("/hist/", refused(429, "Rate limit exceeded."))
    status, out, _ = Got(work, *only(day), url=vendor.url).end()
    assert status == 3
    assert "The allowance of the day, or of the month, may be spent." in out


def test_a_directory_that_cannot_be_is_named(vendor: Vendor, work: Path, day: date) -> None:
    vendor.has(day)
    (work / "history").write_text("a file where the directory should be")
    status, _, err = Got(work, *only(day), url=vendor.url).end()
    assert status == 1
    assert err.startswith(f"Error: {work / 'history'}")


def test_a_full_disk_leaves_what_came_and_the_next_run_goes_on(vendor: Vendor, work: Path, day: date) -> None:
    gate = Gate()
    body = vendor.has(day, stored(body_of(day), gate=gate, gate_after=10), stored(body_of(day)))
    room = len(body) - 500
    got = Got(work, *only(day), "--no-import", url=vendor.url)
    gate.wait_until_reached()
    resource.prlimit(got.process.pid, resource.RLIMIT_FSIZE, (room, room))
    gate.open.set()
    status, out, err = got.end()
    assert (status, out) == (1, "")
    assert err.startswith("Error: A download cannot be written: File too large.\nFree some space")
    assert part_file(work, day).read_bytes() == body[:room]
    assert Got(work, *only(day), "--no-import", url=vendor.url).end()[0] == 0
    assert [seen.headers["Range"] for seen in vendor.store.seen] == [None, f"bytes={room}-"]
    assert history_file(work, day).read_bytes() == body


def test_what_came_before_the_system_was_started_anew_is_not_relied_on(vendor: Vendor, work: Path, day: date) -> None:
    body = body_of(day)
    vendor.has(day, Reply(200, body[:700], {"ETag": '"one"'}, length=len(body)))
    assert Got(work, *only(day), "--no-import", url=vendor.url).end()[0] == 1
    manifest = work / "history" / ".gexlake-get.jsonl"
    pending = [json.dumps(mark | {"boot": "another"}) for mark in marks(work) if mark["event"] == "pending"]
    manifest.write_text("\n".join(pending) + "\n")
    assert part_file(work, day).stat().st_size >= 700
    asked = len(vendor.store.seen)
    vendor.has(day)
    assert Got(work, *only(day), "--no-import", url=vendor.url).end()[0] == 0
    assert [seen.headers["Range"] for seen in vendor.store.seen[asked:]] == [None]
    assert history_file(work, day).read_bytes() == body

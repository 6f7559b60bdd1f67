"""The report of a day in whatever way the vendor hands it out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gexlake.models.feed import SessionKey
from gexlake.services.getting.order import GetOrder
from gexlake.services.getting.report import GetReport
from gexlake.services.getting.run import fetch_history
from gexlake.vendor.names import report_member, report_name
from gexlake.vendor.vendor_key import VendorKey
from helpers.getting import FEED, KEY, Vendor, body_of
from helpers.histories import MONDAY, TUESDAY
from helpers.vendor_stub import Reply, located, stored

NOW = datetime(2025, 11, 11, 18, 0, tzinfo=ZoneInfo("America/New_York"))
NAME = report_name("NQ_NDX", TUESDAY)
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture
def get(vendor: Vendor, work: Path) -> Callable[[], GetReport]:
    order = GetOrder(
        tickers=("NQ_NDX",),
        packages=("classic",),
        categories=("gex_zero",),
        since=TUESDAY,
        directory=work / "history",
        lake=work / "lake",
        base_url=vendor.url,
        eod=True,
        imports=False,
        interval_seconds=0.0,
        patience_seconds=0.0,
    )
    return lambda: fetch_history(order, VendorKey(KEY), now=NOW).finish()


@pytest.fixture(scope="module")
def report() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(report_member(SessionKey(FEED, TUESDAY)), body_of(TUESDAY))
    return buffer.getvalue()


@pytest.mark.parametrize("headers", [ZIP, {}, ZIP | {"Content-Disposition": f'attachment; filename="{NAME}"'}])
def test_it_comes_as_a_body(
    get: Callable[[], GetReport], vendor: Vendor, work: Path, report: bytes, headers: dict[str, str]
) -> None:
    vendor.api.on("/hist/eod/NQ_NDX", Reply(200, report, headers))
    assert get().counts == {"fetched": 1}
    assert (work / "history" / "NQ_NDX" / NAME).read_bytes() == report
    assert get().counts == {"present": 1}
    assert len(vendor.api.seen) == 1


@pytest.mark.parametrize("way", ["url", "redirect"])
def test_it_comes_by_a_signed_url_without_the_key(
    get: Callable[[], GetReport], vendor: Vendor, work: Path, report: bytes, way: str
) -> None:
    url = f"{vendor.store.url}/reports/{NAME}?sig=1"
    vendor.api.on("/hist/eod/", located(url) if way == "url" else Reply(302, b"", {"Location": url}))
    vendor.store.on("/reports/", Reply(200, report[:100], {"ETag": '"one"'}, length=len(report)), stored(report))
    assert get().counts == {"fetched": 1}
    assert (work / "history" / "NQ_NDX" / NAME).read_bytes() == report
    assert {seen.headers["Authorization"] for seen in vendor.store.seen} == {None}


def test_the_day_of_its_files_counts_where_the_answer_says_none(
    get: Callable[[], GetReport], vendor: Vendor, work: Path
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(report_member(SessionKey(FEED, MONDAY)), body_of(MONDAY))
    vendor.api.on("/hist/eod/", Reply(200, buffer.getvalue(), ZIP))
    found = get()
    assert [(one.session_date, one.status.value) for one in found.eod] == [(MONDAY, "fetched")]
    assert found.counts == {"missing": 1}
    assert (work / "history" / "NQ_NDX" / report_name("NQ_NDX", MONDAY)).exists()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Reply(200, b"<html>Just a moment...</html>", {"Content-Type": "text/html"}), "200 and no URL"),
        (Reply(200, b"<html>Just a moment...</html>", ZIP), "It is no ZIP archive"),
        (Reply(500, b"{}"), "The vendor is in trouble: 500"),
    ],
)
def test_what_is_no_report_is_not_kept(
    get: Callable[[], GetReport], vendor: Vendor, work: Path, bad: Reply, reason: str
) -> None:
    vendor.api.on("/hist/eod/", bad)
    (found,) = get().eod
    assert found.status == "failed"
    assert reason in (found.reason or "")
    assert not list((work / "history").rglob("eod_report*"))


def test_what_is_no_report_is_asked_for_again(get: Callable[[], GetReport], vendor: Vendor, report: bytes) -> None:
    page = Reply(200, b"<html>Just a moment...</html>", ZIP)
    vendor.api.on("/hist/eod/", page, Reply(502), Reply(200, report, ZIP))
    assert get().counts == {"fetched": 1}

"""The result of a scan as a whole: order, files under several names, filters."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gexlake.errors import SourceError, UsageError
from gexlake.scanner import REFUSALS, scan
from gexlake.scanner.classify import session_date_of
from unit.scanner.support import VENDOR_NAME, MakeRecord, Put, only, refusal


def test_results_are_sorted_by_session_then_path(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    names = [
        "z/2025-11-14_ES_SPX_classic_gex_zero.json",
        "a/2025-11-17_ES_SPX_classic_gex_zero.json",
        "b/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "a-b/2025-11-14_NQ_NDX_classic_gex_zero.json",
        "a/2025-11-14_NQ_NDX_state_gex_zero.json",
    ]
    for name in reversed(names):
        put(name, make_record())
    put("x/2.txt", b"x")
    put("x/1.txt", b"x")
    result = scan([tmp_path])
    assert [str(file.path.relative_to(tmp_path)) for file in result.files] == [*names[:2], names[3], names[2], names[4]]
    assert [file.path.name for file in result.refused] == ["1.txt", "2.txt"]
    assert sorted(result.files, key=lambda file: (file.session, file.path)) == list(result.files)


def test_each_file_counts_once(tmp_path: Path, put: Put, make_record: MakeRecord) -> None:
    path = put(f"a/{VENDOR_NAME}", make_record())
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "link.json").symlink_to(path)
    put("bad/x.txt", b"x")
    (tmp_path / "bad" / "y.txt").symlink_to("x.txt")
    result = scan([tmp_path, path, tmp_path, tmp_path / "a"])
    assert [file.path for file in result.files] == [path]
    assert [file.path.name for file in result.refused] == ["x.txt"]


def test_a_name_that_says_more_is_preferred_among_names_of_one_file(
    tmp_path: Path, put: Put, make_record: MakeRecord
) -> None:
    blob = put("a-store/9f86d081", b"[" + make_record() + b"]")
    (tmp_path / VENDOR_NAME).symlink_to(blob)
    assert only(scan([tmp_path])).path == tmp_path / VENDOR_NAME


def test_hard_links_of_one_session_count_once_but_sessions_are_told_apart(tmp_path: Path, put: Put) -> None:
    first = put("2025-11-27_SPX_classic_gex_zero.json", b"[]")
    for name in ("copy/2025-11-27_SPX_classic_gex_zero.json", "2025-12-25_SPX_classic_gex_zero.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).hardlink_to(first)
    assert [file.session.session_date for file in scan([tmp_path]).files] == [date(2025, 11, 27), date(2025, 12, 25)]


@pytest.fixture
def archive(put: Put, make_record: MakeRecord, tmp_path: Path) -> Path:
    for day in (13, 14, 17):
        for feed in ("NQ_NDX_classic_gex_zero", "NQ_NDX_state_gex_full", "SPX_classic_gex_zero"):
            put(f"2025-11-{day}_{feed}.json", make_record())
    put("2025-11-14_SPX_orderflow_orderflow.json", b"[]")
    put("2025-11-14_SPX_classic_gex_20251114.json", b"[]")
    put(".hidden", b"")
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ({}, 10),
        ({"tickers": ["SPX"]}, 4),
        ({"tickers": ["spx", "NQ_NDX"]}, 10),
        ({"tickers": ["NDX"]}, 0),
        ({"packages": ["state"]}, 3),
        ({"packages": ["classic", "State"]}, 9),
        ({"packages": ["orderflow"]}, 1),
        ({"categories": ["gex_full"]}, 3),
        ({"categories": ["zero"]}, 6),
        ({"since": date(2025, 11, 14)}, 7),
        ({"until": date(2025, 11, 14)}, 7),
        ({"since": date(2025, 11, 14), "until": date(2025, 11, 14), "tickers": ["NQ_NDX"], "packages": ["state"]}, 1),
    ],
)
def test_filters_keep_what_fits_and_count_the_rest(archive: Path, filters: dict[str, list[str]], kept: int) -> None:
    result = scan([archive], **filters)  # type: ignore[arg-type]
    assert (len(result.files), result.filtered) == (kept, 10 - kept)
    assert (len(result.refused), result.ignored) == (1, 1)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"packages": ["clasic"]}, "There is no package 'clasic'. Use one of classic, state, orderflow."),
        (
            {"categories": ["gex"]},
            "There is no category 'gex'. Use one of gex_full, gex_zero, gex_one, delta_zero, delta_one, gamma_zero, "
            "gamma_one, vanna_zero, vanna_one, charm_zero, charm_one, orderflow.",
        ),
        (
            {"since": date(2025, 11, 17), "until": date(2025, 11, 14)},
            "`since` (2025-11-17) is later than `until` (2025-11-14). Swap the two dates.",
        ),
    ],
)
def test_filters_that_can_never_fit_are_errors(tmp_path: Path, filters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        scan([tmp_path], **filters)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_lake_inside_a_source_is_left_alone(archive: Path, put: Put, make_record: MakeRecord) -> None:
    put(f"data/gex/{VENDOR_NAME}", make_record())
    assert len(scan([archive], exclude=[archive / "data"]).files) == 10


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        scan([tmp_path / "nowhere"])


def test_nothing_in_a_source_is_changed(archive: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in archive.rglob("*"))

    before = state()
    scan([archive])
    assert state() == before


def test_reasons_repeat_no_path_and_no_value(tmp_path: Path, put: Put) -> None:
    put("private-name.json", b'{"token":"gexbot_custom_secret"}')
    reason = refusal(scan([tmp_path])).reason
    assert "private-name" not in reason
    assert "secret" not in reason


@pytest.mark.parametrize(
    "timestamp", [None, "", "x", "1e400", "inf", "-1", 10**30, 4102462800, 946684799, "0001-01-01T00:00:00+14:00"]
)
def test_times_that_give_no_plausible_date(timestamp: str | int | None) -> None:
    assert session_date_of(timestamp) is None


NAMES = st.sampled_from(
    [VENDOR_NAME, f"{VENDOR_NAME}.gz", "NQ_NDX_classic_gex_zero.json", "x", "2025-11-14_SPX_state_delta_zero.json"]
)
STARTS = st.sampled_from(
    [b"", b"[", b'{"', b'[{"timestamp":1763130602,"strikes":[', b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]
)


@settings(max_examples=50)
@given(NAMES, STARTS, st.binary(max_size=80))
def test_any_content_is_either_importable_or_refused(name: str, start: bytes, rest: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(start + rest)
        result = scan([Path(folder)])
    assert len(result.files) + len(result.refused) == 1
    assert all(file.code in REFUSALS and file.reason for file in result.refused)

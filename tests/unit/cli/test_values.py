from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gexlake.cli import values


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (125_400_000, "125.4 MB"), (2.5e12, "2.5 TB"), (3e18, "3000.0 PB")],
)
def test_size(size_bytes: float, text: str) -> None:
    assert values.size(size_bytes) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [(None, "–"), (0.0, "0 %"), (0.5, "50 %"), (0.99999, "99.99 %"), (1.0, "100 %"), (0.8333, "83.33 %")],
)
def test_share_is_cut_because_100_means_all(part: float | None, text: str) -> None:
    assert values.share(part) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0, "0 %"), (0.001, "0.1 %"), (1e-9, "0.001 %"), (0.05093, "5.093 %"), (1.0, "100 %")]
)
def test_rate_of_errors_is_rounded_up_because_0_means_none(rate: float, text: str) -> None:
    assert values.rate_of_errors(rate) == text


@pytest.mark.parametrize(
    ("duration", "text"), [(0, "0 s"), (4.21, "4.2 s"), (60, "1 min 00 s"), (75.4, "1 min 15 s"), (3700, "1 h 01 min")]
)
def test_seconds(duration: float, text: str) -> None:
    assert values.seconds(duration) == text


def test_counts_words_and_times() -> None:
    assert (values.count(1234567), values.count(None)) == ("1,234,567", "–")
    assert (values.plural(1, "file"), values.plural(1200, "file")) == ("1 file", "1,200 files")
    assert values.instant(datetime(2025, 11, 14, 15, 30, tzinfo=UTC)) == "2025-11-14 15:30:00 UTC"
    assert values.instant(None) == "–"
    assert values.days(date(2025, 11, 14), date(2025, 11, 14)) == "2025-11-14"
    assert values.days(date(2025, 11, 14), date(2025, 11, 17)) == "2025-11-14 – 2025-11-17"

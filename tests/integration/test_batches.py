"""Many staged sessions are committed together; what is wrong with one of them keeps no other from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gexlake.db.commit import commit_groups
from gexlake.errors import GexlakeError
from gexlake.models.staged import Outcome, StagedSession
from gexlake.services.importing import commits
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.verify import verify_lake
from helpers.histories import MONDAY, write_history
from helpers.lakes import select

DAYS = 3
Harm = Callable[[StagedSession], None]
COMMITTED, STALE, HELD_BACK = Outcome.COMMITTED, Outcome.STALE, Outcome.HELD_BACK


@pytest.fixture(scope="module")
def history(fast_disk: Path) -> Path:
    """Three days of each of two feeds, NQ_NDX before SPX."""
    folder = fast_disk / "batch-history"
    for ticker in ("NQ_NDX", "SPX"):
        write_history(folder / ticker, sessions=DAYS, snapshots=10, tickers=[ticker])
    return folder


def commit_with_harm(monkeypatch: pytest.MonkeyPatch, harm: Harm) -> list[list[Any]]:
    """Have the first session that is to be committed come to harm, once; what becomes of all, call by call."""
    calls: list[list[Any]] = []

    def commit(connection: Any, layout: Any, groups: Any) -> Any:
        taken = list(groups)
        if not calls:
            harm(taken[0][0])
        calls.append(commit_groups(connection, layout, taken))
        return calls[-1]

    monkeypatch.setattr(commits, "commit_groups", commit)
    return calls


def numbers_of(lake: Path) -> list[int]:
    return [count for (count,) in select(lake, "SELECT count(*) FROM changes GROUP BY commit ORDER BY commit")]


def test_what_is_staged_together_has_one_number(history: Path, work: Path) -> None:
    import_history(history, work / "lake")
    assert numbers_of(work / "lake") == [2 * DAYS]
    assert select(work / "lake", "SELECT count(*), count(DISTINCT session_date) FROM gex_snapshots") == [(60, DAYS)]


def test_a_stale_session_is_staged_anew_before_its_feed_goes_on(
    history: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_stale(staged: StagedSession) -> None:
        staged.base_version = "of another import"

    calls = commit_with_harm(monkeypatch, make_stale)
    report = import_history(history, work / "lake")
    assert calls == [[STALE, *[HELD_BACK] * (DAYS - 1), *[COMMITTED] * DAYS], [COMMITTED] * DAYS]
    assert report.totals.sessions == 2 * DAYS
    assert numbers_of(work / "lake") == [DAYS, DAYS]
    assert verify_lake(work / "lake").clean


def lose_bytes(staged: StagedSession) -> None:
    assert staged.directory is not None
    file = staged.directory / "strikes.parquet"
    file.write_bytes(file.read_bytes()[:-9] + b"!" + file.read_bytes()[-8:])


def lose_file(staged: StagedSession) -> None:
    assert staged.directory is not None
    (staged.directory / "strikes.parquet").unlink()


def miscount(staged: StagedSession) -> None:
    """Which is seen in the transaction of all."""
    assert staged.summary is not None
    staged.summary = replace(staged.summary, snapshots=11)


@pytest.mark.parametrize("harm", [lose_bytes, lose_file, miscount])
def test_a_session_that_cannot_be_committed_fails_alone(
    history: Path, work: Path, monkeypatch: pytest.MonkeyPatch, harm: Harm
) -> None:
    calls = commit_with_harm(monkeypatch, harm)
    with pytest.raises(GexlakeError):
        import_history(history, work / "lake")
    assert calls[0][1:] == [*[HELD_BACK] * (DAYS - 1), *[COMMITTED] * DAYS]
    assert select(work / "lake", "SELECT DISTINCT ticker FROM sessions") == [("SPX",)]
    import_history(history, work / "lake")
    assert select(work / "lake", "SELECT ticker, count(*) FROM sessions GROUP BY ALL ORDER BY ALL") == [
        ("NQ_NDX", DAYS),
        ("SPX", DAYS),
    ]
    assert select(work / "lake", f"SELECT count(*) FROM gex_snapshots WHERE session_date = '{MONDAY}'") == [(20,)]
    assert verify_lake(work / "lake").clean

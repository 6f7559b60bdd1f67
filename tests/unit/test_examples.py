"""Folders of sample files are test suites: drop a file, get a test. All values in them are synthetic.

`rules/<code>[.what].json` holds good records and one that breaks the rule `<code>`; `accepted/` holds the same three
snapshots in every form that must be read alike.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gexlake.models.feed import Feed, SessionKey
from gexlake.models.source import Form, SourceFile
from gexlake.models.staged import StagedSession
from gexlake.models.task import FeedTask
from gexlake.packing import Compression
from gexlake.services.importing.stage import stage_sources
from gexlake.validation.rules import Rule, Severity

EXAMPLES = Path(__file__).parent.parent / "examples"
RULE_FILES = sorted((EXAMPLES / "rules").iterdir())
ACCEPTED_FILES = sorted((EXAMPLES / "accepted").iterdir())
SESSION = SessionKey(Feed("NQ_NDX", "classic", "gex_zero"), date(2025, 11, 10))
NOW_US = 1_790_000_000_000_000
NEEDS_BULK = {Rule.RECORD_TOO_LARGE, Rule.EXPANSION_LIMIT}
"""Rules that only megabytes can break; tests/unit/importers breaks them."""
NEEDS_ANOTHER_READING = {Rule.RECORDS_KEPT, Rule.EXTRA_DIFFERS}
"""Rules about what the lake holds already; tests/integration/test_kept_records.py breaks them."""


def stage(path: Path, directory: Path | None) -> StagedSession:
    source = SourceFile(path, "gex", SESSION, path.stat().st_size, Compression.NONE, Form.ARRAY)
    zone = "America/New_York" if path.name.startswith("zone_given") else None
    lake = path.parent / "no-lake"
    task = FeedTask("test", "gex", SESSION, (source,), lake, directory, moment_us=NOW_US, naive_zone=zone)
    return stage_sources(task)[-1]


def directory_of(staged: StagedSession) -> Path:
    """Where an attempt has left its files."""
    assert staged.directory is not None
    return staged.directory


def test_every_rule_has_an_example() -> None:
    assert {file.name.split(".")[0] for file in RULE_FILES} == set(Rule) - NEEDS_BULK - NEEDS_ANOTHER_READING


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_breaking_a_rule_is_named_and_good_neighbours_survive(path: Path) -> None:
    rule = Rule(path.name.split(".")[0])
    record = stage(path, None).lineage[0]
    assert record.balanced
    if rule.severity is Severity.REFUSED:
        assert record.errors.pop(rule) == 1
        assert record.records_quarantined == 1
        assert record.records_imported == 2
        assert set(record.errors) <= {Rule.ARRAY_NOT_CLOSED}
    elif rule.severity is Severity.WARNING:
        assert record.warnings == {rule: 1}
        assert record.records_imported == record.records_seen == 3
    else:
        assert {**record.warnings, **record.errors}[rule] == 1
        assert record.records_quarantined == 0


@pytest.mark.parametrize("path", ACCEPTED_FILES, ids=lambda path: path.name)
def test_every_form_of_the_same_snapshots_reads_alike(path: Path, tmp_path: Path) -> None:
    staged = stage(path, tmp_path / "it"), stage(EXAMPLES / "accepted" / "array.json", tmp_path / "reference")
    record = staged[0].lineage[0]
    assert (record.records_imported, record.errors, record.warnings) == (3, {}, {})
    for name in ("snapshots.parquet", "strikes.parquet"):
        it, reference = (pl.read_parquet(directory_of(session) / name) for session in staged)
        columns = [column for column in it.columns if column != "extra"]  # an envelope is kept there
        assert it.select(columns).equals(reference.select(columns))


def test_stored_doubles_are_those_of_the_text(tmp_path: Path) -> None:
    staged = stage(EXAMPLES / "accepted" / "array.json", tmp_path / "it")
    ladder = pl.read_parquet(directory_of(staged) / "strikes.parquet").head(3)
    assert np.array_equal(ladder["gex_vol"].to_numpy(), np.array([-228.01, 648.47, 120.5]))
    assert ladder["prior_5"].to_list() == [-220.12, 642.97, 115.0]

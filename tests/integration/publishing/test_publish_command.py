"""`gexlake publish`, and publishing that goes on beside a service."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gexlake.cli import app
from gexlake.db.followers import oldest_retained
from gexlake.db.layout import LakeLayout
from gexlake.errors import CatalogError
from gexlake.models.publishing import PublishOrder, PublishReport
from gexlake.services.publishing import publish as publishing
from gexlake.services.publishing.publish_job import publish_as_committed
from helpers.publishing import assert_published


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["publish", *arguments])
    assert result.exit_code == status, result.output
    return result.output


@pytest.mark.usefixtures("change")
def test_says_what_came_in_and_went_out(lake: Path) -> None:
    shown = run("--lake", str(lake))
    assert shown.startswith(f"Published: {lake} in the catalog lake\n  tag   gexlake-")
    assert [line.split() for line in shown.splitlines()[3:]] == [
        ["table", "files", "rows", "files", "in", "files", "out"],
        ["gexlake.gex_strikes", "2", "180", "2", "2"],
        ["gexlake.gex_snapshots", "2", "20", "2", "2"],
    ]
    assert run("--lake", str(lake)).startswith("Nothing new: ")


def test_the_report_as_json_says_the_commit_and_the_snapshots(lake: Path) -> None:
    report = json.loads(run("--lake", str(lake), "--keep", "1", "--output", "json"))
    assert report["tag"] == f"gexlake-{report['commit']}"
    assert [table["table"] for table in report["tables"]] == ["gexlake.gex_strikes", "gexlake.gex_snapshots"]
    assert all(table["snapshot_id"] for table in report["tables"])


def test_a_catalog_that_is_forgotten_keeps_no_versions(lake: Path) -> None:
    assert oldest_retained(LakeLayout(lake)) is not None
    assert run("--lake", str(lake), "--forget") == ""
    assert oldest_retained(LakeLayout(lake)) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--forget", "--follow"), "--forget stands alone"),
        (("--catalog", "nobody"), "The catalog nobody cannot be opened"),
        (("--expire-before", "yesterday"), "'yesterday' is not a date"),
    ],
)
def test_what_cannot_be_done_as_given_is_said_with_status_2(lake: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in " ".join(run("--lake", str(lake), *arguments, status=2).split())


def test_without_a_lake_there_is_nothing_to_publish(work: Path) -> None:
    assert "There is no lake at" in run("--lake", str(work / "none"), status=1)
    assert not (work / "none").exists()


def test_a_lake_whose_path_readers_would_cut_off_is_not_published(changing: tuple[Path, Path], work: Path) -> None:
    shutil.copytree(changing[0], work / "a#b")
    assert "has a `#` in it" in run("--lake", str(work / "a#b"), status=2)
    assert [path.name for path in work.iterdir()] == ["a#b"]


def test_following_publishes_again_when_something_was_committed_and_not_otherwise(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["fails", "works", "works"])
    monkeypatch.setattr(publishing, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(publishing, "RETRY_POLLS", 2)
    publish = publishing.publish

    def publish_or_fail(lake: Path, order: PublishOrder) -> PublishReport:
        if next(answers) == "fails":
            raise CatalogError("The catalog does not answer.")
        return publish(lake, order)

    monkeypatch.setattr(publishing, "publish", publish_or_fail)
    reports = publishing.iter_published(lake, PublishOrder())
    assert isinstance(next(reports), CatalogError)
    assert isinstance(next(reports), PublishReport)  # by itself, a while later
    LakeLayout(lake).database.touch()
    assert isinstance(next(reports), PublishReport)


@pytest.mark.usefixtures("change")
def test_a_service_has_a_process_publish_what_is_committed(lake: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def until_published() -> None:
        task = asyncio.create_task(publish_as_committed(lake, PublishOrder()))
        while not any("published to the catalog lake: gexlake-" in record.message for record in caplog.records):
            assert not task.done()
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])

    with caplog.at_level(logging.INFO):
        asyncio.run(until_published())
    assert_published(lake)

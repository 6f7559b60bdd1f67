"""Killed at any moment, a push or a pull is completed by the next one: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from gexlake.db.layout import LakeLayout
from gexlake.db.mirrors import load_states, save_state
from helpers.crashes import states
from helpers.histories import MONDAY, records_of, vendor_name, write_array
from helpers.lakes import copy_lake, different_tables
from helpers.mirrors import assert_equal_lakes, publications, pulled, pushed
from helpers.runner import Runner
from integration.mirror.conftest import Published

PUSHED_EVERY, EVERY = 2, 16
"""Of the states that a kill leaves, so many-th are gone on with, and to the end: what lies between is much alike."""


@pytest.fixture(scope="module")
def changed(template: Published, history: Path, runner: Runner, fast_disk: Path) -> Path:
    """A lake and its mirror, which does not have the last commit yet."""
    root = copy_lake(template.lake.parent, fast_disk / "changed")
    settle_address(root)
    write_array(history / vendor_name(MONDAY), [record | {"spot": 3.5} for record in records_of(MONDAY)])
    assert runner.run_import(history, root / "lake").status == 0
    return root


def test_a_push_that_is_killed_is_completed_by_the_next(changed: Path, runner: Runner, work: Path) -> None:
    root, kept = copy_lake(changed, work / "root"), work / "kept"
    settle_address(root)
    counted = runner.start("push", root, faults={"copy_to": str(kept)}).wait()
    assert counted.points > 20, counted
    expected = changes_published(root / "mirror")
    assert set(expected.values()) == {1}
    for number, (point, left) in enumerate(states(kept)[::PUSHED_EVERY]):
        settle_address(left)
        report = pushed(left / "lake", left / "mirror")
        assert report.publication == 2, point
        assert changes_published(left / "mirror") == expected, point
        if number * PUSHED_EVERY % EVERY == 0:
            pulled(left / "copy", left / "mirror")
            assert_equal_lakes(left / "lake", left / "copy")
        shutil.rmtree(left)


def settle_address(root: Path) -> None:
    """A mirror is known by its address, and a lake that was copied has it elsewhere."""
    layout = LakeLayout(root / "lake")
    known = load_states(layout)
    shutil.rmtree(layout.mirrors, ignore_errors=True)
    for state in known[:1]:
        save_state(layout, state.model_copy(update={"address": str(root / "mirror")}))


def changes_published(mirror: Path) -> Counter[tuple[int, str]]:
    return Counter(
        (change.commit, f"{change.session} {change.version}")
        for published in publications(mirror)
        for change in published.changes
    )


def test_a_pull_that_is_killed_is_completed_by_the_next(changed: Path, runner: Runner, work: Path) -> None:
    """The first one, and one that brings what has changed since."""
    root = copy_lake(changed, work / "root")
    settle_address(root)
    killed_at_each_point(runner, root, work / "first")
    pushed(root / "lake", root / "mirror")
    killed_at_each_point(runner, root, work / "second", begun=root / "pulled")


def killed_at_each_point(runner: Runner, root: Path, folder: Path, *, begun: Path | None = None) -> None:
    copy = copy_lake(begun, folder / "copy") if begun else folder / "copy"
    copy.mkdir(parents=True, exist_ok=True)
    outcome = runner.start("pull", copy, mirror=str(root / "mirror"), faults={"copy_to": str(folder / "kept")}).wait()
    assert outcome.points > 20, outcome
    shutil.copytree(copy, root / "pulled", dirs_exist_ok=True)
    for point, left in states(folder / "kept")[::EVERY]:
        pulled(left, root / "mirror")
        assert different_tables(copy / "gexlake.duckdb", left / "gexlake.duckdb") == [], point
        assert not list((left / "staging").glob("pull-*")), point
        assert shown(left) == shown(copy), point
        shutil.rmtree(left)


def shown(lake: Path) -> dict[str, bytes]:
    """What globs find, and the journals."""
    files = [file for folder in ("gex", "imports") for file in (lake / folder).rglob("*.parquet")]
    return {str(file.relative_to(lake)): file.read_bytes() for file in files}

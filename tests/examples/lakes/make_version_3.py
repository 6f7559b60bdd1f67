"""How version-3.tar.xz was made: run once, with the last gexlake that wrote lakes of version 3 (commit 5b5c1a2).

    PYTHONPATH=src:tests python make_version_3.py version-3.tar.xz

Synthetic history. Monday is in its third version, and two are kept; Tuesday was forgotten, and is kept; Wednesday is
orderflow. Thursday's second version was killed between its transaction and the first rename, Friday's between two, with
the snapshots at their place and the strikes yet to be moved.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from datetime import date, timedelta
from pathlib import Path

from gexlake.models.import_order import ImportOptions
from gexlake.sample import sample_records
from gexlake.sample.feeds import SampleFeed
from gexlake.services.importing import commits
from gexlake.services.importing.import_history import import_history
from gexlake.services.upkeep.revise import forget_source
from helpers.histories import MONDAY, edit, records_of, vendor_name, write_array

TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (MONDAY + timedelta(days=number) for number in range(1, 5))
FLOW = SampleFeed("NQ_NDX", "orderflow", "orderflow")


def make(place: Path) -> Path:
    """The lake, and its history beside it."""
    history, lake = place / "history", place / "lake"
    options = ImportOptions(keep_versions=2)
    for day in (MONDAY, TUESDAY, THURSDAY, FRIDAY):
        write_array(history / vendor_name(day), records_of(day, 4))
    flow = history / f"{WEDNESDAY}_{FLOW.ticker}_{FLOW.package}_{FLOW.category}.json"
    write_array(flow, sample_records(3, FLOW, WEDNESDAY, strikes=9))
    import_history([history], lake, options)
    for spot in (1.25, 2.5):
        change(history, MONDAY, spot)
        import_history([history], lake, options)
    forget_source(lake, history / vendor_name(TUESDAY))
    (history / vendor_name(TUESDAY)).unlink()
    for day, renames in ((THURSDAY, 0), (FRIDAY, 1)):
        change(history, day, 3.75)
        subprocess.run([sys.executable, __file__, history / vendor_name(day), lake, str(renames)], check=True)
    return lake


def change(history: Path, day: date, spot: float) -> None:
    edit(history / vendor_name(day), lambda records: records[2].update(spot=spot))


def import_and_die(file: Path, lake: Path, renames: int) -> None:
    """Import a file, and die when so many of its files have been moved to their places."""
    replace, left = Path.replace, renames

    def replace_or_die(path: Path, target: Path) -> Path:
        nonlocal left
        if lake / "gex" in target.parents:
            if left == 0:
                os._exit(0)
            left -= 1
        return replace(path, target)

    Path.replace = replace_or_die  # type: ignore[assignment,method-assign]
    commits.recover = lambda *_: []  # what another import that died has left is to stay as it is
    import_history([file], lake)


def main(arguments: list[str]) -> None:
    if len(arguments) > 1:
        import_and_die(Path(arguments[0]), Path(arguments[1]), int(arguments[2]))
        raise AssertionError("it lives")
    with tempfile.TemporaryDirectory(prefix="version-3-") as scratch, tarfile.open(arguments[0], "w:xz") as archive:
        archive.add(make(Path(scratch)), "lake")


if __name__ == "__main__":
    main(sys.argv[1:])

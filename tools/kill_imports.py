"""Kill imports at random moments, run them again, and hold the lake against that of an undisturbed import.

    PYTHONPATH=tests python tools/kill_imports.py --seconds 600

Each lake goes through steps of its own: days come, a recorder's file of several days, copies, changes, conflicts,
damage; with --prune and --force now and then, and sources are forgotten and restored. Every step is killed one to four
times, half of them between two chosen changes of the disk, half at any moment, and then run to its end. Whatever the
seed, the end must be that of the same steps undisturbed: rows of both data sets, lineage, refused records; `verify`
finds nothing; every third lake has views in place of tables; every eighth is rebuilt and compared again. Exits with 1
where a lake differs, and keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from helpers.histories import MONDAY, Record, edit, records_of, vendor_name, write_array
from helpers.processes import descendants, wait_for_end
from helpers.runner import Outcome, Runner, Running

KILLED = -signal.SIGKILL
MAX_KILLS = 4
RECORDER = "NQ_NDX_classic_gex_zero.json"
DAYS = [MONDAY + timedelta(days=number) for number in range(4)]
REBUILT = 8
"""Every so manieth lake is rebuilt as well."""
SERVED = 6
"""Every so manieth lake is imported by a service that watches the folder, and is killed."""
VIEWED = 3
"""Every so manieth lake has no tables of snapshots in its database, but views; those that are served have tables."""
LAST = """
    WITH last AS (
      SELECT * FROM lineage WHERE status <> 'skipped' AND carried_from IS NULL
      QUALIFY row_number() OVER (PARTITION BY source_file ORDER BY import_id DESC) = 1)
"""
LAST_READINGS = {
    "lineage": LAST
    + "SELECT source_file, source_sha256, session_date, status, records_seen, records_imported, records_duplicate, "
    "records_quarantined, warnings, errors, sessions FROM last ORDER BY ALL",
    "quarantine": LAST + "SELECT q.source_file, record_index, byte_offset, reason, q.message, raw FROM quarantine AS q "
    "JOIN last USING (import_id, source_file) ORDER BY ALL",
}
KEPT_VERSIONS = 9
"""Enough for every version that a step replaces, also where kills have made several of one."""


@dataclass
class Step:
    """What happens to the folder, and what is then done with the lake."""

    name: str
    change: Callable[[Path], object]
    do: str = "import"
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Lake:
    """A lake, with the imports that each step has made in it."""

    path: Path
    imports: list[list[str]] = field(default_factory=list)

    @property
    def known(self) -> set[str]:
        return {import_id for step in self.imports for import_id in step}


def main() -> int:
    """Kill until the time is over; 1 where a lake came out otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=20251110, help="of the first lake; the next has the next")
    parser.add_argument("--keep", type=Path, default=Path("kill-differences"), help="where lakes that differ are kept")
    parser.add_argument("--no-serve", action="store_true")
    options = parser.parse_args()
    counts, runner = Counter[str](), Runner(("nice", "-n", "15"))
    ends = time.monotonic() + options.seconds
    seed = options.seed
    try:
        while time.monotonic() < ends:
            with tempfile.TemporaryDirectory(prefix="gexlake-kills-", dir=_fast_disk()) as work:
                campaign = Campaign(runner, Path(work), seed, counts, serves=not options.no_serve)
                difference = campaign.run()
                counts["lakes"] += 1
                if difference:
                    counts["differences"] += 1
                    print(f"seed {seed}: {difference}", flush=True)
                    shutil.copytree(work, options.keep / str(seed), symlinks=True, dirs_exist_ok=True)
            seed += 1
    finally:
        runner.close()
        print(json.dumps(counts, sort_keys=True))
    return int(counts["differences"] > 0)


class Campaign:
    """One lake, killed again and again, beside one that is left in peace."""

    def __init__(self, runner: Runner, work: Path, seed: int, counts: Counter[str], *, serves: bool) -> None:
        self.runner = runner
        self.folder = work / "history"
        self.calm, self.killed = Lake(work / "calm"), Lake(work / "killed")
        self.chance = random.Random(seed)
        self.counts = counts
        self.rebuilds = seed % REBUILT == 0
        self.serves = serves and seed % SERVED == 0
        self.options = {"snapshots_in_database": False} if seed % VIEWED == 1 else {}

    def run(self) -> str:
        """Take all steps; how the lakes differ, nothing where they do not."""
        self.folder.mkdir()
        for step in steps_of(self.chance):
            step.change(self.folder)
            self.counts["steps"] += 1
            points, seconds = self._calm(step)
            self._kill(step, points, seconds)
            difference = self._difference()
            if difference:
                return f"after {step.name} ({', '.join(self.killed.imports[-1])}): {difference}"
        return self._unsoundness()

    # ---- steps ---------------------------------------------------------------------------------------------

    def _calm(self, step: Step) -> tuple[int, float]:
        started = time.monotonic()
        outcomes = self._command(step, self.calm, {"count": True})
        seconds = time.monotonic() - started
        assert all(map(_is_done, outcomes)), (step.name, outcomes)
        self._settle(step, self.calm)
        self._note_imports(self.calm)
        return outcomes[-1].points, seconds

    def _kill(self, step: Step, points: int, seconds: float) -> None:
        for _ in range(self.chance.randint(1, MAX_KILLS)):
            if self.serves and step.do == "import" and not step.options:
                self._kill_service(step, seconds)
                continue
            workers = self.chance.random() < 0.1
            faults: dict[str, Any] = {"inline_bytes": 0} if workers else {}
            if not workers and self.chance.random() < 0.5:
                faults["die_at"] = self.chance.randint(1, max(1, points))
                outcome = self._command(step, self.killed, faults)[0]
            else:
                outcome = self._kill_at_any_moment(step, faults, seconds * (3 if workers else 1))
            self.counts["kills" if outcome.status == KILLED else "ended before"] += 1
        self._settle(step, self.killed)
        self._settle(step, self.killed)
        self._note_imports(self.killed)

    def _kill_at_any_moment(self, step: Step, faults: dict[str, Any], seconds: float) -> Outcome:
        running = self._start(step, self.killed, self._ids(step, self.killed)[0], faults)
        time.sleep(self.chance.uniform(0, seconds))  # the moment is what is tested
        running.kill()
        return running.wait()

    def _settle(self, step: Step, lake: Lake) -> None:
        """Once more, undisturbed: what a step has changed may reopen verdicts, which the same command then takes up."""
        for outcome in self._command(step, lake, {}):
            assert _is_done(outcome), (step.name, outcome)

    def _command(self, step: Step, lake: Lake, faults: dict[str, Any]) -> list[Outcome]:
        return [self._start(step, lake, import_id, faults).wait() for import_id in self._ids(step, lake)]

    def _start(self, step: Step, lake: Lake, import_id: str, faults: dict[str, Any]) -> Running:
        if step.do == "import":
            options = self.options | step.options
            return self.runner.start_import(self.folder, lake.path, faults, keep_versions=KEPT_VERSIONS, **options)
        if step.do == "forget":
            return self.runner.start(
                "forget", lake.path, source=str(self.folder / step.options["source"]), faults=faults
            )
        return self.runner.start("restore", lake.path, import_id=import_id, faults=faults)

    def _ids(self, step: Step, lake: Lake) -> list[str]:
        """What is to be restored: all imports of the step before, the last one first."""
        return lake.imports[-1][::-1] if step.do == "restore" else [""]

    def _note_imports(self, lake: Lake) -> None:
        rows = self.runner.start("select", lake.path, sql="SELECT import_id FROM imports ORDER BY 1").wait().report
        lake.imports.append([row[0] for row in rows if row[0] not in lake.known])

    def _kill_service(self, step: Step, seconds: float) -> None:
        """A service that watches the folder, killed with the import that it has begun."""
        words = ["serve", "--lake", str(self.killed.path), "--port", "0", "--watch", str(self.folder)]
        process = subprocess.Popen(
            ["nice", sys.executable, "-m", "gexlake", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        while b"Serving" not in process.stderr.readline():  # it listens
            assert process.poll() is None, "the service did not start"
        time.sleep(self.chance.uniform(0, 10 * seconds))
        family = descendants(process.pid)
        for pid in (process.pid, *family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()
        wait_for_end(family)
        self.counts["kills of a service"] += 1

    # ---- comparing -----------------------------------------------------------------------------------------

    def _difference(self) -> str:
        calm, killed = self._content(self.calm), self._content(self.killed)
        names = [name for name in calm.keys() | killed.keys() if calm.get(name) != killed.get(name)]
        left = [path.name for path in (self.killed.path / "staging").iterdir()]
        return "; ".join(
            [*(f"{name} differs" for name in sorted(names)), *(f"{name} is left in staging" for name in left)]
        )

    def _content(self, lake: Lake) -> dict[str, Any]:
        """All of a lake that is not of the moment; of lineage, the last reading of each file.

        What is read again on purpose, with --force, is read again after a kill as well: it has more readings.
        """
        content = self.runner.start("content", lake.path).wait().report
        for name, sql in LAST_READINGS.items():
            content[name] = self.runner.start("select", lake.path, sql=sql).wait().report
        return content

    def _unsoundness(self) -> str:
        """What verify finds; the same after a rebuild, and whether that made another lake."""
        findings = self._findings()
        if findings or not self.rebuilds:
            return findings
        outcome = self.runner.start("rebuild", self.killed.path).wait()
        self.counts["rebuilt"] += 1
        if outcome.status:
            return f"rebuild: {outcome}"
        return self._findings() or " after a rebuild ".join(filter(None, [self._difference()]))

    def _findings(self) -> str:
        outcome = self.runner.verify(self.killed.path)
        return "" if outcome.status == 0 else f"verify: {outcome.out[:2000]} {outcome.err}"


def _is_done(outcome: Outcome) -> bool:
    """It made its report, be it of files that failed; or there was nothing to restore."""
    return (outcome.status in {0, 1} and bool(outcome.out)) or outcome.status == 2


# ---- histories -----------------------------------------------------------------------------------------------------


def steps_of(chance: random.Random) -> list[Step]:
    """The steps of one lake: how it begins, and some of what may come after, in any order."""
    more = [
        Step("more days", lambda folder: write_days(folder, DAYS[2:], chance)),
        Step("a recorder's file", lambda folder: write_recorder(folder, chance)),
        Step("a copy", lambda folder: copy_a_file(folder, chance)),
        Step("a correction", lambda folder: change_a_file(folder, chance)),
        Step("a shorter file", lambda folder: cut_a_file(folder, chance)),
        Step("a conflict", lambda folder: write_conflict(folder, chance)),
        Step("force", lambda folder: None, options={"force": True}),
        Step("prune", lambda folder: cut_a_file(folder, chance), options={"prune": True}),
    ]
    chance.shuffle(more)
    steps = [Step("first days", lambda folder: write_days(folder, DAYS[:2], chance)), *more[: chance.randint(2, 5)]]
    if chance.random() < 0.5:
        source = chance.choice([vendor_name(DAYS[0]), RECORDER, ""])
        nothing = lambda folder: None if (folder / source).exists() else write_recorder(folder, chance)  # noqa: E731
        steps += [Step("seen", nothing), Step("forget", nothing, "forget", {"source": source})]
        if chance.random() < 0.7:
            steps.append(Step("restore", nothing, "restore"))
        steps.append(Step("again", nothing, options={"force": True} if chance.random() < 0.5 else {}))
    return steps


def write_days(folder: Path, days: list[date], chance: random.Random) -> None:
    """A file a day, some of them with records that are refused."""
    for day in days:
        path = write_array(folder / vendor_name(day), records_of(day, chance.randint(5, 30)))
        if chance.random() < 0.3:
            edit(path, lambda records: records[2].update(spot=0))


def write_recorder(folder: Path, chance: random.Random) -> None:
    """One file over several days, which overlaps those of single days, or holds them."""
    days = DAYS[: chance.randint(2, 4)]
    skip = chance.randint(0, 10)
    write_array(
        folder / "recorder" / vendor_name(days[0]),
        [record for day in days for record in records_of(day, chance.randint(5, 40), skip=skip)],
    )
    write_array(folder / RECORDER, records_of(days[-1], 45))


def copy_a_file(folder: Path, chance: random.Random) -> None:
    """The same bytes under another name."""
    path = chance.choice(files_of(folder))
    (folder / "copies").mkdir(exist_ok=True)
    shutil.copyfile(path, folder / "copies" / path.name)


def change_a_file(folder: Path, chance: random.Random) -> None:
    """Some values are corrected, and the first records may be gone."""

    def change(records: list[Record]) -> None:
        for number in range(0, len(records), 3):
            records[number]["zero_gamma"] = 1000.0 + number
        records[:] = records[chance.randint(0, 2) :]

    edit(chance.choice(files_of(folder)), change)


def cut_a_file(folder: Path, chance: random.Random) -> None:
    """The second half is gone."""
    edit(chance.choice(files_of(folder)), lambda records: records.__delitem__(slice(len(records) // 2, None)))


def write_conflict(folder: Path, chance: random.Random) -> None:
    """Another file of a day, which says something else of some moments."""
    day = chance.choice(DAYS[:2])
    records = [record | {"spot": record["spot"] + 1} for record in records_of(day, 6)] + records_of(day, 4, skip=40)
    write_array(folder / "other" / vendor_name(day), records)


def files_of(folder: Path) -> list[Path]:
    """All of the history."""
    return sorted(folder.rglob("*.json"))


def _fast_disk() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


if __name__ == "__main__":
    raise SystemExit(main())
